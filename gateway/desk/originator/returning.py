"""Give a member back what both have: its database was restored, and lacks what came after the backup.

First come its own answers whose records we hold, so that its ledger of copies is whole before its changes come. Then
come the notices of both sides. What it gave and no one has any more is not told. Each page is a signed fetch of its own
(`desk.delivery.content`). A recovery begins with its first page; few of them are given in a day, each is told to our
security officer before a page of it leaves, and no page goes back before the time that the first one named.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import msgspec

from gateway.audit.reading.kept_answers import KeptAnswer
from gateway.clock import DAY_US
from gateway.desk.acting.parts import DeskParts
from gateway.desk.delivery.content import ContentDoor
from gateway.desk.originator.evidence import Evidence
from gateway.desk.originator.meant import LIVE
from gateway.desk.oversight.matters import recovery_finding, recovery_id_at_home
from gateway.desk.oversight.raised import found as finding_entry
from gateway.desk.oversight.raised import put
from gateway.errors import Forbidden, Malformed, Overloaded, Unknown
from gateway.model.desk.delivered import Fetch, FetchMessage, NoticesPart, NoticesWanted
from gateway.model.desk.work import DeliveryState, Direction
from gateway.model.exchange import Verified
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.desk import NoticeRow
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft
from gateway.ports.quotas import QuotaPlace
from gateway.rpc.contract import Call
from gateway.throttle import Rates

_PAGE = 64
_SCAN = 2_000
"""Copies that one page looks at: most are another member's, or older than the backup."""

_ROOM = 280 * 1024
"""The bytes of envelopes in one page; one notice or answer at least fits."""

_COPIES = "copies/"
"""Begins the name of a page of answers; the first page is one of them."""


MOST_RECOVERIES = 4
"""The recoveries that one member may begin within a day."""

MOST_PAGES = 10_000
"""The pages of one recovery."""

_PAGES_PER_S, _PAGES_BURST_S = 4.0, 15.0
_RECOVERY = "recovery"
"""The direction of their counts, and the kind of the documents that say since when each of a day is."""


class Page(msgspec.Struct, frozen=True):
    """A page with the ids of what is in it."""

    part: NoticesPart
    answers: tuple[ExchangeId, ...] = ()
    notices: tuple[ExchangeId, ...] = ()


class Returns:
    """Serves `FetchNotices`: pages of what we have of one member (a `delivery.content.Content`)."""

    wanted = NoticesWanted

    def __init__(self, desk: DeskParts, evidence: Evidence, door: ContentDoor) -> None:
        self._desk = desk
        self._parts = desk.parts
        self._store = desk.store
        self._evidence = evidence
        self._door = door
        self.rates = Rates(_PAGES_PER_S, desk.parts.clock.monotonic, _PAGES_BURST_S)

    async def page(self, call: Call[MemberId], message: FetchMessage) -> NoticesPart:
        """Return the page that a signed fetch asks for, once its entry is durable. Raises like `ContentDoor.admit`."""
        admitted = await self._door.admit(self, call.who, message)
        return admitted.found.part

    def purpose(self, _peer: MemberId, _wanted: NoticesWanted) -> str:
        """Return none: the page holds notices of any purpose, so it waits until nothing is suspended."""
        return ""

    def find(self, peer: MemberId, wanted: NoticesWanted) -> Page:
        """Return a page of its answers, or of the notices: its own that we took, and ours that it took."""
        if not wanted.after or wanted.after.startswith(_COPIES):
            return self._answers(peer, wanted.since_us, wanted.after.removeprefix(_COPIES))
        return self._notices(peer, _place(wanted))

    def spend(self, fetch: Fetch, wanted: NoticesWanted) -> None:
        """Count a page of a recovery, and a new recovery: each exactly, whichever process is asked.

        Raises `Overloaded` beyond what is given in a day, and `Forbidden` for a page of no recovery that was begun.
        """
        peer, begun, now_us = fetch.sender, f"{fetch.sender}.{wanted.recovery_id}", self._parts.clock.now_us()
        quotas, documents, since = self._parts.quotas, self._parts.documents, str(wanted.since_us).encode()
        if wanted.recovery_id == fetch.fetch_id:
            if wanted.after:
                raise Malformed("a recovery begins with its first page", code="bad-page", where="after")
            if not quotas.spend(QuotaPlace(_RECOVERY, peer, ""), 1, MOST_RECOVERIES, now_us):
                raise _too_much(peer)
            documents.put_new(_RECOVERY, begun, since, now_us + DAY_US)
        elif documents.get(_RECOVERY, begun) != since:
            raise Forbidden("this is a page of no recovery that was begun", code="no-recovery", where="recovery_id")
        if not quotas.spend(QuotaPlace(_RECOVERY, peer, wanted.recovery_id), 1, MOST_PAGES, now_us):
            raise _too_much(peer)

    def entry(self, fetch: Verified[Fetch], found: Page) -> EntryDraft:
        """Return the entry of a page: the ids of all that is in it."""
        wanted = fetch.value.wanted
        assert isinstance(wanted, NoticesWanted)
        return events.NOTICES_GIVEN.draft(
            peer=fetch.signer,
            exchange_id=fetch.value.fetch_id,
            recovery=wanted.recovery_id,
            since_us=wanted.since_us,
            after=wanted.after,
            answers=list(found.answers),
            notices=list(found.notices),
        )

    async def tell(self, fetch: Fetch, wanted: NoticesWanted) -> None:
        """Tell the security officer that a recovery was begun, at the first of its pages that comes so far."""
        member, peer, now_us = self._desk.parts.member, fetch.sender, self._desk.parts.clock.now_us()
        name = recovery_id_at_home(peer, wanted.recovery_id)
        finding = recovery_finding(peer, wanted.recovery_id, wanted.since_us, now_us)
        await put(self._desk, name, finding_entry(member, name, finding, now_us))

    # ------------------------------------------------------------ answers

    def _answers(self, peer: MemberId, since_us: int, after: str) -> Page:
        rows = self._store.holdings(
            direction=Direction.IN, holder=self._parts.member, states=LIVE, after=after, limit=_SCAN
        )
        answers: list[tuple[bytes, bytes]] = []
        ids: list[ExchangeId] = []
        seen: set[ExchangeId] = set()
        room = _ROOM
        for row in rows:
            if row.owner == peer and row.source not in seen:
                seen.add(row.source)
                for found in self._answer(peer, row.source, since_us):
                    room -= len(found[0]) + len(found[1])
                    if answers and (room < 0 or len(answers) == _PAGE):
                        return Page(NoticesPart((), f"{_COPIES}{after}", tuple(answers)), tuple(ids))
                    answers.append(found)
                    ids.append(row.source)
            after = row.jti
        is_end = len(rows) < _SCAN
        after = f"{since_us}/" if is_end else f"{_COPIES}{after}"
        return Page(NoticesPart((), after, tuple(answers)), tuple(ids))

    def _answer(self, peer: MemberId, source: ExchangeId, since_us: int) -> Iterator[tuple[bytes, bytes]]:
        """Yield our request and the answer that came to it at or after a time, where our log has them."""
        came = self._kept(peer, source, events.ARRIVALS, since_us)
        asked = self._kept(peer, source, events.kinds(events.ASKED), 0) if came is not None else None
        if came is not None and asked is not None and came.answer and asked.request:
            yield asked.request, came.answer

    def _kept(self, peer: MemberId, source: ExchangeId, kinds: frozenset[str], since_us: int) -> KeptAnswer | None:
        kept = self._evidence.kept
        for log in kept.store.logs():
            for kind in sorted(kinds):
                for index in kept.store.find(log, peer=peer, exchange_id=source, kind=kind, since_us=since_us):
                    with suppress(Unknown):
                        return kept.at(log, index, peer=peer, exchange_id=source, kinds=kinds)
        return None

    # ------------------------------------------------------------ notices

    def _notices(self, peer: MemberId, place: tuple[int, str]) -> Page:
        rows = self._store.between(peer, place, _PAGE)
        envelopes: list[bytes] = []
        ids: list[ExchangeId] = []
        room = _ROOM
        last = ""
        for row in rows:
            room -= len(row.envelope)
            if room < 0 and envelopes:
                break
            if row.envelope and self._is_settled(row):
                envelopes.append(row.envelope)
                ids.append(row.notice_id)
            last = f"{row.time_us}/{row.notice_id}"
        is_end = len(rows) < _PAGE and bool(rows) and last == f"{rows[-1].time_us}/{rows[-1].notice_id}"
        return Page(NoticesPart(tuple(envelopes), "" if is_end or not rows else last), notices=tuple(ids))

    def _is_settled(self, row: NoticeRow) -> bool:
        """Tell whether the member took this notice of ours, or it is one of its own; others come by themselves."""
        thread = self._store.thread(row.key)
        if thread is None or row.placed.side is not thread.side(ours=True):
            return True
        taken = self._store.deliveries((DeliveryState.TAKEN,), key=row.key)
        return any(each.notice_id == row.notice_id for each in taken)


def _place(wanted: NoticesWanted) -> tuple[int, str]:
    time, _, notice_id = wanted.after.partition("/")
    if not (time.isascii() and time.isdigit()) or len(time) > 16 or int(time) < wanted.since_us:
        raise Malformed("this names no page of notices since that time", code="bad-page", where="after")
    return int(time), notice_id


def _too_much(peer: MemberId) -> Overloaded:
    return Overloaded(
        "`{member}` has asked for what it lost as often as it may within a day",
        code="recovery-quota",
        where="recovery_id",
        remedy="phone its desk; it is served again a day after it began",
        member=peer,
    )
