"""What work and threads a person sees: nothing but what the table of roles gives."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.audit.log.log import AuditLog
from gateway.desk.acting.persons import as_item, is_for, is_visible, may_read, readable_at, wanted_of
from gateway.desk.acts import Act
from gateway.desk.roles import TABLE, Person, matter_of, refusal
from gateway.model.desk.threads import ThreadKind
from gateway.model.desk.work import Level, Role, WorkKind
from gateway.ports.desk import DeskRows, WorkFilter
from gateway.storage.desk.desk_store import SqlDeskStore
from gateway.storage.log.log_store import SqlLogStore
from tests.support.audit_logs import LogHome, answered
from tests.support.desk_rows import START_US, a_thread, new_key, some_work
from tests.support.tables import table

NOW = START_US + 1
KEY = new_key()


def person(*roles: Role, agency: str = "police", office: str = "poipet-blo", name: str = "kh.x.9") -> Person:
    return Person(name, frozenset(roles), agency, office, NOW + 1)


ALL = [
    person(*roles, agency=agency, office=office)
    for roles in (*((role,) for role in Role), ())
    for agency, office in itertools.product(("police", "customs"), ("poipet-blo", "other"))
]
WORKS = [
    some_work(KEY, kind=kind, role=role, level=level, assigned=assigned, not_by="")
    for kind, role, level, assigned in itertools.product(WorkKind, Role, Level, ("", "kh.x.9", "kh.o.1"))
]


@pytest.mark.long
def test_nothing_is_seen_without_the_right_to_see_that_there_is_work() -> None:
    for who, work in itertools.product(ALL, WORKS):
        allowed = not refusal(who, Act.LIST, matter_of(work), NOW)
        assert is_visible(who, work, NOW) <= allowed
        assert is_for(who, work, NOW) <= is_visible(who, work, NOW)


@pytest.mark.long
def test_what_is_shown_as_allowed_is_in_the_table_and_nothing_else_is() -> None:
    for who, work in itertools.product(ALL, WORKS):
        item = as_item(who, work, a_thread(KEY), NOW, supervised=True)
        if not item.refusal:
            assert any(Act(item.act) in TABLE[role] for role in who.roles)
            assert work.assigned in ("", who.person)


@table("who", ALL)
def test_a_thread_is_read_by_whom_the_table_names(who: Person) -> None:
    for kind, opener in itertools.product(ThreadKind, (True, False)):
        thread = a_thread(KEY, kind=kind, opener=opener, officer="kh.o.1")
        seeing = {Act.SEE, Act.SEE_ALERT, Act.SEE_WATCHES} | (
            {Act.SEE_SERVICE} if kind is ThreadKind.SERVICE else set()
        )
        readers = {role for role in who.roles if seeing & TABLE[role].keys()}
        if not may_read(who, thread, NOW):
            assert readers
            assert Role.ADMINISTRATOR not in who.roles
        if not who.roles:
            assert may_read(who, thread, NOW) == "role-not-permitted"


def test_an_administrator_sees_that_there_is_work_and_no_thread_whatever_other_roles_there_are() -> None:
    who = person(Role.ADMINISTRATOR, Role.HEAD_OF_DESK)
    assert is_visible(who, WORKS[0], NOW)
    assert may_read(who, a_thread(KEY), NOW) == "administrator"
    assert wanted_of(who, every=True, mine=False) == WorkFilter()


def test_without_training_nothing_is_seen_and_work_that_has_not_begun_is_not() -> None:
    who = replace(person(Role.NATIONAL_DESK, Role.DUTY), trained_until_us=NOW)
    assert not any(is_visible(who, work, NOW) for work in WORKS)
    assert may_read(who, a_thread(KEY), NOW) == "training-over"
    later = some_work(KEY, opened_us=NOW + 1)
    trained = replace(person(Role.DUTY), trained_until_us=NOW + 9)
    assert not is_visible(trained, later, NOW)
    assert is_visible(trained, later, NOW + 1)


def test_half_of_the_clock_brings_work_to_the_national_desk_and_the_end_to_its_head() -> None:
    national, head = person(Role.NATIONAL_DESK, office="kh.national"), person(Role.HEAD_OF_DESK)
    first = some_work(KEY)
    assert not is_for(national, first, NOW)
    assert is_visible(national, first, NOW)
    assert is_for(national, replace(first, level=Level.HALF), NOW)
    assert not is_for(head, replace(first, level=Level.HALF), NOW)
    assert is_for(head, replace(first, level=Level.END), NOW)


def test_an_author_sees_the_approval_of_their_own_draft_and_not_a_review_of_themselves() -> None:
    author = person(Role.OFFICER, name="kh.o.1", office=some_work(KEY).office)
    mine = some_work(KEY, kind=WorkKind.APPROVE, role=Role.SUPERVISOR, assigned="", not_by="kh.o.1")
    assert is_visible(author, mine, NOW)
    assert not is_for(author, mine, NOW)
    assert as_item(author, mine, a_thread(KEY), NOW, supervised=True).refusal == "own-approval"
    assert not is_visible(author, replace(mine, kind=WorkKind.REVIEW), NOW)
    assert not is_visible(author, replace(mine, not_by="kh.o.2"), NOW)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlDeskStore]:
    """All kinds of work, at two offices of two agencies and of none, some of it done."""
    home = LogHome(Path(tmp_path_factory.mktemp("works")) / "home")
    places = (("police", "poipet-blo"), ("police", "other"), ("customs", "poipet-blo"), ("", ""))
    works = [
        replace(work, id=f"{number}-{agency}-{office}", agency=agency, office=office, done_us=number % 7 // 6)
        for number, work in enumerate(WORKS)
        if work.kind in (WorkKind.DECIDE, WorkKind.APPROVE, WorkKind.OUTCOME, WorkKind.READ)
        for agency, office in places
    ]
    with home.database() as database:
        log = AuditLog(
            SqlLogStore(database, home.keystore), home.keystore, home.key, home.clock, "th", highwater=home.highwater
        )
        with closing(log):
            log.append([answered(rows=DeskRows(works=tuple(works)))])
            yield SqlDeskStore(database, home.keystore)


@pytest.mark.long
def test_what_is_read_for_a_person_is_all_that_the_person_sees_and_little_more(store: SqlDeskStore) -> None:
    pairs = [person(*two) for two in itertools.combinations((Role.OFFICER, Role.DUTY, Role.AUDITOR, Role.APPROVER), 2)]
    whole = store.works(WorkFilter())
    named = sum(bool(work.assigned) for work in whole)
    for who, (every, mine) in itertools.product((*ALL[::2], *pairs), itertools.product((False, True), repeat=2)):
        fits = is_visible if every else is_for
        read = store.works(wanted_of(who, every=every, mine=mine))
        seen = {work.id for work in whole if fits(who, work, NOW) and (not mine or work.assigned == who.person)}
        assert seen <= {work.id for work in read}
        assert len(read) <= len(seen) + named, "what names nobody is read for those who see it"


def test_the_threads_that_are_read_for_a_person_are_all_that_the_person_may_read() -> None:
    """Own ones of another office are read beside them."""
    places = itertools.product(("police", "customs", ""), ("poipet-blo", "other", ""))
    for (agency, office), kind, opener, who in itertools.product(places, ThreadKind, (True, False), ALL):
        thread = a_thread(KEY, kind=kind, opener=opener, officer="kh.o.1", agency=agency, office=office)
        agencies, offices = readable_at(who)
        is_read = agency in (agencies or (agency,)) and office in (offices or (office,))
        assert is_read or may_read(who, thread, NOW)
        if not may_read(who, replace(thread, officer=who.person), NOW):
            assert agency in (agencies or (agency,))
