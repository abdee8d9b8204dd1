"""Give a member the notices back that both have: its database was restored, and lacks what came after the backup."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.errors import Malformed
from gateway.model.desk.notices import NoticesPart, NoticesWanted
from gateway.model.desk.work import DeliveryState
from gateway.model.names import MemberId
from gateway.ports.desk import DeskStore, NoticeRow

_PAGE = 64
_ROOM = 280 * 1024
"""The bytes of envelopes in one page; one notice at least fits."""


@dataclass(frozen=True, slots=True)
class Returns:
    """Pages of the notices with one member, in the order in which they were written or taken here."""

    store: DeskStore

    def page(self, peer: MemberId, wanted: NoticesWanted) -> NoticesPart:
        """Return a page of notices with `peer`: its own that we took, and ours that it took."""
        rows = self.store.between(peer, _place(wanted), _PAGE)
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
    if not wanted.after:
        return wanted.since_us, ""
    time, _, notice_id = wanted.after.partition("/")
    if not time.isdigit() or len(time) > 16:
        raise Malformed("this names no page of notices", code="malformed-frame", where="after")
    return int(time), notice_id
