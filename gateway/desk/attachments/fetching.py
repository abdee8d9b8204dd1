"""Fetch the files that counterparts' notices name, while this process leads: one of each counterpart at a time.

Each chunk is verified against the root that the notice's signature covers before it is stored. A fetch that breaks goes
on behind the last chunk that is here, soon where it has brought some, else later and later. A file that its owner does
not give any more, or whose bytes are wrong again and again, is refused; where there is no room, it waits, and an
administrator has work.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, Protocol

from msgspec.structs import replace

from gateway.audit.tree.merkle import leaf_hash, verify_inclusion
from gateway.desk.attachments.giving import is_over, next_try_us
from gateway.desk.attachments.troubles import Troubles
from gateway.desk.attachments.values import FileParts
from gateway.desk.delivery.content import Fetching
from gateway.errors import (
    Contradicted,
    LiaisonError,
    Malformed,
    Overloaded,
    Refused,
    Stale,
    TooLarge,
    Unavailable,
    Unknown,
)
from gateway.exchange.incidents import Incidents
from gateway.exchange.stages import as_error, reraise_fatal
from gateway.model.desk.attachments import Chunk, FetchWanted, FileState, chunk_count, chunk_size
from gateway.model.desk.delivered import FetchMessage
from gateway.model.desk.threads import ThreadKey
from gateway.model.names import ExchangeId, MemberId, new_exchange_id
from gateway.ports.desk import DeskRows
from gateway.ports.entries import events
from gateway.ports.files.held import ChunkWriter, HeldFile
from gateway.ports.journal import EntryDraft, Event
from gateway.rpc.contract import A, Method, Q
from gateway.rpc.methods import FETCH_ATTACHMENT
from policy.bundle.limits import FILES, KEPT

_PAUSE_S = 60.0
"""A counterpart that sends nothing for so long has broken off."""

_AT_ONCE = 64
_WRONG_TRIES = 3
_ROOM = frozenset({"attachments-full", "attachments-disk", "budget-files"})


class Downloads(Protocol):
    """Calls that counterparts answer with a stream (`node.client.PeerPool` is one)."""

    def download(self, member: MemberId, method: Method[Q, A], request: Q, pause_s: float) -> AsyncGenerator[A]:
        """Yield the answers. Raises `Unknown` with the counterpart's code for what it does not give."""


class Fetcher:
    """Fetches what waits."""

    def __init__(
        self,
        it: FileParts,
        peers: Downloads,
        fetching: Fetching,
        incidents: Incidents,
        troubles: Troubles,
        leads: Callable[[], bool],
    ) -> None:
        self._it = it
        self._peers = peers
        self._fetching = fetching
        self._incidents = incidents
        self._troubles = troubles
        self._leads = leads
        self._tasks: dict[MemberId, asyncio.Task[None]] = {}
        self._begun: set[str] = set()
        """The files of which a part is here: who breaks off again and again has no more room by it."""

        self._has_looked = False

    async def round(self) -> None:
        """Fetch from each counterpart from which a file waits; raise an error of ours."""
        for peer, task in list(self._tasks.items()):
            if task.done():
                del self._tasks[peer]
                task.result()
        due = await asyncio.to_thread(self._it.rows.due, (FileState.WAITING,), self._it.now_us, _AT_ONCE)
        for peer in {row.peer for row in due} - self._tasks.keys():
            mine = [row for row in due if row.peer == peer]
            self._tasks[peer] = asyncio.create_task(self._serve(mine))

    async def finish(self) -> None:
        """Stop (the node ends); it goes on after the next start."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _serve(self, due: list[HeldFile]) -> None:
        for row in due:
            if self._leads():
                await self._try(row)

    async def _try(self, row: HeldFile) -> None:
        before = await asyncio.to_thread(self._it.files.progress, row)
        try:
            await self._fetch(row)
        except Exception as error:  # noqa: BLE001 - whatever fails, the file waits
            reraise_fatal(error)
            went_on = await asyncio.to_thread(self._it.files.progress, row) > before
            await self._failed(replace(row, tries=0) if went_on else row, as_error(error))
        else:
            await self._came(row, FileState.UNSCANNED)

    async def _failed(self, row: HeldFile, error: LiaisonError) -> None:
        now_us, tries = self._it.now_us, row.tries + 1
        is_wrong = isinstance(error, Contradicted | Malformed | TooLarge)
        if is_wrong:
            self._incidents.note(row.peer, "wrong-chunk", str(error)[:200], row.notice_id)
        if isinstance(error, Unknown) or (is_wrong and tries >= _WRONG_TRIES):
            await self._came(row, FileState.REFUSED, "wrong-chunk" if is_wrong else error.code)
            return
        if not isinstance(error, Refused) and not is_wrong:
            raise error
        waiting = replace(row, tries=tries, problem=error.code, due_us=next_try_us(now_us, tries))
        await asyncio.to_thread(self._it.rows.note, waiting)
        if error.code in _ROOM and isinstance(error, Overloaded | Unavailable):
            await self._troubles.raise_work(error.code)

    async def _came(self, row: HeldFile, state: FileState, code: str = "") -> None:
        """Write how a fetch ended, with the row. Of a file whose notice is gone meanwhile nothing is written."""
        it = self._it

        def draft() -> EntryDraft:
            here = it.rows.one(*row.place)
            if here is None:
                raise Stale("the notice is gone", code="erased", where="attachment")
            made = _entry(events.ATTACHMENT_CAME, row, size=row.about.size, code=code)
            made.rows = DeskRows(files=(replace(here, state=state, problem=code, due_us=it.now_us, tries=0),))
            return made

        try:
            await it.desk.pen.write(it.desk.parts.member, _key(row), draft)
        except Stale:
            return
        finally:
            self._begun.discard(row.file)
        if state is FileState.REFUSED:
            await asyncio.to_thread(it.files.remove, row)

    async def _fetch(self, row: HeldFile) -> None:
        it = self._it
        if await asyncio.to_thread(it.files.has, row):
            return
        await asyncio.to_thread(self._check_wanted, row)
        # Once: what an earlier process began has its room and its part of the budget already.
        if not self._has_looked:
            self._begun |= await asyncio.to_thread(it.files.unfinished)
            self._has_looked = True
        if row.file not in self._begun:
            await asyncio.to_thread(it.check_room, row.peer, row.about.size, frozenset(self._begun))
            await asyncio.to_thread(it.spend, KEPT, row.peer, FILES, row.about.size)
        self._begun.add(row.file)
        writer = await asyncio.to_thread(it.files.writer, row)
        try:
            asked = _entry(events.ATTACHMENT_ASKED, row, first=writer.count, size=row.about.size)
            wanted = FetchWanted(row.notice_id, row.about.root, writer.count)
            message = await self._fetching.signed(row.peer, new_exchange_id(), wanted, _key(row), asked)
            await self._take(row, writer, message)
            await asyncio.to_thread(writer.finish)
        finally:
            # Kept, so that the next try goes on behind the last whole chunk.
            await asyncio.to_thread(lambda: writer.close(keep=True))

    async def _take(self, row: HeldFile, writer: ChunkWriter, message: FetchMessage) -> None:
        """Store the chunks that come, each once it is verified."""
        count = chunk_count(row.about.size)
        if writer.count == count:
            return
        async with aclosing(self._peers.download(row.peer, FETCH_ATTACHMENT, message, _PAUSE_S)) as chunks:
            async for chunk in chunks:
                if writer.count >= count:
                    raise Malformed("more chunks than the file has", code="wrong-chunk", where="attachment")
                await asyncio.to_thread(_store, row, writer, chunk)
                await asyncio.to_thread(self._it.check_disk, 0)
        if writer.count != count:
            raise Unavailable("the file broke off", code="broken-off", where=row.peer)

    def _check_wanted(self, row: HeldFile) -> None:
        """Raise `Unknown` for a file whose notice is not live here any more."""
        store = self._it.desk.store
        thread = store.thread(_key(row))
        notice = store.notice(row.peer, row.notice_id)
        if thread is None or notice is None or not notice.envelope:
            raise Unknown("the notice is gone", code="erased", where="attachment")
        if is_over(store, thread, self._it.now_us):
            raise Unknown("the matter is over", code="notice-over", where="attachment")


def _store(row: HeldFile, writer: ChunkWriter, chunk: Chunk) -> None:
    """Verify a chunk and write it. Raises `Malformed`, `Contradicted` for one that does not lead to the root."""
    if chunk.number != writer.count or len(chunk.data) != chunk_size(row.about.size, chunk.number):
        raise Malformed("another chunk than the next one", code="wrong-chunk", where="attachment")
    verify_inclusion(leaf_hash(chunk.data), chunk.number, chunk_count(row.about.size), chunk.path, row.about.root)
    writer.append(chunk.data)


def _key(row: HeldFile) -> ThreadKey:
    return ThreadKey(row.peer, ExchangeId(row.thread_id))


def _entry(event: Event, row: HeldFile, **told: Any) -> EntryDraft:
    return event.draft(peer=row.peer, exchange_id=row.notice_id, file=row.about.root.hex(), **told)
