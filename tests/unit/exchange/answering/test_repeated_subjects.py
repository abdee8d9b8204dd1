"""Whoever asks for one subject under several purposes is told of, however the subject is written."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Malformed
from gateway.exchange.answering import repeated_subjects as module
from gateway.exchange.answering.repeated_subjects import HALF_A_DAY_US, Subjects, subjects
from gateway.model.names import MemberId
from gateway.model.purpose import Purpose
from gateway.model.query import (
    ContainerQuery,
    DocumentQuery,
    NationalIdQuery,
    PersonQuery,
    Query,
    VehicleQuery,
    VesselQuery,
)
from gateway.model.values import NameForm, PartialDate
from tests.support.tables import table

TH, KH = MemberId("th"), MemberId("kh")
BORDER, INVESTIGATION, PREVENTION = Purpose.BORDER_CHECK, Purpose.INVESTIGATION, Purpose.PREVENTION
PASSPORT = DocumentQuery("AB 123-456", "VNM")
NOW = 10 * HALF_A_DAY_US


def person(*names: str, birth: str = "1980") -> PersonQuery:
    return PersonQuery(tuple(map(NameForm, names)), PartialDate(birth) if birth else None)


def test_a_second_purpose_is_told_once_and_a_third_again() -> None:
    memory = Subjects()
    assert memory.note(TH, PASSPORT, BORDER, NOW) == ()
    assert memory.note(TH, PASSPORT, BORDER, NOW) == ()
    assert memory.note(TH, PASSPORT, INVESTIGATION, NOW) == (BORDER, INVESTIGATION)
    assert memory.note(TH, PASSPORT, INVESTIGATION, NOW) == ()
    assert memory.note(TH, PASSPORT, BORDER, NOW) == ()
    assert memory.note(TH, PASSPORT, PREVENTION, NOW) == (BORDER, INVESTIGATION, PREVENTION)


def test_another_counterpart_or_subject_is_another_matter() -> None:
    memory = Subjects()
    memory.note(TH, PASSPORT, BORDER, NOW)
    assert memory.note(KH, PASSPORT, INVESTIGATION, NOW) == ()
    assert memory.note(TH, DocumentQuery("AB123457", "VNM"), INVESTIGATION, NOW) == ()


@table(
    ("one", "other"),
    [
        (PASSPORT, DocumentQuery("ab123456")),
        (NationalIdQuery("1-1017-00230-70-8", "THA-PIN"), NationalIdQuery("1101700230708")),
        (VehicleQuery("กข 1234", "กรุงเทพ"), VehicleQuery("กข1234", "กรุงเทพ")),
        (ContainerQuery("CSQU 305438 3"), ContainerQuery("csqu3054383")),
        (VesselQuery("Mekong 7", local_reg="ชร-ข 0417"), VesselQuery(call_sign="ชรข ๐๔๑๗")),
        (VesselQuery("Mekong 7"), VesselQuery("MEKONG-7", imo="9074729")),
        (person("Nguyễn Văn An"), person("NGUYEN, van  an")),
        (person("Sok Dara"), person("Dara Sok")),
        (person("Somchai Jaidee"), person("Unknown", "somchai jaidee")),
        (person("สมชาย ใจดี", birth=""), person("ใจดี สมชาย", birth="")),
    ],
)
def test_it_does_not_matter_how_a_subject_is_written(one: Query, other: Query) -> None:
    memory = Subjects()
    memory.note(TH, one, BORDER, NOW)
    assert memory.note(TH, other, INVESTIGATION, NOW) == (BORDER, INVESTIGATION)


@table(
    ("one", "other"),
    [
        (PASSPORT, NationalIdQuery("AB123456")),
        (person("Sok Dara"), person("Sok Dara", birth="1981")),
        (person("Sok Dara"), person("Sok Dary")),
        (person("ดี"), person("ดู")),
        (person("សុខ ដារ៉ា"), person("សុខា ដារ៉ា")),
        (VehicleQuery("กข1234", "กรุงเทพ"), VehicleQuery("กข1234", "เชียงใหม่")),
    ],
)
def test_different_subjects_stay_different(one: Query, other: Query) -> None:
    assert not {*subjects(one)} & {*subjects(other)}


def test_what_is_no_number_is_no_subject() -> None:
    assert not [*subjects(DocumentQuery("N/A")), *subjects(VehicleQuery("---")), *subjects(person("..."))]


def test_questions_are_forgotten_after_a_day_at_most_and_half_a_day_at_least() -> None:
    memory = Subjects()
    memory.note(TH, PASSPORT, BORDER, NOW)
    assert memory.note(TH, person("Sok Dara"), BORDER, NOW + HALF_A_DAY_US + 1) == ()
    assert memory.note(TH, PASSPORT, INVESTIGATION, NOW + HALF_A_DAY_US + 2) == (BORDER, INVESTIGATION)
    assert memory.note(TH, PASSPORT, PREVENTION, NOW + 4 * HALF_A_DAY_US) == ()


def test_a_flood_of_subjects_takes_no_more_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 10)
    memory = Subjects()
    for number in range(100):
        memory.note(TH, DocumentQuery(f"AB{number:06}"), BORDER, NOW)
    assert len(memory._newer) <= 10
    assert len(memory._older) <= 10
    assert memory.note(TH, DocumentQuery("AB000099"), INVESTIGATION, NOW) == (BORDER, INVESTIGATION)


def test_nothing_of_a_subject_is_remembered_in_words() -> None:
    memory = Subjects()
    memory.note(TH, person("Sok Dara"), BORDER, NOW)
    memory.note(TH, PASSPORT, BORDER, NOW)
    assert {len(name) for name in memory._newer} == {12}
    other = Subjects()
    other.note(TH, PASSPORT, BORDER, NOW)
    assert not memory._newer.keys() & other._newer.keys()


@given(st.text(min_size=1, max_size=40), st.text(min_size=1, max_size=40))
@pytest.mark.long
def test_whatever_is_asked_for_is_the_same_subject_the_next_time(number: str, name: str) -> None:
    memory = Subjects()
    asked: list[Query] = []
    for make in (DocumentQuery, NationalIdQuery, VehicleQuery, ContainerQuery, person):
        with suppress(Malformed):
            asked.append(make(name if make is person else number))
    for query in asked:
        memory.note(TH, query, BORDER, NOW)
        told = memory.note(TH, query, INVESTIGATION, NOW)
        assert told == ((BORDER, INVESTIGATION) if [*subjects(query)] else ())
