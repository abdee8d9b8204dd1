"""Say which rows of threads and work are wanted, so that an index finds them in the order of their list."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import product

from sqlalchemy import ColumnElement, and_, case, func, literal, or_, select, tuple_

from gateway.model.desk.order import AFTERWARDS, OWED, PRESSING, Sight, Waited, WorkPlace
from gateway.model.desk.threads import ThreadKind, ThreadState
from gateway.model.desk.work import Level
from gateway.ports.desk import WorkFilter
from gateway.storage.database.desk_tables import CLOSED, HAS_PEOPLE, OPEN, desk_thread, desk_work
from gateway.storage.desk.rows import RANKS
from gateway.storage.desk.sealing import DeskSeals

WAITED = case(
    (desk_work.c.kind.in_(sorted(AFTERWARDS)), Waited.NOBODY.value),
    *((desk_work.c.urgency == RANKS[urgency], waited.value) for urgency, waited in PRESSING.items()),
    (desk_work.c.kind.in_(sorted(OWED)), Waited.ELSEWHERE.value),
    else_=Waited.HERE.value,
)
"""Who waits for some work, as `waited_for` tells it."""


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
        conditions.append(agency.in_((wanted.agency, "")) if wanted.or_none else agency == wanted.agency)
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
    if wanted.reader:
        conditions.append(or_(w.assignee.is_(None), w.assignee.in_((b"", seals.assignee(wanted.reader)))))
    if wanted.behind is not None:
        conditions.append(_is_behind(wanted.behind))
    if wanted.opened_after_us:
        conditions.append(w.opened_us > wanted.opened_after_us)
    if wanted.sight is not None and not is_parted(wanted):
        conditions.append(_is_seen(wanted.sight))
    return conditions


def _is_behind(place: WorkPlace) -> ColumnElement[bool]:
    w, waited = desk_work.c, literal(place.waited)
    later = or_(w.due_us > place.due_us, and_(w.due_us == place.due_us, w.id > place.id))
    return or_(waited < WAITED, and_(waited == WAITED, later))


def is_parted(wanted: WorkFilter) -> bool:
    """Tell whether the first work of all agencies is wanted that somebody may see: each place has an index of its own,
    in the order of the list, which one condition with all of them would not use."""
    return wanted.sight is not None and bool(wanted.limit) and wanted.open_only and not (wanted.agency or wanted.key)


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


def seen_at(sight: Sight) -> list[ColumnElement[bool]]:
    """Return the places of work that somebody with this sight may see, each of them rows of one index."""
    places = (product(*([column == value for value in values] for column, values in each)) for each in _seen(sight))
    return [HAS_PEOPLE, *(and_(*place) for each in places for place in each)]


def _is_seen(sight: Sight) -> ColumnElement[bool]:
    """Return the condition that somebody with this sight may see some work: it names persons, or fits by its place."""
    return or_(HAS_PEOPLE, *(and_(*(column.in_(values) for column, values in each)) for each in _seen(sight)))


def _seen(sight: Sight) -> list[list[tuple[ColumnElement[str], list[str]]]]:
    """Return the values of columns by which work is seen; one that leaves a column open is without it."""
    w, late, half, end = desk_work.c, [Level.HALF.value, Level.END.value], sight.from_half, sight.at_end
    seen: list[list[tuple[ColumnElement[str], list[str]]]] = [
        [(w.role, [role.value for role in sight.roles])],
        [(w.level, late), (w.kind, [kind.value for kind in half])],
        [(w.level, late[1:]), (w.kind, [kind.value for kind in end if kind not in half])],
    ]
    if sight.agency:
        seen.append([(w.agency, [sight.agency]), *([(w.office, [sight.office])] if sight.office else [])])
    return [each for each in seen if all(values for _, values in each)]
