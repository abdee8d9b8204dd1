"""Give files of ours to the counterpart that has taken their notice, chunk by chunk, while that notice is live.

1. the peer has signed a fetch that is admitted (`desk.delivery.content`), of which these are our part:
2. the notice is one of ours to this peer, names this file, and was taken
3. neither it nor its thread was withdrawn, erased, or is over
4. exchange with the peer is not suspended for the notice's purpose, and its documents are in their time
5. the files of this notice were not begun too often within a day
6. the entry is durable
7. chunks leave, each with its way to the root; 2 to 4 are looked at again all the while

To a peer that may not have a file, it does not exist.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from gateway.audit.tree.merkle import Tree
from gateway.desk.attachments.values import FileParts
from gateway.desk.delivery.content import ContentDoor, given_lately
from gateway.desk.fold import state_by_clock
from gateway.errors import Contradicted, LiaisonError, Overloaded, Unavailable, Unknown
from gateway.model.desk.attachments import Chunk, FetchWanted, FileState, chunk_count
from gateway.model.desk.delivered import Fetch, FetchMessage
from gateway.model.desk.notices import NoticeType
from gateway.model.desk.threads import ThreadKey, ThreadState
from gateway.model.desk.work import DeliveryState, Direction, HoldingState
from gateway.model.exchange import Verified
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.desk import DeskStore, Thread
from gateway.ports.entries import events
from gateway.ports.files.held import HeldFile
from gateway.ports.journal import EntryDraft
from gateway.rpc.contract import Call
from gateway.statements.notices.notice import parse_notice
from gateway.throttle import Rates

_LOOK_EACH = 16
"""Chunks between two looks at whether the notice is still live."""

MOST_BEGUN = 1_024
"""The fetches of one notice's files that a member may begin within a day, also over a link that breaks all the time."""

_BEGUN_PER_S, _BURST_S = 2.0, 60.0


class Giver:
    """Serves `FetchAttachment` (a `delivery.content.Content`)."""

    wanted = FetchWanted

    def __init__(self, it: FileParts, door: ContentDoor) -> None:
        self._it = it
        self._door = door
        self.rates = Rates(_BEGUN_PER_S, it.desk.parts.clock.monotonic, _BURST_S)

    async def give(self, call: Call[MemberId], message: FetchMessage) -> AsyncGenerator[Chunk]:
        """Yield the chunks of a file from one on. Raises `Unknown` for a file that the peer may not have."""
        it, peer = self._it, call.who
        admitted = await self._door.admit(self, peer, message)
        row, tree, wanted = admitted.found
        for number in range(wanted.chunk, chunk_count(row.about.size)):
            if number % _LOOK_EACH == 0:
                await asyncio.to_thread(admitted.look_again)
                await asyncio.to_thread(self._row, peer, wanted)
            data = await asyncio.to_thread(it.files.chunk, row, number)
            yield Chunk(number, data, tree.inclusion(number))

    def purpose(self, peer: MemberId, wanted: FetchWanted) -> str:
        """Return the purpose of the notice that names the file."""
        self._row(peer, wanted)
        notice = self._it.desk.store.notice(peer, wanted.notice_id)
        if notice is None or not notice.envelope:
            raise _unknown()
        return parse_notice(notice.envelope).head.purpose.value

    def find(self, peer: MemberId, wanted: FetchWanted) -> tuple[HeldFile, Tree, FetchWanted]:
        """Return the row of a file that this peer may have now, and the tree over it."""
        row = self._row(peer, wanted)
        return row, self._tree(row), wanted

    def spend(self, fetch: Fetch, wanted: FetchWanted) -> None:
        """Raise `Overloaded` where the files of this notice were begun too often within a day: their entries tell."""
        store, peer = self._it.desk.kept.store, fetch.sender
        begun = given_lately(store, events.ATTACHMENT_GIVEN, peer, wanted.notice_id, self._it.now_us, MOST_BEGUN)
        if begun >= MOST_BEGUN:
            raise Overloaded(
                "`{member}` has begun to fetch the files of this notice as often as it may within a day",
                code="file-quota",
                where="attachment",
                remedy="phone its desk; it is served again a day after it began",
                member=peer,
            )

    def entry(self, fetch: Verified[Fetch], found: tuple[HeldFile, Tree, FetchWanted]) -> EntryDraft:
        """Return the entry of a file that is given from a chunk on."""
        row, _, wanted = found
        return events.ATTACHMENT_GIVEN.draft(
            peer=fetch.signer,
            exchange_id=row.notice_id,
            file=row.about.root.hex(),
            first=wanted.chunk,
            size=row.about.size,
        )

    async def tell(self, _fetch: Fetch, _wanted: FetchWanted) -> None:
        """Leave people alone: a file that a notice of ours brings is fetched in the ordinary course."""

    def _row(self, peer: MemberId, wanted: FetchWanted) -> HeldFile:
        """Return the row of a file whose notice is live (2 and 3)."""
        it = self._it
        row = it.rows.one(peer, wanted.notice_id, wanted.root)
        if row is None or not row.ours or wanted.chunk >= chunk_count(row.about.size):
            raise _unknown()
        notice, thread = it.desk.store.notice(peer, row.notice_id), self._thread(row)
        if notice is None or thread is None or not notice.envelope or row.state is FileState.SHUT:
            raise _unknown()
        delivery = it.desk.store.delivery(row.notice_id)
        # Its receipt may be on its way here: the peer comes again, and is not told that there is no such file.
        if delivery is not None and delivery.state is DeliveryState.WAITING:
            raise Unavailable("the receipt of its notice has not come yet", code="not-taken-yet")
        if delivery is None or delivery.state is not DeliveryState.TAKEN or self._is_over(thread, row, it.now_us):
            raise _unknown("notice-over")
        return row

    def _thread(self, row: HeldFile) -> Thread | None:
        return self._it.desk.store.thread(ThreadKey(row.peer, ExchangeId(row.thread_id)))

    def _is_over(self, thread: Thread, row: HeldFile, now_us: int) -> bool:
        """Tell whether a notice is not live any more: its thread is over, or what came with it was taken back."""
        store = self._it.desk.store
        if is_over(store, thread, now_us):
            return True
        copies = store.holdings(source=row.notice_id, direction=Direction.OUT, holder=row.peer)
        return any(copy.state is not HoldingState.HELD for copy in copies)

    def _tree(self, row: HeldFile) -> Tree:
        """Return the tree over a file of ours. Raises where our own file is lost or changed: a human looks at it."""
        tree = Tree()
        try:
            tree.extend(self._it.files.leaves(row))
            if tree.root() != row.about.root:
                raise Contradicted("a stored file is another one", code="content-changed", where="attachment")
        except LiaisonError as error:
            self._it.desk.parts.operations.append([self._alarm(row, error)])
            raise _unknown() from error
        return tree

    def _alarm(self, row: HeldFile, error: LiaisonError) -> EntryDraft:
        return events.ALARM.draft(code="attachment-lost", detail=f"{row.file} {error.code}"[:500])


def is_over(store: DeskStore, thread: Thread, now_us: int) -> bool:
    """Tell whether the files of a thread are neither given nor fetched any more, since it has expired or was ended.

    A thread that ended with an outcome has served its purpose, and what was given in it may still be fetched.
    """
    state = state_by_clock(thread, now_us)
    if state is ThreadState.ENDED:
        return all(each.type is not NoticeType.OUTCOME for each in store.placed(thread.key))
    return state is ThreadState.EXPIRED


def _unknown(code: str = "no-such-file") -> Unknown:
    return Unknown("there is no such file for you", code=code, where="attachment")


def next_try_us(now_us: int, tries: int) -> int:
    """Return when a fetch or a scan that failed is tried again: after 1, 2, 4 … 600 s."""
    return now_us + min(1 << min(tries, 10), 600) * 1_000_000
