"""Say which copies a change is about: at the holder those that came from its author, at the owner those it gave.

A change may come before the copy: a reply waits while exchange is suspended, or its link is down, and a withdrawal of
the same record passes it. The holder keeps a row for each record that a change names and that it does not have. So what
comes later is hidden in the transaction that takes it, and is erased and confirmed like any other copy.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from gateway.desk.delivery.effects import Occasion
from gateway.desk.raising import from_notice
from gateway.model.desk.notices import About, Change, ChangeCode, Notice
from gateway.model.desk.threads import Side, ThreadKey, ThreadKind
from gateway.model.desk.work import Direction, HoldingState
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.desk import DeskStore, Holding, NoticeRow, Work
from gateway.statements.notices.notice import parse_notice

LIVE = frozenset(state for state in HoldingState if state is not HoldingState.ENDED)

_KEPT_US = 366 * 86_400_000_000
"""The time for which the row of a copy that never came is kept: the longest for which a notice is delivered."""


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


def passed_on(store: DeskStore, copies: Iterable[Holding]) -> Mapping[tuple[str, MemberId], MemberId]:
    """Return, for those of some copies of ours that another member passed on, by id and holder, that member.

    Only a member that holds the record itself, and asked for this consent, passes it on.
    """
    wanted = list(copies)
    holders: dict[tuple[str, MemberId], set[MemberId]] = {}
    for one in store.holdings(jtis={copy.jti for copy in wanted}, direction=Direction.OUT) if wanted else ():
        holders.setdefault((one.jti, one.owner), set()).add(one.holder)
    found = {}
    for copy in wanted:
        others = holders.get((copy.jti, copy.owner), set()) - {copy.holder}
        through = _asker(store, copy.source, others) if others else None
        if through is not None:
            found[copy.jti, copy.holder] = through
    return found


def _asker(store: DeskStore, source: ExchangeId, members: Iterable[MemberId]) -> MemberId | None:
    """Return the one of some members that asked for a consent in the thread `source`."""
    for member in sorted(members):
        key = ThreadKey(member, source)
        thread = store.thread(key)
        if thread is not None and thread.kind is ThreadKind.ASK and not thread.opener:
            placed = store.placed(key)
            if placed and placed[0].code == About.CONSENT:
                return member
    return None


def keeps(change: Change) -> bool:
    """Tell whether copies stay with the holder, hidden: then its receipt is the confirmation."""
    return not change.erase_by_us or change.code in (ChangeCode.CONTESTED, ChangeCode.CUT)


def first_notice(store: DeskStore, key: ThreadKey) -> tuple[NoticeRow, Notice] | None:
    """Return the notice that opened a thread; None where it is erased."""
    rows: Sequence[NoticeRow] = store.notices(key)
    opening = next((row for row in rows if row.placed.side is Side.OPENER and row.placed.seq == 1), None)
    return (opening, parse_notice(opening.envelope)) if opening is not None and opening.envelope else None


def rows_for_missing(it: Occasion, change: Change, us: MemberId) -> list[Holding]:
    """Return a row for each record that a change of a counterpart names and of which no copy has come."""
    peer = it.thread.key.peer
    known = {copy.jti for copy in _copies(it, us, change.records)}
    return [
        Holding(
            jti,
            Direction.IN,
            us,
            peer,
            it.notice.head.notice_id,
            HoldingState.ENDED,
            expires_us=it.now_us + _KEPT_US,
        )
        for jti in change.records
        if jti not in known
    ]


def changed_before(it: Occasion, us: MemberId, jtis: Collection[str]) -> Mapping[str, Holding]:
    """Return the rows of those records that their owner has changed already, by record."""
    return {copy.jti: copy for copy in _copies(it, us, jtis) if copy.state is not HoldingState.HELD}


def obeyed_again(it: Occasion, changed: Iterable[Holding]) -> tuple[Work, ...]:
    """Return the work of the changes that these copies came after, open again: what came is erased and confirmed."""
    peer = it.thread.key.peer
    found: dict[str, Work] = {}
    for source in {copy.source for copy in changed}:
        key = ThreadKey(peer, source)
        thread, opening = it.store.thread(key), first_notice(it.store, key)
        if thread is not None and thread.kind is ThreadKind.CHANGE and opening is not None:
            found |= {work.id: work for work in from_notice(thread, opening[1], it.now_us)}
    return tuple(found.values())


def _copies(it: Occasion, us: MemberId, jtis: Collection[str]) -> list[Holding]:
    if not jtis:
        return []
    rows = it.store.holdings(jtis=jtis, direction=Direction.IN, holder=us)
    return [row for row in rows if row.owner == it.thread.key.peer]
