"""Propose a change where a row has vanished or changed at its source after it was given.

A source with an index tells which of its rows a refresh found changed or gone: the copies of those are looked at, and
no others. The copies of other sources, and all of them once after a start, are gone through in turn, some in each
round. A row is read anew; it counts as changed when a field that was disclosed has another value. A source that signs
its records by itself is left alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from gateway.desk.acting.parts import DeskParts
from gateway.desk.clocks import CALENDAR, DEFAULTS
from gateway.desk.originator.changing import Changed
from gateway.desk.originator.evidence import Evidence
from gateway.desk.originator.reading import read_records
from gateway.errors import Refused
from gateway.exchange.sources.bulkhead import Bulkhead
from gateway.model.desk.notices import ChangeCode, Urgency
from gateway.model.desk.threads import ThreadKey
from gateway.model.desk.work import Direction, HoldingState, Role, WorkKind
from gateway.model.hit import SourceRecord
from gateway.ports.desk import DeskRows, Holding, Work
from gateway.ports.entries import events
from gateway.ports.sources import TellingSource
from gateway.records.types import record_type

VANISHED, CHANGED = "source-vanished", "source-changed"
"""Why a change is proposed: the result of the open work, and the reason that holders are told."""

_AT_ONCE = 200
_CODES = {VANISHED: ChangeCode.WITHDRAWN, CHANGED: ChangeCode.CORRECTED}

ByItself = Callable[[Sequence[Holding], ChangeCode, str], Awaitable[Changed]]


@dataclass(slots=True)
class SourceWatch:
    """Goes through the copies of our records.

    `is_automatic` tells of which sources the agency lets the node tell holders by itself (`by_itself`).
    """

    desk: DeskParts
    evidence: Evidence
    walls: Sequence[Bulkhead]
    is_automatic: Callable[[str], bool]
    by_itself: ByItself
    _after: str = field(default="")
    _whole: set[str] = field(default_factory=set)
    """Sources all of whose copies are to be looked at, since any row may have changed."""

    _passing: set[str] = field(default_factory=set)
    """Those of them that are looked at since the first copy."""

    _unread: dict[str, set[str]] = field(default_factory=dict)
    """Rows of each source that changed, and that could not be read yet."""

    def __post_init__(self) -> None:
        self._whole = {wall.description.id for wall in self.walls}

    async def told(self) -> None:
        """Look at the copies of rows that sources tell of. Runs in each process, for the refreshes of its own."""
        for wall in self.walls:
            source = wall.source
            if wall.signs or not isinstance(source, TellingSource):
                continue
            keys, name = source.outdated(), wall.description.id
            if keys is None:
                self._whole.add(name)
                self._passing.discard(name)
                continue
            waiting = self._unread.pop(name, set()) | set(keys)
            rows = sorted(waiting)
            for start in range(0, len(rows), _AT_ONCE):
                part = rows[start : start + _AT_ONCE]
                copies = await asyncio.to_thread(self._copies_of, name, part)
                if copies and not await self._look(wall, copies):
                    self._unread.setdefault(name, set()).update(part)

    def _copies_of(self, source: str, keys: Sequence[str]) -> list[Holding]:
        found = self.desk.store.holdings(
            records=[f"{source}/{key}" for key in keys], direction=Direction.OUT, states=(HoldingState.HELD,)
        )
        return [copy for copy in found if copy.owner == self.desk.parts.member]

    async def round(self) -> None:
        """Look at the next copies of sources that tell of no rows. Runs at the leader."""
        walls = [wall for wall in self.walls if not wall.signs and self._is_polled(wall)]
        copies = await asyncio.to_thread(self._next) if walls else []
        for wall in walls:
            source = wall.description.id
            mine = [copy for copy in copies if copy.record.partition("/")[0] == source]
            if mine:
                await self._look(wall, mine)

    def _is_polled(self, wall: Bulkhead) -> bool:
        return wall.description.id in self._whole or not isinstance(wall.source, TellingSource)

    def _next(self) -> list[Holding]:
        if not self._after:
            self._whole -= self._passing
            self._passing = set(self._whole)
        found = self.desk.store.holdings(
            direction=Direction.OUT, states=(HoldingState.HELD,), after=self._after, limit=_AT_ONCE
        )
        self._after = found[-1].jti if len(found) == _AT_ONCE else ""
        return [copy for copy in found if copy.owner == self.desk.parts.member and copy.record]

    async def _look(self, wall: Bulkhead, copies: list[Holding]) -> bool:
        """Read the rows of copies anew, and propose changes; tell whether the source could be asked."""
        wanted = [(copy.record.partition("/")[2], copy.type) for copy in copies]
        try:
            records = await read_records(self.desk.parts, wall, wanted)
        except Refused:  # the source cannot be asked now; what it lacks is not known
            return False
        for copy, record in zip(copies, records, strict=True):
            why = await asyncio.to_thread(self._why, copy, record)
            if why:
                await self._propose(wall, copy, why)
        return True

    def _why(self, copy: Holding, record: SourceRecord | None) -> str:
        """Return why a copy should be changed, empty where it is as its source has it."""
        if record is None:
            return VANISHED
        given = self.evidence.given(copy.holder, copy)
        if given is None:
            return ""
        now = dict(record_type(record.record_type).encode(record.fields))
        return CHANGED if any(_differs(now, name, value) for name, value in given.fields.items()) else ""

    async def _propose(self, wall: Bulkhead, copy: Holding, why: str) -> None:
        """Tell the holder where the agency wants that, else raise work for its data officer, once for each copy."""
        if self.is_automatic(wall.description.id):
            await self.by_itself([copy], _CODES[why], why)
            return
        now_us = self.desk.parts.clock.now_us()
        work = to_correct(copy, copy.jti, wall.description.agency, now_us, why)
        if await asyncio.to_thread(self.desk.store.work, work.id) is not None:
            return
        draft = events.DESK_CLOCK.draft(
            peer=copy.holder,
            exchange_id=copy.source,
            work=work.id,
            kind=work.kind.value,
            code=why,
            due_us=work.due_us,
            rows=DeskRows(works=(work,)),
        )
        await self.desk.pen.write(self.desk.parts.member, work.key, lambda: draft)


def to_correct(copy: Holding, name: str, agency: str, now_us: int, why: str) -> Work:
    """Return the work of an agency's data officer who is to look at a record that a copy is of.

    `name` tells it from other work for the same holder.
    """
    due_us = CALENDAR.after(now_us, DEFAULTS.correct_days)
    return Work(
        id=f"{WorkKind.CORRECT.value}.{copy.holder}.{name}",
        key=ThreadKey(copy.holder, copy.source),
        kind=WorkKind.CORRECT,
        agency=agency,
        office="",
        role=Role.DATA_OFFICER,
        urgency=Urgency.URGENT,
        opened_us=now_us,
        half_us=now_us + (due_us - now_us) // 2,
        due_us=due_us,
        result=why,
    )


def _differs(now: Mapping[str, str], name: str, value: object) -> bool:
    text = now.get(name)
    return text is None or msgspec.json.decode(text) != value
