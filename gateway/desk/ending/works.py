"""Say which work the end of its thread leaves without a purpose: one table of kinds of work and of ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from msgspec.structs import replace

from gateway.desk.times import OVER
from gateway.model.desk.notices import Notice, NoticeType
from gateway.model.desk.work import WorkKind
from gateway.ports.desk import DeskStore, Thread, Work, WorkFilter


class End(StrEnum):
    """The end of a thread. It is the result of the work that ends with it."""

    WITHDRAWN = "withdrawn"
    OUTCOME = "outcome-told"
    EXPIRED = "expired"
    """The clock has ended it while something was waited for."""
    SETTLED = "no-outcome"
    """The clock has ended it after everything was answered but the question for an outcome."""
    REMOVED = "counterpart-removed"
    """The charter does not list the counterpart as active any more."""


_BY_ALL = frozenset(End)
_BY_OWN_END = _BY_ALL - {End.REMOVED}

TABLE: Mapping[WorkKind, frozenset[End]] = {
    WorkKind.CONFIRM: frozenset(),
    WorkKind.APPROVE: _BY_OWN_END,
    WorkKind.DECIDE: _BY_ALL,
    WorkKind.CLARIFY: _BY_ALL,
    WorkKind.ACKNOWLEDGE: _BY_ALL,
    WorkKind.COMPLY: frozenset(),
    WorkKind.REVALIDATE: _BY_ALL,
    WorkKind.OUTCOME: frozenset({End.OUTCOME, End.SETTLED}),
    WorkKind.CORRECT: frozenset({End.WITHDRAWN}),
    WorkKind.DISTINGUISH: frozenset({End.WITHDRAWN}),
    WorkKind.REVIEW: frozenset(),
    WorkKind.INCIDENT: frozenset(),
    WorkKind.READ: frozenset({End.WITHDRAWN}),
}
"""The ends that end work of each kind. What is not here stays for a human: an error in our own data is one whoever has
told it and has gone since, a change is obeyed, a word is read. What is left when the thread is forgotten ends then."""


def ended_works(works: Iterable[Work], end: End, now_us: int) -> tuple[Work, ...]:
    """Return the open work that an end leaves without a purpose, as done by it.

    A question for an outcome that opens later stays, and so does what a notice within the thread has raised after its
    matter was settled.
    """
    return tuple(
        replace(work, done_us=now_us, paused_us=0, result=end.value)
        for work in works
        if not work.done_us and end in TABLE[work.kind] and not _is_apart(work, end, now_us)
    )


def _is_apart(work: Work, end: End, now_us: int) -> bool:
    if work.kind is WorkKind.OUTCOME:
        return work.opened_us > now_us
    return work.kind is WorkKind.DISTINGUISH and end is End.WITHDRAWN and work.notice_id != work.key.thread_id


def with_ended(
    store: DeskStore, before: Thread | None, after: Thread, notice: Notice, now_us: int, works: tuple[Work, ...]
) -> tuple[Work, ...]:
    """Return the rows of work of a notice, with those that end because it ends the thread. It reads the store."""
    if after.state not in OVER or before is None or before.state in OVER:
        return works
    known = {work.id for work in works}
    end = End.OUTCOME if notice.type is NoticeType.OUTCOME else End.WITHDRAWN
    waiting = store.works(WorkFilter(key=after.key))
    return (*works, *ended_works((each for each in waiting if each.id not in known), end, now_us))
