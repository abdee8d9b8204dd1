"""Say which copies a change is about: at the holder those that came from its author, at the owner those it gave."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from gateway.model.desk.notices import Change, ChangeCode, Notice
from gateway.model.desk.threads import Side, ThreadKey
from gateway.model.desk.work import Direction, HoldingState
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.desk import DeskStore, Holding, NoticeRow
from gateway.statements.notices.notice import parse_notice

LIVE = frozenset(state for state in HoldingState if state is not HoldingState.ENDED)


def copies_meant(
    store: DeskStore, change: Change, direction: Direction, holder: MemberId, owner: MemberId
) -> list[Holding]:
    """Return the copies that `holder` has of records of `owner`, of those that a change names; none that is ended.

    A change that cuts an office off and names no record is about no copy: it hides whatever comes from the owner.
    """
    found: list[Holding] = []
    if change.records:
        found += store.holdings(jtis=change.records, direction=direction, holder=holder, states=LIVE)
    if change.of:
        found += store.holdings(source=change.of, direction=direction, holder=holder, states=LIVE)
    return list({one.jti: one for one in found if one.owner == owner}.values())


def keeps(change: Change) -> bool:
    """Tell whether copies stay with the holder, hidden: then its receipt is the confirmation."""
    return not change.erase_by_us or change.code in (ChangeCode.CONTESTED, ChangeCode.CUT)


def first_notice(store: DeskStore, key: ThreadKey) -> tuple[NoticeRow, Notice] | None:
    """Return the notice that opened a thread; None where it is erased."""
    rows: Sequence[NoticeRow] = store.notices(key)
    opening = next((row for row in rows if row.placed.side is Side.OPENER and row.placed.seq == 1), None)
    return (opening, parse_notice(opening.envelope)) if opening is not None and opening.envelope else None


def binding(notice_id: ExchangeId) -> bytes:
    """Return what a record that comes with a change names as its request: the change's own id, hashed.

    The change's hash cannot be in the record, which is a part of the change.
    """
    return hashlib.sha256(notice_id.encode()).digest()
