"""Alerts are found as the rows of other sources are: by names in all scripts, by numbers and plates."""

from __future__ import annotations

import time
from typing import Any

import pytest

from gateway.desk.alerts.book import MAX_JUDGED, AlertBook, HeldAlert
from gateway.errors import Malformed
from gateway.matching.thresholds import SETS
from gateway.model.desk.threads import ThreadKey
from gateway.model.names import MemberId, new_exchange_id
from gateway.model.query import ContainerQuery, DocumentQuery, NationalIdQuery, PersonQuery, Query, VehicleQuery
from gateway.model.strictness import Strictness
from gateway.model.values import NameForm, PartialDate
from gateway.records.types import record_type
from tests.support.tables import table

USUAL = SETS[Strictness.USUAL]
LAO: dict[str, Any] = {
    "names": [{"text": "ບຸນມີ ພົມມະຈັນ", "romanised": "Bounmy Phommachanh"}],
    "birth": {"value": "1979-11-02"},
    "identifiers": [{"number": "P LAO N 001234", "issuer": "LAO"}, {"number": "1-2345-67890-12-1"}],
}
TRUCK: dict[str, Any] = {"objects": [{"plate": "ฒณ 4471", "province": "กรุงเทพมหานคร"}, "MSKU 120 3456"]}
PEOPLE: dict[str, Any] = {"names": [{"text": "Nguyễn Văn Hùng"}], "birth": {"value": "1990"}}


def held(fields: dict[str, Any], **changes: Any) -> HeldAlert:
    """An alert of a counterpart."""
    full = {"alert_class": "LOCATE", "reason": "sought", "action": "tell us", **fields}
    record_type("Alert").encode(full)
    first: dict[str, Any] = {
        "key": ThreadKey(MemberId("la"), new_exchange_id()),
        "owner": MemberId("la"),
        "agency": "la.police",
        "own_key": True,
        "offices": (),
        "action": "LOCATE",
        "fields": full,
        "marking": {},
        "jti": "ab" * 16,
        "compact": "",
        "undisclosed": 0,
        "from_us": 0,
        "until_us": 1,
        "heard_us": 0,
        "version": 1,
    }
    return HeldAlert(**(first | changes))


def found(book: AlertBook, query: Query) -> list[HeldAlert]:
    """The alerts that a question finds."""
    return [alert for alert, _ in book.search(query, USUAL)]


def name(text: str, birth: str = "") -> PersonQuery:
    """A question by name."""
    return PersonQuery((NameForm(text),), PartialDate(birth) if birth else None)


@table(
    ("fields", "query"),
    [
        (LAO, name("ບຸນມີ ພົມມະຈັນ", "1979")),
        (LAO, name("Bunmi Phommachan", "1979-11-02")),
        (LAO, name("PHOMMACHANH BOUNMY", "1979-11-02")),
        (LAO, name("บุญมี พรหมจันทร์", "1979-11-02")),
        (LAO, DocumentQuery("PLAON001234", "LAO")),
        (LAO, NationalIdQuery("1234567890121")),
        (TRUCK, VehicleQuery("ฒณ4471", "กรุงเทพมหานคร")),
        (TRUCK, ContainerQuery("MSKU1203456")),
        (PEOPLE, name("Nguyen Van Hung", "1990-05-01")),
    ],
)
def test_an_alert_is_found_by_every_way_to_write_what_it_is_about(fields: dict[str, Any], query: Query) -> None:
    alert = held(fields)
    others = [held({**PEOPLE, "names": [{"text": "Trần Thị Mai"}]}), held({"objects": ["ABCU 7654321"]})]
    assert found(AlertBook([alert, *others]), query) == [alert]


@table(
    "query",
    [name("Bounmy Phommachanh", "1995-01-01"), DocumentQuery("001235"), VehicleQuery("ฒณ4472"), name("Somsak Chan")],
)
def test_another_person_or_thing_is_not_found(query: Query) -> None:
    assert found(AlertBook([held(LAO), held(TRUCK)]), query) == []


def test_a_renewed_alert_takes_the_place_of_the_earlier_one() -> None:
    alert = held(LAO)
    book = AlertBook([alert])
    book.put(held(TRUCK, key=alert.key))
    assert found(book, name("Bounmy Phommachanh", "1979-11-02")) == []
    assert len(found(book, VehicleQuery("ฒณ4471"))) == 1
    book.remove(alert.key)
    assert (found(book, VehicleQuery("ฒณ4471")), dict(book.alerts)) == ([], {})


def test_a_question_with_nothing_to_search_by_is_refused() -> None:
    with pytest.raises(Malformed) as caught:
        found(AlertBook([held(LAO)]), name("XXX"))
    assert caught.value.code == "bad-query"


def test_many_alerts_of_one_name_cost_a_bounded_number_of_comparisons() -> None:
    book = AlertBook([held(PEOPLE) for _ in range(3 * MAX_JUDGED)])
    checks: list[int] = []
    list(book.search(name("Nguyễn Văn Hùng", "1990"), USUAL, lambda: checks.append(1)))
    assert len(checks) == MAX_JUDGED


@pytest.mark.timed
def test_a_number_costs_little_among_thousands_of_alerts() -> None:
    book = AlertBook([held({"identifiers": [{"number": f"P{number:07}"}]}) for number in range(5_000)])
    before = time.thread_time()
    assert len(found(book, DocumentQuery("P0004711"))) == 1
    assert time.thread_time() - before < 0.25


def test_n210_alerts_for_another_office_take_no_place_of_those_for_this_one() -> None:
    mine = held(PEOPLE, offices=("th.a",))
    others = [held(PEOPLE, offices=("th.b",)) for _ in range(MAX_JUDGED)]
    book = AlertBook([*others, mine, *(held(PEOPLE, offices=("th.b",)) for _ in range(20))])
    seen = book.search(name("Nguyen Van Hung", "1990"), USUAL, sees=lambda alert: alert.is_for("th.a"))
    assert [alert for alert, _ in seen] == [mine]


def test_n252_alerts_of_one_owner_crowd_out_nobody_elses() -> None:
    """However many of one member share all keys with a question, those of others are compared as well."""
    many = [held(PEOPLE) for _ in range(MAX_JUDGED + 40)]
    other = held(PEOPLE, owner=MemberId("kh"), key=ThreadKey(MemberId("kh"), new_exchange_id()))
    shown = found(AlertBook([*many, other]), name("Nguyễn Văn Hùng", "1990"))
    assert len(shown) == MAX_JUDGED
    assert other in shown
