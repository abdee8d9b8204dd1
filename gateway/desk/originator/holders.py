"""Show an owner who holds copies of its records, and how many of them have confirmed a change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from gateway.desk.originator.meant import passed_on
from gateway.desk.roles import Act, Matter, Person, may
from gateway.errors import Forbidden
from gateway.model.desk.work import Direction, HoldingState
from gateway.model.names import MemberId
from gateway.ports.desk import DeskStore, Holding

_CONFIRMED = frozenset({HoldingState.HIDDEN, HoldingState.ENDED})
_UNDER_WAY = frozenset({HoldingState.CHANGING, HoldingState.OBJECTED})
_MOST = 10_000
_PAGE = 50


class Copy(msgspec.Struct, frozen=True):
    """One copy: who holds it, where it was given, its state, and when its end must be confirmed (0: no time).

    `through` is the member that passed it on to the holder with our consent; empty for one that we gave.
    """

    holder: MemberId
    id: str
    type: str
    given: str
    state: HoldingState
    version: int
    due_us: int
    out_of_reach: bool
    through: str = ""


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
        by_name: dict[str, list[Holding]] = {}
        for row in rows:
            if row.owner == self.member:
                by_name.setdefault(row.record, []).append(row)
        through = passed_on(self.store, _shared(rows))
        return [self._holders(name, by_name[name], through) for name in sorted(by_name)]

    def under_way(self, person: Person, now_us: int) -> list[Holders]:
        """Return the holders of the records whose changes are not confirmed by all, or objected to, as far as seen."""
        may(person, Act.HOLDERS, Matter(agency=person.agency), now_us)
        rows = self.store.holdings(direction=Direction.OUT, states=_UNDER_WAY, limit=_MOST)
        return self._named(person, dict.fromkeys(row.record for row in rows if row.owner == self.member), now_us)

    def page(self, person: Person, now_us: int, after: str = "") -> tuple[list[Holders], str]:
        """Return the holders of some records, in the order of the records' ids, and where the next page begins.

        That is empty after the last page. `after` is where this page begins.
        """
        may(person, Act.HOLDERS, Matter(agency=person.agency), now_us)
        rows = self.store.holdings(direction=Direction.OUT, after=after, limit=_PAGE)
        names = dict.fromkeys(row.record for row in rows if row.owner == self.member)
        found = self._named(person, names, now_us)
        fresh = [each for each in found if min(copy.id for copy in each.copies) > after]
        return fresh, rows[-1].jti if len(rows) == _PAGE else ""

    def _named(self, person: Person, names: Iterable[str], now_us: int) -> list[Holders]:
        rows = {name: self.store.holdings(record=name, direction=Direction.OUT) for name in names}
        through = passed_on(self.store, _shared([row for mine in rows.values() for row in mine]))
        found = (self._holders(name, mine, through) for name, mine in rows.items())
        return [each for each in found if self._may(person, each.agency, now_us)]

    def _may(self, person: Person, agency: str, now_us: int) -> bool:
        try:
            may(person, Act.HOLDERS, Matter(agency=agency), now_us)
        except Forbidden:
            return False
        return True

    def _holders(
        self, record: str, rows: Iterable[Holding], through: Mapping[tuple[str, MemberId], MemberId]
    ) -> Holders:
        copies = sorted(
            (self._copy(row, through.get((row.jti, row.holder), "")) for row in rows),
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

    def _copy(self, row: Holding, through: str) -> Copy:
        return Copy(
            row.holder,
            row.jti,
            row.type,
            row.source,
            row.state,
            row.version,
            row.due_us,
            row.state not in _CONFIRMED and not self.active(through or row.holder),
            through,
        )


def _shared(rows: Sequence[Holding]) -> list[Holding]:
    """Return those of some copies whose record has several holders: the others were passed on by none."""
    holders: dict[str, set[MemberId]] = {}
    for row in rows:
        holders.setdefault(row.jti, set()).add(row.holder)
    return [row for row in rows if len(holders[row.jti]) > 1]
