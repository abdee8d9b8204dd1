"""Read a page of a list of work: in the order of who waits for it, a counterpart's hits of one search as one item."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from gateway.desk.listing import MOST_READ, Slice, bad_place
from gateway.desk.raising import warning_work
from gateway.model.desk.order import WorkPlace, waited_for
from gateway.model.desk.work import WorkKind
from gateway.ports.desk import Work

_READ = 128
_MORE = 4
_PLACE = re.compile(r"(?P<waited>[0-9])\.(?P<due>[0-9]{1,17})\.(?P<id>[A-Za-z0-9._:-]{1,200})", re.ASCII)


def page_of(
    read: Callable[[WorkPlace | None, int], Sequence[Work]],
    fits: Callable[[Work], bool],
    limit: int,
    after: str = "",
    *,
    folded: bool = False,
) -> Slice[tuple[Work, ...]]:
    """Return so many items of a list that fit, behind the place `after` (empty: the first ones); each is one row, or
    with `folded` all hits of a search at a counterpart.

    `read` returns so many rows behind a place, in the order of the list. What is raised meanwhile moves no place. So
    many rows are looked at in one call that it ends in time; then `next` leads on, however few were found. Raises
    `Malformed` for an invalid place.
    """
    place, looked, count = _place(after), 0, max(_READ, limit + 1)
    last, found = place, list[list[Work]]()
    while looked < MOST_READ:
        rows = read(place, count)
        for row in rows:
            place = WorkPlace(waited_for(row.kind, row.urgency), row.due_us, row.id)
            if not fits(row):
                continue
            if folded and found and _is_same_search(found[-1][0], row):
                found[-1].append(row)
            elif len(found) == limit:
                return Slice(tuple(map(tuple, found)), _written(last))
            else:
                found.append([row])
            last = place
        if len(rows) < count:
            return Slice(tuple(map(tuple, found)))
        looked, count = looked + len(rows), count * _MORE
    return Slice(tuple(map(tuple, found)), _written(place))


def _is_same_search(one: Work, other: Work) -> bool:
    """Tell whether two rows are hits of one search at the same counterpart, which the same person has to confirm.

    A counterpart's alert that the search has found is not among them: it is an item of its own.
    """
    works = (one, other)
    if any(work.kind is not WorkKind.CONFIRM or work.id == warning_work(work.key, work.notice_id) for work in works):
        return False
    return len({(work.key.peer, work.notice_id, work.assigned, work.due_us, bool(work.done_us)) for work in works}) == 1


def _place(text: str) -> WorkPlace | None:
    if not text:
        return None
    if (match := _PLACE.fullmatch(text)) is None:
        raise bad_place()
    return WorkPlace(int(match["waited"]), int(match["due"]), match["id"])


def _written(place: WorkPlace | None) -> str:
    return f"{place.waited}.{place.due_us}.{place.id}" if place is not None else ""
