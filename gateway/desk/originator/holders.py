"""Show an owner who holds copies of its records, and how many of them have confirmed a change."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import msgspec

from gateway.desk.roles import Act, Matter, Person, may
from gateway.errors import Forbidden
from gateway.model.desk.work import Direction, HoldingState
from gateway.model.names import MemberId
from gateway.ports.desk import DeskStore, Holding

_CONFIRMED = frozenset({HoldingState.HIDDEN, HoldingState.ENDED})
_MOST = 10_000


class Copy(msgspec.Struct, frozen=True):
    """One copy: who holds it, where it was given, its state, and when its end must be confirmed (0: no time)."""

    holder: MemberId
    id: str
    type: str
    given: str
    state: HoldingState
    version: int
    due_us: int
    out_of_reach: bool


class Holders(msgspec.Struct, frozen=True):
    """The copies of one record, by its name at home. Of `changed` copies so many are `confirmed`.

    `out_of_reach` are holders that left the federation: they are named, and not counted in `changed`.
    """

    record: str
    agency: str
    changed: int
    confirmed: int
    objected: int
    out_of_reach: tuple[MemberId, ...]
    copies: tuple[Copy, ...]


@dataclass(frozen=True, slots=True)
class HoldersView:
    """The holders of our records. `active` tells whether a member is in the federation; `agency_of` names a source's
    agency."""

    member: MemberId
    store: DeskStore
    active: Callable[[str], bool]
    agency_of: Callable[[str], str]

    def of(self, person: Person, now_us: int, record: str = "") -> list[Holders]:
        """Return the holders of a record, or of all records that were given, as far as the person may see them.

        Raises `Forbidden` for a person who may see no holders at all, or not those of this record.
        """
        may(person, Act.HOLDERS, Matter(agency=person.agency), now_us)
        found = self.all(record)
        if record or not found:
            for agency in {each.agency for each in found} or {person.agency}:
                may(person, Act.HOLDERS, Matter(agency=agency), now_us)
            return found
        return [each for each in found if self._may(person, each.agency, now_us)]

    def all(self, record: str = "") -> list[Holders]:
        """Return the holders of a record, or of all records, without asking who wants to know."""
        rows = self.store.holdings(record=record, direction=Direction.OUT, limit=0 if record else _MOST)
        names = {row.record for row in rows if row.owner == self.member}
        return [self._holders(name, [row for row in rows if row.record == name]) for name in sorted(names)]

    def _may(self, person: Person, agency: str, now_us: int) -> bool:
        try:
            may(person, Act.HOLDERS, Matter(agency=agency), now_us)
        except Forbidden:
            return False
        return True

    def _holders(self, record: str, rows: Iterable[Holding]) -> Holders:
        copies = sorted(
            (
                Copy(row.holder, row.jti, row.type, row.source, row.state, row.version, row.due_us, self._is_away(row))
                for row in rows
            ),
            key=lambda copy: (copy.holder, copy.version, copy.id),
        )
        changed = [copy for copy in copies if copy.state is not HoldingState.HELD and not copy.out_of_reach]
        return Holders(
            record,
            self.agency_of(record.partition("/")[0]),
            len(changed),
            sum(copy.state in _CONFIRMED for copy in changed),
            sum(copy.state is HoldingState.OBJECTED for copy in changed),
            tuple(sorted({copy.holder for copy in copies if copy.out_of_reach})),
            tuple(copies),
        )

    def _is_away(self, row: Holding) -> bool:
        return row.state not in _CONFIRMED and not self.active(row.holder)
