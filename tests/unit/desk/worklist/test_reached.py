"""Work that a counterpart addresses to our country stands in the list of somebody who may do it, whatever it names."""

from __future__ import annotations

import itertools

from msgspec.structs import replace

from gateway.desk.acting.persons import as_item, is_for, may_read
from gateway.desk.acts import Act
from gateway.desk.fold import kind_opened_by
from gateway.desk.raising import NOT_SAME_TOPIC, Raising, from_notice
from gateway.desk.roles import PASSED_ON, Person, matter_of, refusal
from gateway.model.desk.notices import About, Ask, Body, Change, ChangeCode, Notice, NoticeType, Service, ServiceCode
from gateway.model.desk.notices import Status as Word
from gateway.model.desk.notices import StatusCode as Code
from gateway.model.desk.threads import ThreadKind
from gateway.model.desk.work import Level, Role
from gateway.ports.desk import Thread, Work
from tests.support.desk_rows import START_US, a_thread, new_key
from tests.support.notices import FIRST, HEAD, SAMPLES
from tests.support.tables import table

NOW = START_US + 1
KEY = new_key()
PEOPLE = [
    Person("vn.x.9", frozenset({role}), agency, office, NOW + 10**15)
    for role, agency, office in itertools.product(Role, ("police", "customs"), ("vn.blo.moc-bai", "other"))
]
BODIES: dict[str, Body] = {
    **{f"ask {about.value}": Ask(about, "facts") for about in About},
    "ask not the same": Ask(About.ERROR, "facts", topic=NOT_SAME_TOPIC),
    **{f"status {code.value}": Word(FIRST, code) for code in Code},
    **{f"change {code.value}": Change(code, ("r",)) for code in ChangeCode},
    **{f"service {code.value}": Service(code, "x") for code in ServiceCode},
    **{f"sample {notice.type.value}": notice.body for notice in SAMPLES if notice.type is not NoticeType.REPLY},
}
OPENING = frozenset({NoticeType.ASK, NoticeType.ALERT, NoticeType.CHANGE, NoticeType.SERVICE, NoticeType.ROOM})
TAKING = (ThreadKind.ASK, ThreadKind.ALERT, ThreadKind.REPORT, ThreadKind.ROOM, ThreadKind.CHANGE)
"""The kinds of counterparts' threads that words come into later."""


def may_do(person: Person, work: Work, thread: Thread) -> bool:
    """Tell whether a person may end this work, or pass it on to an agency of ours."""
    passes = work.kind in PASSED_ON and not refusal(person, Act.PASS_ON, matter_of(work), NOW)
    return passes or not as_item(person, work, thread, NOW, supervised=False).refusal


@table("name", BODIES)
def test_n204_whoever_may_do_it_has_it_in_the_list_from_the_first_moment_to_the_last(name: str) -> None:
    notice = Notice(HEAD, BODIES[name])
    kinds = (kind_opened_by(notice),) if notice.type in OPENING else TAKING
    for agency, office, on_duty, kind in itertools.product(
        ("", "police"), ("", "vn.blo.moc-bai"), (True, False), kinds
    ):
        thread = a_thread(KEY, kind=kind, opener=False, officer="", agency=agency, office=office)
        for work, level in itertools.product(from_notice(thread, notice, NOW, Raising(on_duty=on_duty)), Level):
            at_level = replace(work, level=level)
            reached = [one for one in PEOPLE if is_for(one, at_level, NOW) and may_do(one, at_level, thread)]
            assert reached, (name, kind, agency, office, on_duty, work.role)
            if work.role not in (Role.SECURITY_OFFICER, Role.CENTRAL_AUTHORITY) and kind is not ThreadKind.ROOM:
                assert any(not may_read(one, thread, NOW) for one in reached), (name, kind, agency, office, work.role)


def test_n204_work_of_no_agency_waits_at_the_national_desk_and_not_at_desks_that_may_not_do_it() -> None:
    thread = a_thread(KEY, opener=False, officer="", agency="", office="")
    for about, on_duty in itertools.product((About.QUESTION, About.HIT, About.ERROR), (True, False)):
        (work,) = from_notice(thread, Notice(HEAD, Ask(about, "facts")), NOW, Raising(on_duty=on_duty))
        assert work.role is Role.NATIONAL_DESK
        assert {role for one in PEOPLE if is_for(one, work, NOW) for role in one.roles} == {Role.NATIONAL_DESK}


def test_n204_a_change_of_no_agency_waits_at_the_national_desk_which_obeys_it_and_has_a_clock() -> None:
    """Each data officer of ours may do it, too, and has it in the list from half of its time on."""
    notice = Notice(HEAD, Change(ChangeCode.WITHDRAWN, ("r",)))
    both = {Role.NATIONAL_DESK, Role.DATA_OFFICER}
    for agency, first in (("", Role.NATIONAL_DESK), ("police", Role.DATA_OFFICER)):
        thread = a_thread(KEY, kind=ThreadKind.CHANGE, opener=False, officer="", agency=agency, office="")
        (work,) = from_notice(thread, notice, NOW)
        assert work.opened_us < work.half_us < work.due_us
        for level, roles in ((Level.FIRST, {first}), (Level.HALF, both)):
            at_level = replace(work, level=level)
            assert {role for one in PEOPLE if is_for(one, at_level, NOW) for role in one.roles} == roles
            doing = [one for one in PEOPLE if not as_item(one, at_level, thread, NOW, supervised=False).refusal]
            assert {role for one in doing for role in one.roles} == both
