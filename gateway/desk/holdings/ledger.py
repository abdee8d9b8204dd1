"""Tell whether a copy of a counterpart's record may be shown: each reader of a copy asks here.

A copy is hidden from the moment at which its owner's change was taken; that is one transaction. A copy that is in no
ledger came before there was one, and is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from gateway.errors import Forbidden
from gateway.matching.explain import RULES
from gateway.model.desk.work import Direction, HoldingState
from gateway.model.names import ExchangeId, MemberId
from gateway.model.search import Line, Search, ShownHit
from gateway.ports.desk import DeskStore, Holding
from gateway.records.claims import claims_of

WITHDRAWN = "record-withdrawn"
UNHEARD = "record-owner-unheard"
"""Why a record is not shown, as a rule of its hit: its owner changed it; or our database was restored, and its owner
has not told us yet what we took since."""

CUT = "office:"
"""Begins the place of a record's id in the row that hides all records of an owner from one office."""

_REPLACED = "replaced-by/"


@dataclass(frozen=True, slots=True)
class Ledger:
    """The copies from abroad. `heard` tells whether a member has told us what we lost by a restore, if we did."""

    store: DeskStore
    member: MemberId
    heard: Callable[[MemberId], bool] = lambda _member: True

    def check(self, owner: MemberId, jti: str, office: str = "") -> None:
        """Raise `Forbidden` for a record that may not be shown to an officer of `office`."""
        why = self.hidden({owner: (jti,)}, office).get((owner, jti))
        if why is not None:
            raise Forbidden(RULES[why], code=why, where="record", remedy="ask again")

    def hidden(self, wanted: Mapping[MemberId, Iterable[str]], office: str = "") -> Mapping[tuple[MemberId, str], str]:
        """Return those of some records, by owner, that may not be shown, each with the reason."""
        asked = {(owner, jti) for owner, ids in wanted.items() for jti in ids}
        if not asked:
            return {}
        found = {one: UNHEARD for one in asked if not self.heard(one[0])}
        ids = {jti for _, jti in asked} | ({cut_id(office)} if office else set())
        rows = self.store.holdings(jtis=ids, direction=Direction.IN, holder=self.member)
        cut = {row.owner for row in rows if row.jti.startswith(CUT)}
        gone = {(row.owner, row.jti) for row in rows if row.state is not HoldingState.HELD}
        return found | {one: WITHDRAWN for one in asked if one in gone or one[0] in cut}

    def replaced(self, owner: MemberId, jti: str) -> Holding | None:
        """Return the copy that stands for a record which its owner has corrected; None without one.

        It may have been corrected itself.
        """
        rows = self.store.holdings(jti=jti, direction=Direction.IN, holder=self.member)
        named = next((row.record for row in rows if row.owner == owner and row.record.startswith(_REPLACED)), "")
        found = self.store.holdings(jti=named.removeprefix(_REPLACED), direction=Direction.IN) if named else []
        return next((row for row in found if row.owner == owner), None)

    def filtered(self, search: Search, office: str) -> Search:
        """Return a search without the records that may not be shown to an officer of `office`; it says why."""
        wanted: dict[MemberId, list[str]] = {}
        for line in search.lines:
            if line.member != self.member:
                wanted.setdefault(line.member, []).extend(filter(None, map(_id, line.hits)))
        hidden = self.hidden(wanted, office)
        if not hidden:
            return search

        def bare(line: Line, hit: ShownHit) -> ShownHit:
            why = hidden.get((line.member, _id(hit)))
            return replace(hit, record=None, action="", rules=(*hit.rules, why)) if why else hit

        lines = (replace(line, hits=tuple(bare(line, hit) for hit in line.hits)) for line in search.lines)
        return replace(search, lines=tuple(lines))


def _id(hit: ShownHit) -> str:
    """Return the id of the record that a hit shows, empty where it shows none."""
    claims = claims_of(hit.record.compact) if hit.record is not None else None
    return claims.jti if claims is not None else ""


def replacement(jti: str) -> str:
    """Return what names, in the row of a corrected record, the record that stands for it."""
    return f"{_REPLACED}{jti}"


def cut_id(office: str) -> str:
    """Return what stands in the place of a record's id where an office is cut off."""
    return f"{CUT}{office}"


def cut_row(us: MemberId, owner: MemberId, office: str, notice_id: ExchangeId) -> Holding:
    """Return the row by which an owner cut one office of ours off from its records."""
    return Holding(cut_id(office), Direction.IN, us, owner, notice_id, HoldingState.HIDDEN)
