"""Show an owner who holds copies of its records, and how many of them have confirmed a change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from gateway.desk.acts import Act
from gateway.desk.originator.meant import passed_on
from gateway.desk.roles import TABLE, Matter, Person, Reach, may
from gateway.errors import Forbidden
from gateway.model.desk.work import Direction, HoldingState
from gateway.model.names import MemberId
from gateway.ports.desk import DeskStore, Holding

_CONFIRMED = frozenset({HoldingState.HIDDEN, HoldingState.ENDED})
_UNDER_WAY = frozenset({HoldingState.CHANGING, HoldingState.OBJECTED})
_MOST = 10_000
_PAGE = 50


class Copy(msgspec.Struct, frozen=True):
    """One copy of a record: who holds it, which exchange gave it, in which version, and what became of it.

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


class HoldersPage(msgspec.Struct, frozen=True):
    """A part of the ledger. `next` is where the next one begins, empty after the last.

    `left` are the copies that are not shown yet, None for a person who does not see those of all agencies. `waited` are
    the copies of the whole ledger whose confirmation is waited for, as far as the person sees them.
    """

    found: tuple[Holders, ...]
    next: str
    left: int | None
    waited: int


@dataclass(frozen=True, slots=True)
class HoldersView:
    """The holders of our records. `active` tells whether a member is in the federation; `agency_of` names a source's
    agency."""

    member: MemberId
    store: DeskStore
    active: Callable[[str], bool]
    agency_of: Callable[[str], str]

    def of(self, person: Person, now_us: int, record: str) -> HoldersPage:
        """Return the holders of a record.

        Raises `Forbidden` for a person who may see no holders at all, or not those of this record.
        """
        may(person, Act.HOLDERS, Matter(agency=person.agency), now_us)
        page = self.of_record(record)
        for agency in {each.agency for each in page.found} or {person.agency}:
            may(person, Act.HOLDERS, Matter(agency=agency), now_us)
        return page

    def of_record(self, record: str) -> HoldersPage:
        """Return the holders of a record, without asking who wants to know."""
        rows = [row for row in self.store.holdings(record=record, direction=Direction.OUT) if row.owner == self.member]
        found = tuple([self._holders(record, rows, passed_on(self.store, _shared(rows)))] if rows else ())
        return HoldersPage(found, "", 0, sum(each.changed - each.confirmed for each in found))

    def listed(self, person: Person | None, now_us: int, after: str = "", limit: int = _PAGE) -> HoldersPage:
        """Return a page of the ledger as far as a person may see it; None is the home itself, which sees all.

        Raises `Forbidden` for a person who may see no holders at all.
        """
        sees_all = person is None or any(TABLE[role].get(Act.HOLDERS) is Reach.MEMBER for role in person.roles)
        found, following = self.page(person, now_us, after, limit)
        left = self.store.count_holdings(Direction.OUT, following) if following else 0
        return HoldersPage(tuple(found), following, left if sees_all else None, self._waited(person, now_us))

    def _waited(self, person: Person | None, now_us: int) -> int:
        rows = self.store.holdings(direction=Direction.OUT, states=_UNDER_WAY, limit=_MOST)
        through = passed_on(self.store, _shared(rows))
        own = [row for row in rows if row.owner == self.member and self._sees(person, row.record, now_us)]
        return sum(not self._copy(row, through.get((row.jti, row.holder), "")).out_of_reach for row in own)

    def under_way(self, person: Person, now_us: int) -> list[Holders]:
        """Return the holders of the records whose changes are not confirmed by all, or objected to, as far as seen."""
        may(person, Act.HOLDERS, Matter(agency=person.agency), now_us)
        rows = self.store.holdings(direction=Direction.OUT, states=_UNDER_WAY, limit=_MOST)
        return self._named(person, dict.fromkeys(row.record for row in rows if row.owner == self.member), now_us)

    def page(
        self, person: Person | None, now_us: int, after: str = "", limit: int = _PAGE
    ) -> tuple[list[Holders], str]:
        """Return the holders of some records, in the order of the records' ids, and where the next page begins.

        That is empty after the last page. `after` is where this page begins, `limit` the copies that are looked at.
        """
        if person is not None:
            may(person, Act.HOLDERS, Matter(agency=person.agency), now_us)
        rows = self.store.holdings(direction=Direction.OUT, after=after, limit=limit)
        names = dict.fromkeys(row.record for row in rows if row.owner == self.member)
        found = self._named(person, names, now_us)
        fresh = [each for each in found if min(copy.id for copy in each.copies) > after]
        return fresh, rows[-1].jti if len(rows) == limit else ""

    def _named(self, person: Person | None, names: Iterable[str], now_us: int) -> list[Holders]:
        rows: dict[str, list[Holding]] = {name: [] for name in names}
        for row in self.store.holdings(records=list(rows)) if rows else ():  # the index by record, and no other
            if row.direction is Direction.OUT:
                rows.setdefault(row.record, []).append(row)
        through = passed_on(self.store, _shared([row for mine in rows.values() for row in mine]))
        found = (self._holders(name, mine, through) for name, mine in rows.items())
        return [each for each in found if self._sees(person, each.record, now_us)]

    def _sees(self, person: Person | None, record: str, now_us: int) -> bool:
        try:
            if person is not None:
                may(person, Act.HOLDERS, Matter(agency=self._agency(record)), now_us)
        except Forbidden:
            return False
        return True

    def _agency(self, record: str) -> str:
        return self.agency_of(record.partition("/")[0])

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
            self._agency(record),
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
