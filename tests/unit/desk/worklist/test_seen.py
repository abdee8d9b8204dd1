"""What work and threads a person sees: nothing but what the table of roles gives."""

from __future__ import annotations

import itertools

import pytest
from msgspec.structs import replace

from gateway.desk.roles import TABLE, Act, Person, matter_of
from gateway.desk.worklist.seen import as_item, is_for, is_visible, may_read, refusal, sees_everywhere
from gateway.model.desk.threads import ThreadKind
from gateway.model.desk.work import Level, Role, WorkKind
from tests.support.desk_rows import START_US, a_thread, new_key, some_work

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


def test_nothing_is_seen_without_the_right_to_see_that_there_is_work() -> None:
    for who, work in itertools.product(ALL, WORKS):
        allowed = not refusal(who, Act.LIST, matter_of(work), NOW)
        assert is_visible(who, work, NOW) <= allowed
        assert is_for(who, work, NOW) <= is_visible(who, work, NOW)


def test_what_is_shown_as_allowed_is_in_the_table_and_nothing_else_is() -> None:
    for who, work in itertools.product(ALL, WORKS):
        item = as_item(who, work, a_thread(KEY), NOW, supervised=True)
        if not item.refusal:
            assert any(Act(item.act) in TABLE[role] for role in who.roles)
            assert work.assigned in ("", who.person)


@pytest.mark.parametrize("who", ALL)
def test_a_thread_is_read_by_whom_the_table_names(who: Person) -> None:
    for kind, opener in itertools.product(ThreadKind, (True, False)):
        thread = a_thread(KEY, kind=kind, opener=opener, officer="kh.o.1")
        readers = {role for role in who.roles if Act.SEE in TABLE[role] or (Act.SEE_ALERT in TABLE[role])}
        if not may_read(who, thread, NOW):
            assert readers
            assert Role.ADMINISTRATOR not in who.roles
        if not who.roles:
            assert may_read(who, thread, NOW) == "role-not-permitted"


def test_an_administrator_sees_that_there_is_work_and_no_thread_whatever_other_roles_there_are() -> None:
    who = person(Role.ADMINISTRATOR, Role.HEAD_OF_DESK)
    assert is_visible(who, WORKS[0], NOW)
    assert may_read(who, a_thread(KEY), NOW) == "administrator"
    assert sees_everywhere(who)


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
