"""Every kind of work at every end of its thread: what has lost its purpose ends with a result that says why."""

from __future__ import annotations

from gateway.desk.raising import ENDED_BY, End, ended_works
from gateway.model.desk.work import WorkKind
from tests.support.desk_rows import START_US, new_key, some_work
from tests.support.tables import table

ALL = set(End)
EXPECTED = {
    WorkKind.CONFIRM: set(),
    WorkKind.APPROVE: ALL - {End.REMOVED},
    WorkKind.DECIDE: ALL,
    WorkKind.CLARIFY: ALL,
    WorkKind.ACKNOWLEDGE: ALL,
    WorkKind.COMPLY: set(),
    WorkKind.REVALIDATE: ALL,
    WorkKind.OUTCOME: {End.OUTCOME, End.SETTLED},
    WorkKind.CORRECT: {End.WITHDRAWN},
    WorkKind.DISTINGUISH: {End.WITHDRAWN},
    WorkKind.REVIEW: set(),
    WorkKind.INCIDENT: set(),
    WorkKind.READ: {End.WITHDRAWN},
}


def test_the_table_names_every_kind() -> None:
    assert set(ENDED_BY) == set(WorkKind) == set(EXPECTED)


@table("end", End)
@table("kind", WorkKind)
def test_work_of_a_kind_at_an_end(kind: WorkKind, end: End) -> None:
    key = new_key()
    work = some_work(key, kind=kind, notice_id=key.thread_id, paused_us=START_US)
    found = ended_works([work], end, START_US + 5)
    if end in EXPECTED[kind]:
        (done,) = found
        assert (done.done_us, done.result, done.by, done.paused_us) == (START_US + 5, end.value, "", 0)
        assert ended_works(found, end, START_US + 9) == ()
    else:
        assert found == ()


def test_a_question_for_an_outcome_that_opens_later_stays() -> None:
    later = some_work(new_key(), kind=WorkKind.OUTCOME, opened_us=START_US + 10)
    assert ended_works([later], End.OUTCOME, START_US) == ()


def test_what_an_officer_said_of_a_package_stays_when_its_ask_is_withdrawn() -> None:
    told = some_work(new_key(), kind=WorkKind.DISTINGUISH, notice_id="another notice")
    assert ended_works([told], End.WITHDRAWN, START_US) == ()
