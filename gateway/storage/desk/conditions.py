"""Say which rows of threads and work are wanted, so that an index finds them in the order of their list."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import product

from sqlalchemy import ColumnElement, and_, func, or_, select, tuple_

from gateway.model.desk.threads import ThreadKind, ThreadState
from gateway.model.desk.work import Level
from gateway.ports.desk import Sight, WorkFilter
from gateway.storage.database.desk_tables import CLOSED, OPEN, desk_thread, desk_work
from gateway.storage.desk.sealing import DeskSeals


def work_conditions(wanted: WorkFilter, seals: DeskSeals) -> list[ColumnElement[bool]]:
    """Return the conditions of the work that is wanted."""
    w = desk_work.c
    conditions: list[ColumnElement[bool]] = []
    if wanted.open_only:
        conditions.append(OPEN)
    if wanted.assignee:
        is_untold = and_(w.assignee.is_(None), func.length(w.people) > 0)
        conditions.append(or_(w.assignee == seals.assignee(wanted.assignee), is_untold))
    agency, office = (w.agency, w.office) if not wanted.assignee else (unindexed(w.agency), unindexed(w.office))
    role = unindexed(w.role) if wanted.key or wanted.agency else w.role
    if wanted.agency:
        conditions.append(agency == wanted.agency)
    if wanted.key:
        conditions += [w.peer == wanted.key.peer, w.thread_id == wanted.key.thread_id]
    if wanted.peer:
        conditions.append(w.peer == wanted.peer)
    if wanted.due_us:
        conditions.append(w.due_us < wanted.due_us)
    if wanted.threadless:
        threads = select(desk_thread.c.peer, desk_thread.c.thread_id)
        conditions.append(tuple_(w.peer, w.thread_id).not_in(threads))
    if wanted.states or wanted.closed_us:
        conditions.append(_thread_of_work(wanted))
    kind_is = unindexed(w.kind) if wanted.key or wanted.limit else w.kind
    for column, values in ((office, wanted.offices), (role, wanted.roles), (kind_is, wanted.kinds)):
        if values:
            conditions.append(column.in_([str(value) for value in values]))
    if wanted.opened_after_us:
        conditions.append(w.opened_us > wanted.opened_after_us)
    if wanted.sight is not None:
        conditions.append(_is_seen(wanted.sight))
    return conditions


def is_any(column: ColumnElement[str], kinds: Collection[ThreadKind]) -> ColumnElement[bool]:
    """Return the condition that a thread is of one of these kinds."""
    return column.in_([kind.value for kind in kinds])


def places(
    offices: Iterable[str],
    agencies: Collection[str],
    states: Iterable[ThreadState],
    fitting: Sequence[ColumnElement[bool]],
) -> Iterator[Sequence[ColumnElement[bool]]]:
    """Yield the conditions of threads of each office, agency and state, which stand together in an index by age."""
    t = desk_thread.c
    for office, state in product(offices, states):
        for agency in agencies or ("",):
            is_of_agency = (t.agency == agency,) if agencies else ()
            yield (t.office == office, *is_of_agency, t.state == state.value, *fitting)


def _thread_of_work(wanted: WorkFilter) -> ColumnElement[bool]:
    """Return the condition that the thread of some work stands as wanted."""
    t, w = desk_thread.c, desk_work.c
    found = select(t.peer, t.thread_id)
    if wanted.states:
        found = found.where(t.state.in_([state.value for state in wanted.states]))
    if wanted.closed_us:
        found = found.where(CLOSED, t.closed_us < wanted.closed_us)
    return tuple_(w.peer, w.thread_id).in_(found)


def unindexed(column: ColumnElement[str]) -> ColumnElement[str]:
    """Return the column in a form for which SQLite takes no index: a better one finds the rows, or has their order."""
    return column.concat("")


def _is_seen(sight: Sight) -> ColumnElement[bool]:
    """Return the condition that somebody with this sight may see some work: it names persons, or fits by its place."""
    w = desk_work.c
    seen: list[ColumnElement[bool]] = [func.length(w.people) > 0]
    if sight.roles:
        seen.append(w.role.in_([role.value for role in sight.roles]))
    if sight.from_half:
        seen.append(and_(w.level != Level.FIRST.value, w.kind.in_([kind.value for kind in sight.from_half])))
    if sight.at_end:
        seen.append(and_(w.level == Level.END.value, w.kind.in_([kind.value for kind in sight.at_end])))
    if sight.agency:
        seen.append(and_(w.agency == sight.agency, *([w.office == sight.office] if sight.office else ())))
    return or_(*seen)
