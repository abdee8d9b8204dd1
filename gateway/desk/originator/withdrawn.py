"""Hold back what its owner withdrew: the row is still in its source, and the next question would give it again.

A record is held back before the first holder is told, from all members or from the one that the withdrawal was for. It
ends when its row in the source is another one, or when a data officer of the agency lifts it. While the source still
has the row its data officer has work (`source-still-has-it`). A row that is gone stays held back: as it was, it was
withdrawn. A source that signs its records by itself is not read for this, so there a human lifts it.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import msgspec
from msgspec.structs import replace

from gateway.desk.acting.parts import Actor, DeskParts
from gateway.desk.acts import Act
from gateway.desk.entries import desk_act, desk_clock
from gateway.desk.holdings.ledger import WITHDRAWN
from gateway.desk.originator.reading import read_records
from gateway.desk.originator.watching import to_correct
from gateway.desk.roles import Matter, may
from gateway.errors import Forbidden, Refused, Unknown
from gateway.exchange.held_back import Held, HeldBack
from gateway.exchange.sources.bulkhead import Bulkhead
from gateway.model.desk.threads import ThreadKey
from gateway.model.hit import SourceRecord
from gateway.model.names import ExchangeId
from gateway.ports.desk import DeskRows, Holding
from gateway.records.types import record_type

STILL_THERE, ROW_CHANGED, LIFTED = "source-still-has-it", "source-changed", "lifted"
"""Results of the work: why it is open, and how it ended."""

_NO_THREAD = ExchangeId("")


@dataclass(frozen=True, slots=True)
class HoldingBack:
    """The owner's use cases of what is held back, and their rounds. `agency_of` names the agency of a source."""

    desk: DeskParts
    held: HeldBack
    walls: Sequence[Bulkhead]
    agency_of: Callable[[str], str]

    async def hold(self, copies: Iterable[Holding], holder: str) -> list[str]:
        """Hold the records of copies back, durably, and return those that their source still has.

        What is held back already stays so, by its row as that is now, and raises no second work.
        """
        wanted = {copy.record: copy for copy in copies if copy.record}
        now_us = self.desk.parts.clock.now_us()
        new = [
            Held(
                record=record,
                type=copy.type,
                agency=self.agency_of(record.partition("/")[0]),
                holder=holder,
                since_us=now_us,
            )
            for record, copy in wanted.items()
        ]
        known = {each.key: replace(each, row="") for each in self.held.all()}
        made = [known.get(each.key, each) for each in new]
        for held in made:
            await asyncio.to_thread(self.held.put, held)
        there = []
        for held in made:
            row = await self._row(held)
            if row:
                there.append(held.record)
                await self._tell(replace(held, row=row), wanted[held.record])
        return there

    async def round(self) -> None:
        """End what is held back of rows that are others now. Runs at the leader."""
        for held in self.held.all():
            row = await self._row(held)
            if row and not held.row:  # it could not be read when it was withdrawn
                await asyncio.to_thread(self.held.put, replace(held, row=row))
            elif row and row != held.row:
                await self._end(held, ROW_CHANGED)

    async def follow(self) -> None:
        """Take up what other processes hold back. Runs in each process."""
        await asyncio.to_thread(self.held.refresh)

    def listed(self, actor: Actor) -> list[Held]:
        """Return what is held back of the agency of a person who may change what it gave."""
        agency, now_us = actor.person.agency, self.desk.parts.clock.now_us()
        may(actor.person, Act.CHANGE, Matter(agency=agency, owner=agency), now_us)
        return [each for each in self.held.all() if each.agency == agency]

    async def lift(self, actor: Actor, record: str) -> list[Held]:
        """Hold a record back no longer, and return what was held. The entry comes first.

        Raises `Forbidden` for a person who may not, and `Unknown` for what is not held back.
        """
        found = [each for each in await asyncio.to_thread(self.listed, actor) if each.record == record]
        if not found:
            raise Unknown(
                "`{record}` is not held back",
                code="not-held-back",
                where="record",
                remedy="`liaison desk held-back` lists what is",
                record=record,
            )
        for held in found:
            await self._end(held, LIFTED, actor)
        return found

    async def _row(self, held: Held) -> str:
        """Return the hash of a record's row as it is; empty where it is gone, or cannot be read now."""
        source, _, key = held.record.partition("/")
        wall = next((each for each in self.walls if each.description.id == source), None)
        if wall is None or wall.signs:
            return ""
        try:
            (record,) = await read_records(self.desk.parts, wall, [(key, held.type)])
        except Refused:
            return ""
        return _hash_of(record) if record is not None else ""

    async def _tell(self, held: Held, copy: Holding) -> None:
        """Raise the work of the agency's data officer, once for each hold, and keep both."""
        if held.work:
            await asyncio.to_thread(self.held.put, held)
            return
        work = to_correct(copy, held.key, held.agency, self.desk.parts.clock.now_us(), STILL_THERE)
        draft = desk_clock(work.key, STILL_THERE, DeskRows(works=(work,)), due_us=work.due_us)
        await self.desk.pen.write(self.desk.parts.member, work.key, lambda: draft)
        await asyncio.to_thread(self.held.put, replace(held, work=work.id))

    async def _end(self, held: Held, why: str, actor: Actor | None = None) -> None:
        """Write that a record is held back no longer, end its work, and then let it be given."""
        found = await asyncio.to_thread(self.desk.store.work, held.work) if held.work else None
        ended = replace(found, done_us=self.desk.parts.clock.now_us(), paused_us=0, result=why) if found else None
        rows = DeskRows(works=(ended,)) if ended is not None and found is not None and not found.done_us else None
        key = found.key if found is not None else ThreadKey(self.desk.parts.member, _NO_THREAD)
        if actor is None:
            draft = desk_clock(key, why, rows or DeskRows())
        else:
            told = {"record": held.record, "holder": held.holder}
            draft = desk_act(actor.officer, "lift", key, work=found, reason=why, content=told, rows=rows)
        await self.desk.pen.write(self.desk.parts.member, key, lambda: draft)
        await asyncio.to_thread(self.held.lift, held)


def check_given(held: frozenset[str], key: str) -> None:
    """Raise `Forbidden` for a record whose key is among those held back, since its owner withdrew it."""
    if key in held:
        raise Forbidden(
            "its owner withdrew this record, and it is held back",
            code=WITHDRAWN,
            where="record",
            remedy="correct its row in the source, or lift it: `liaison desk held-back`",
        )


def _hash_of(record: SourceRecord) -> str:
    """Return a hash over what a row says: its fields and its marking."""
    told = record_type(record.record_type).encode(record.fields)
    parts = [record.record_type, dict(told), record.marking, record.category]
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()
