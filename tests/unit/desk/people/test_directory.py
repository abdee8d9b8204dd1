"""Who is on duty, and who has access at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.app.desks.second_step import asked_agency
from gateway.clock import ManualClock, rfc3339
from gateway.desk.people.directory import People
from gateway.desk.people.lists import DUTY, PERSONS
from gateway.errors import Misconfigured, Unauthenticated
from gateway.model.desk.work import Role
from gateway.model.names import MemberId
from gateway.model.requester import Officer

HOUR_US = 3_600_000_000
HEAD = "id,agency,office,roles,channel,language,training_until\n"
DUTY_HEAD = "person,agency,office,role,from,until\n"
PLACE = ("police", "th.blo.main", Role.DUTY)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 11, 24, 9, tzinfo=UTC))


@pytest.fixture
def people(tmp_path: Path, clock: ManualClock) -> People:
    write(tmp_path, clock)
    made = People(tmp_path, MemberId("th"), clock)
    assert made.look()
    return made


def write(folder: Path, clock: ManualClock, persons: str = "", duty: str = "") -> None:
    now_us = clock.now_us()
    later, gone = (rfc3339(now_us + days * 24 * HOUR_US)[:10] for days in (90, -2))
    since, until = (f"{rfc3339(now_us + hours * HOUR_US)[:16]}Z" for hours in (-1, 8))
    (folder / PERSONS).write_text(
        f"{HEAD}th.d.7,police,th.blo.main,duty,,th,{later}\nth.d.8,police,th.blo.main,duty,,th,{gone}\n"
        f"th.d.9,police,th.blo.main,duty,,th,\nth.n.1,police,th.national,national-desk,,th,{later}\n{persons}"
    )
    rows = [f"th.d.{number},police,th.blo.main,duty,{since},{until}\n" for number in (9, 8, 7, 7)]
    (folder / DUTY).write_text(
        f"{DUTY_HEAD}{''.join(rows)}th.n.1,police,th.national,national-desk,{since},{until}\n{duty}"
    )


def ids(found: tuple[object, ...]) -> list[str]:
    return [getattr(person, "id", "") for person in found]


def test_on_duty_are_those_of_the_shift_whose_training_is_in_force(people: People, clock: ManualClock) -> None:
    now_us = clock.now_us()
    assert ids(people.on_duty(*PLACE, now_us)) == ["th.d.7"]
    assert people.on_duty("customs", "th.blo.main", Role.DUTY, now_us) == ()
    assert people.on_duty("police", "th.blo.main", Role.SUPERVISOR, now_us) == ()
    assert people.on_duty(*PLACE, now_us - 2 * HOUR_US) == ()
    assert people.on_duty(*PLACE, now_us + 9 * HOUR_US) == ()


def test_where_nobody_is_on_duty_it_is_the_national_desk_s_at_once(people: People, clock: ManualClock) -> None:
    here = people.who(*PLACE, clock.now_us())
    assert (ids(here.persons), here.national) == (["th.d.7"], False)
    other = people.who("customs", "th.blo.other", Role.DUTY, clock.now_us())
    assert (ids(other.persons), other.national) == (["th.n.1"], True)
    late = people.who(*PLACE, clock.now_us() + 24 * HOUR_US)
    assert (late.persons, late.national) == ((), True)


def test_a_listed_person_without_training_has_no_access(people: People) -> None:
    people.refuse("th.d.7")
    people.refuse("th.o.1042")
    for person, code in (("th.d.8", "training-over"), ("th.d.9", "training-missing")):
        with pytest.raises(Unauthenticated) as caught:
            people.refuse(person)
        assert caught.value.code == code


def test_a_token_tells_a_shift(people: People, clock: ManualClock) -> None:
    now_us = clock.now_us()
    officer = Officer("th.d.20", "desk-officer", "th.blo.main", "police", frozenset(), b"")
    people.tell(officer, {Role.DUTY}, now_us + HOUR_US)
    assert ids(people.on_duty(*PLACE, now_us)) == ["th.d.20", "th.d.7"]
    assert ids(people.on_duty(*PLACE, now_us + HOUR_US)) == ["th.d.7"]
    expired = Officer("th.d.8", "desk-officer", "th.blo.main", "police", frozenset(), b"")
    people.tell(expired, {Role.DUTY}, now_us + HOUR_US)
    assert "th.d.8" not in ids(people.on_duty(*PLACE, now_us))


def test_changed_lists_count_and_those_with_a_mistake_change_nothing(
    people: People, tmp_path: Path, clock: ManualClock
) -> None:
    write(tmp_path, clock, persons="th.d.30,police,th.blo.main,duty,,th,2099-01-01\n")
    assert people.look()
    assert people.person("th.d.30") is not None
    write(tmp_path, clock, persons="th.d.31,police\n")
    with pytest.raises(Misconfigured):
        people.look()
    assert people.fresh
    assert people.person("th.d.30") is not None
    with pytest.raises(Misconfigured):
        people.look()
    assert not people.fresh
    write(tmp_path, clock)
    assert people.look()
    assert people.person("th.d.30") is None


def test_where_training_is_required_it_must_be_on_file_in_the_list_or_in_a_token(
    tmp_path: Path, clock: ManualClock
) -> None:
    write(tmp_path, clock)
    people = People(tmp_path, MemberId("th"), clock, required=True)
    people.look()
    people.refuse("th.d.7")
    with pytest.raises(Unauthenticated, match="no training is on file"):
        people.refuse("th.o.1042")
    people.tell_training("th.o.1042", clock.now_us() + HOUR_US)
    people.refuse("th.o.1042")
    clock.advance(timedelta(hours=1))
    with pytest.raises(Unauthenticated, match="run out"):
        people.refuse("th.o.1042")


def test_a_person_whose_account_is_barred_is_on_no_duty(people: People, clock: ManualClock) -> None:
    assert [one.id for one in people.on_duty(*PLACE, clock.now_us())] == ["th.d.7"]
    people.bars = {"th.d.7"}.__contains__
    assert people.on_duty(*PLACE, clock.now_us()) == ()
    assert people.who(*PLACE, clock.now_us()).national, "the national desk stands in"


def test_a_question_to_an_office_of_several_agencies_is_the_national_desk_s_unless_one_has_its_topic(
    people: People, tmp_path: Path, clock: ManualClock
) -> None:
    now_us = clock.now_us()
    assert asked_agency(people, set(), "immigration", "th.blo.main", now_us) == "police"
    later = rfc3339(now_us + 90 * 24 * HOUR_US)[:10]
    since, until = (f"{rfc3339(now_us + hours * HOUR_US)[:16]}Z" for hours in (-1, 8))
    write(
        tmp_path,
        clock,
        f"th.c.1,customs,th.blo.main,duty,,th,{later}\n",
        f"th.c.1,customs,th.blo.main,duty,{since},{until}\n",
    )
    assert people.look()
    assert asked_agency(people, set(), "immigration", "th.blo.main", now_us) == ""
    assert asked_agency(people, set(), "", "th.blo.main", now_us) == ""
    assert asked_agency(people, set(), "police", "th.blo.main", now_us) == "police"
    assert asked_agency(people, {"immigration"}, "immigration", "th.blo.main", now_us) == "immigration"
