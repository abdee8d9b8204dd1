"""Whom a node tells of work, and in which words: urgency and time, never content."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.clock import SystemClock
from gateway.config.sections.desk import Notify
from gateway.demo.people import desk_persons, write_people
from gateway.desk.notify.channels import channels_of
from gateway.desk.notify.words import Told, digest, for_whom
from gateway.desk.people.directory import People
from gateway.errors import Misconfigured
from gateway.language.languages import Language
from gateway.model.desk.notices import Urgency
from gateway.model.desk.work import Level, Role
from gateway.model.names import MemberId
from tests.support.desk_rows import START_US, new_key, some_work

CLOCK = SystemClock()
OFFICE = "vn.blo.moc-bai"
WORK = some_work(new_key("th"), agency="police", office=OFFICE, not_by="", urgency=Urgency.FLASH)


@pytest.fixture
def people(tmp_path: Path) -> People:
    write_people(tmp_path, "vn", desk_persons("vn", OFFICE, ("police", "customs")), CLOCK)
    found = People(tmp_path, MemberId("vn"), CLOCK)
    found.look()
    return found


def names(people: People, **changes: object) -> list[str]:
    return [one.id for one in for_whom(replace(WORK, **changes), people, CLOCK.now_us())]


def test_those_on_duty_in_the_role_are_told_and_the_national_desk_when_half_is_over(people: People) -> None:
    assert names(people) == ["vn.d.7", "vn.d.8"]
    assert names(people, agency="customs") == ["vn.d.9"]
    assert names(people, not_by="vn.d.7") == ["vn.d.8"]
    assert names(people, assigned="vn.d.8") == ["vn.d.8"]
    assert set(names(people, level=Level.HALF)) >= {"vn.d.7", "vn.n.1", "vn.n.2"}
    assert names(people, office="vn.blo.other") == names(people, role=Role.NATIONAL_DESK)
    assert names(people, done_us=1) == []
    assert names(people, opened_us=CLOCK.now_us() + 10**9) == []
    assert names(people, assigned="vn.o.99") == []


def test_a_word_says_urgency_and_time_in_the_person_s_language_and_nothing_else(people: People) -> None:
    (person, _) = for_whom(WORK, people, CLOCK.now_us())
    told = Told("1", replace(person, language=Language.EN), 1, Urgency.FLASH, START_US, "https://desk.vn.example")
    assert (
        told.text
        == "1 FLASH item waits for you, due 2026-11-24T12:00:00.000000Z: open the desk https://desk.vn.example"
    )
    assert replace(told, person=replace(person, language=Language.VI)).text != told.text
    later = digest(replace(person, language=Language.EN), [replace(WORK, due_us=START_US + 9), WORK], "")
    assert (later.count, later.urgency) == (2, Urgency.ROUTINE)
    assert later.text.startswith("2 items wait for you, the first due 2026-11-24T")


@pytest.mark.parametrize(
    ("settings", "where"),
    [
        (Notify(smtp="localhost:25"), "notify.sender"),
        (Notify(webhook="http://sms.example/"), "notify.webhook"),
        (Notify(webhook="https://sms.example/"), "notify.webhook_secret"),
    ],
)
def test_a_channel_that_is_half_switched_on_is_refused(settings: Notify, where: str, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as caught:
        channels_of(settings, tmp_path.joinpath, CLOCK.now_us)
    assert caught.value.where == where


def test_a_secret_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("whsec_AAAA")
    file.chmod(0o644)
    with pytest.raises(Misconfigured, match="others can read"):
        channels_of(Notify(webhook="https://sms.example/", webhook_secret="secret"), tmp_path.joinpath, CLOCK.now_us)
