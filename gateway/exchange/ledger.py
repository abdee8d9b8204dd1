"""Note copies of records in the ledger: which record left us or came to us, in the transaction of its entry.

The rows of an answer without a record are None, so that no hit costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from gateway.clock import SECOND_US
from gateway.model.desk.work import Direction, HoldingState
from gateway.model.hit import Hit
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.desk import DeskRows, Holding
from gateway.records.claims import claims_of


class GivenCopy(msgspec.Struct, frozen=True):
    """A record that an answer of ours holds: its id, type and end, and its name at home (`source/key`)."""

    jti: str
    record_type: str
    expires_us: int
    record: str


def copies_in(hits: Iterable[Hit], keys: Mapping[str, str]) -> tuple[GivenCopy, ...]:
    """Return the records in the hits of an answer of ours; `keys` has their names at home by the hits' references."""
    told = ((hit, claims_of(hit.record)) for hit in hits if hit.record)
    return tuple(
        GivenCopy(claims.jti, hit.record_type, claims.exp * SECOND_US, keys.get(hit.reference, ""))
        for hit, claims in told
        if claims is not None
    )


def copies_given(us: MemberId, holder: MemberId, exchange: ExchangeId, copies: Iterable[GivenCopy]) -> DeskRows | None:
    """Return the rows of the records that an answer of ours gives to `holder`; None without one."""
    return _rows(_copy(copy, Direction.OUT, holder, us, exchange) for copy in copies)


def copies_received(us: MemberId, owner: MemberId, exchange: ExchangeId, hits: Iterable[Hit]) -> DeskRows | None:
    """Return the rows of the records that came in an answer of `owner`; None without one.

    A counterpart may send anything: what does not verify is shown to no officer.
    """
    return _rows(_copy(copy, Direction.IN, us, owner, exchange) for copy in copies_in(hits, {}))


def _copy(copy: GivenCopy, direction: Direction, holder: MemberId, owner: MemberId, source: ExchangeId) -> Holding:
    return Holding(
        copy.jti,
        direction,
        holder,
        owner,
        source,
        HoldingState.HELD,
        record=copy.record,
        type=copy.record_type,
        expires_us=copy.expires_us,
    )


def _rows(found: Iterable[Holding]) -> DeskRows | None:
    copies = {copy.jti: copy for copy in found}
    return DeskRows(holdings=tuple(copies.values())) if copies else None
