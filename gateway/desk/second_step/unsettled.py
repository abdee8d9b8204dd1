"""Tell the supervisory authority of an error that its owner has not settled in two months (DUTY-L22).

The auditor has an item in the list for as long as the owner's work is open: which matter, and since when. It holds no
content, and nothing is to be done with it there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from functools import partial

from msgspec.structs import replace

from gateway.clock import DAY_US
from gateway.desk.acting.parts import DeskParts
from gateway.desk.entries import desk_clock
from gateway.desk.raising import for_reading, work_id
from gateway.errors import Stale
from gateway.model.desk.work import Role, WorkKind
from gateway.ports.desk import DeskRows, Work, WorkFilter
from gateway.ports.journal import EntryDraft

AFTER_US = 61 * DAY_US
"""Two months, of any length."""

_PART, _SETTLED = "unsettled", "settled"
_KINDS = (WorkKind.CORRECT, WorkKind.DISTINGUISH)


class Unsettled:
    """The round of the leader that looks at errors which wait for long."""

    def __init__(self, desk: DeskParts) -> None:
        self._desk = desk

    async def round(self) -> None:
        """Put what is two months old into the auditor's list, and take out what its owner has settled since."""
        for row in await asyncio.to_thread(lambda: [*self._late(), *self._over()]):
            with suppress(Stale):
                await self._desk.pen.write(self._desk.parts.member, row.key, partial(self._entry, row))

    def _late(self) -> Iterable[Work]:
        """Return the items that are to be listed now."""
        store, now_us = self._desk.store, self._desk.parts.clock.now_us()
        for work in store.works(WorkFilter(kinds=_KINDS, due_us=now_us - AFTER_US)):
            thread = store.thread(work.key)
            if thread is None:
                continue
            row = replace(
                for_reading(thread, work.notice_id, now_us, role=Role.AUDITOR),
                id=work_id(thread, WorkKind.READ, work.notice_id, _PART),
            )
            if store.work(row.id) is None:
                yield row

    def _over(self) -> Iterable[Work]:
        """Return the listed items whose thread is settled, as they end."""
        store, now_us = self._desk.store, self._desk.parts.clock.now_us()
        for row in store.works(WorkFilter(kinds=(WorkKind.READ,), roles=(Role.AUDITOR,))):
            waits = store.works(WorkFilter(key=row.key, kinds=_KINDS))
            if row.id.endswith(f".{_PART}") and not waits:
                yield replace(row, done_us=now_us, result=_SETTLED)

    def _entry(self, row: Work) -> EntryDraft:
        before = self._desk.store.work(row.id)
        if before is not None and (before.done_us or not row.done_us):
            raise Stale("another process was first", code="not-now", where="work")
        return desk_clock(row.key, _SETTLED if row.done_us else _PART, DeskRows(works=(row,)), notice=row.notice_id)
