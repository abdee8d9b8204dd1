"""Give a member back what both have: its database was restored, and lacks what came after the backup.

First come its own answers whose records we hold, so that its ledger of copies is whole before its changes come. Then
come the notices of both sides. What it gave and nobody has any more is not told.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from gateway.audit.reading.kept_answers import KeptAnswer
from gateway.desk.originator.evidence import Evidence
from gateway.desk.originator.meant import LIVE
from gateway.errors import Malformed, Unknown
from gateway.model.desk.delivered import NoticesPart, NoticesWanted
from gateway.model.desk.work import DeliveryState, Direction
from gateway.model.names import ExchangeId, MemberId
from gateway.ports import events
from gateway.ports.desk import DeskStore, NoticeRow

_PAGE = 64
_SCAN = 2_000
"""Copies that one page looks at: most are another member's, or older than the backup."""

_ROOM = 280 * 1024
"""The bytes of envelopes in one page; one notice or answer at least fits."""

_COPIES = "copies/"
"""Begins the name of a page of answers; the first page is one of them."""


@dataclass(frozen=True, slots=True)
class Returns:
    """Pages of what we have of one member; `member` is ours."""

    member: MemberId
    store: DeskStore
    evidence: Evidence

    def page(self, peer: MemberId, wanted: NoticesWanted) -> NoticesPart:
        """Return a page of its answers, or of the notices: its own that we took, and ours that it took."""
        if not wanted.after or wanted.after.startswith(_COPIES):
            return self._answers(peer, wanted.since_us, wanted.after.removeprefix(_COPIES))
        return self._notices(peer, _place(wanted))

    # ------------------------------------------------------------ answers

    def _answers(self, peer: MemberId, since_us: int, after: str) -> NoticesPart:
        rows = self.store.holdings(direction=Direction.IN, holder=self.member, states=LIVE, after=after, limit=_SCAN)
        answers: list[tuple[bytes, bytes]] = []
        seen: set[ExchangeId] = set()
        room = _ROOM
        for row in rows:
            if row.owner == peer and row.source not in seen:
                seen.add(row.source)
                for found in self._answer(peer, row.source, since_us):
                    room -= len(found[0]) + len(found[1])
                    if answers and (room < 0 or len(answers) == _PAGE):
                        return NoticesPart((), f"{_COPIES}{after}", tuple(answers))
                    answers.append(found)
            after = row.jti
        is_end = len(rows) < _SCAN
        return NoticesPart((), f"{since_us}/" if is_end else f"{_COPIES}{after}", tuple(answers))

    def _answer(self, peer: MemberId, source: ExchangeId, since_us: int) -> Iterator[tuple[bytes, bytes]]:
        """Yield our request and the answer that came to it at or after a time, where our log has them."""
        came = self._kept(peer, source, events.ARRIVALS, since_us)
        asked = self._kept(peer, source, events.kinds(events.ASKED), 0) if came is not None else None
        if came is not None and asked is not None and came.answer and asked.request:
            yield asked.request, came.answer

    def _kept(self, peer: MemberId, source: ExchangeId, kinds: frozenset[str], since_us: int) -> KeptAnswer | None:
        kept = self.evidence.kept
        for log in kept.store.logs():
            for kind in sorted(kinds):
                for index in kept.store.find(log, peer=peer, exchange_id=source, kind=kind, since_us=since_us):
                    with suppress(Unknown):
                        return kept.at(log, index, peer=peer, exchange_id=source, kinds=kinds)
        return None

    # ------------------------------------------------------------ notices

    def _notices(self, peer: MemberId, place: tuple[int, str]) -> NoticesPart:
        rows = self.store.between(peer, place, _PAGE)
        envelopes: list[bytes] = []
        room = _ROOM
        last = ""
        for row in rows:
            room -= len(row.envelope)
            if room < 0 and envelopes:
                break
            if row.envelope and self._is_settled(row):
                envelopes.append(row.envelope)
            last = f"{row.time_us}/{row.notice_id}"
        is_end = len(rows) < _PAGE and bool(rows) and last == f"{rows[-1].time_us}/{rows[-1].notice_id}"
        return NoticesPart(tuple(envelopes), "" if is_end or not rows else last)

    def _is_settled(self, row: NoticeRow) -> bool:
        """Tell whether the member took this notice of ours, or it is one of its own; others come by themselves."""
        thread = self.store.thread(row.key)
        if thread is None or row.placed.side is not thread.side(ours=True):
            return True
        taken = self.store.deliveries((DeliveryState.TAKEN,), key=row.key)
        return any(each.notice_id == row.notice_id for each in taken)


def _place(wanted: NoticesWanted) -> tuple[int, str]:
    time, _, notice_id = wanted.after.partition("/")
    if not time.isdigit() or len(time) > 16:
        raise Malformed("this names no page of notices", code="malformed-frame", where="after")
    return int(time), notice_id
