"""Note copies of records in the ledger: which record left us or came to us, in the transaction of its entry.

The rows of an answer without a record are None, so that no hit costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gateway.model.desk.work import Direction, HoldingState
from gateway.model.hit import Hit
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.desk import DeskRows, Holding
from gateway.records.claims import claims_of

SECOND_US = 1_000_000


def copies_given(
    us: MemberId, holder: MemberId, exchange: ExchangeId, hits: Iterable[Hit], keys: Mapping[str, str]
) -> DeskRows | None:
    """Return the rows of the records that an answer of ours gives to `holder`; None without one.

    `keys` has the name of each record at home (`source/key`) by the reference of its hit.
    """
    found = (_copy(hit, Direction.OUT, holder, us, exchange, keys.get(hit.reference, "")) for hit in hits if hit.record)
    return _rows(found)


def copies_received(us: MemberId, owner: MemberId, exchange: ExchangeId, hits: Iterable[Hit]) -> DeskRows | None:
    """Return the rows of the records that came in an answer of `owner`; None without one."""
    return _rows(_copy(hit, Direction.IN, us, owner, exchange, "") for hit in hits if hit.record)


def _copy(
    hit: Hit, direction: Direction, holder: MemberId, owner: MemberId, source: ExchangeId, record: str
) -> Holding | None:
    claims = claims_of(hit.record)
    if claims is None:  # a counterpart may send anything; what does not verify is shown to no officer
        return None
    return Holding(
        claims.jti,
        direction,
        holder,
        owner,
        source,
        HoldingState.HELD,
        record=record,
        type=hit.record_type,
        expires_us=claims.exp * SECOND_US,
    )


def _rows(found: Iterable[Holding | None]) -> DeskRows | None:
    copies = {copy.jti: copy for copy in found if copy is not None}
    return DeskRows(holdings=tuple(copies.values())) if copies else None
