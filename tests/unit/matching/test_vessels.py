"""A vessel is asked for by its name in any script, or by a number in any spelling; each that fits is enough."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from adapters.check.conformance import Expectation, check_adapter
from adapters.indexed import IndexedSource
from gateway.clock import SystemClock
from gateway.desk.alerts.book import AlertBook
from gateway.errors import Malformed, Misconfigured
from gateway.matching.confirm import confirm, judge
from gateway.matching.thresholds import SETS, USUAL
from gateway.model.forms.numbers import imo_check_digit
from gateway.model.forms.vessels import imo_form, mmsi_form
from gateway.model.hit import Match, Quality, SourceRecord, Verdict
from gateway.model.marking import Marking
from gateway.model.query import PersonQuery, Query, VesselQuery
from gateway.model.strictness import Strictness
from gateway.model.values import NameForm
from tests.support.small_source import small_source
from tests.support.tables import table
from tests.unit.desk.alerts.test_book import held

MAPPING = """
[source]
id = "th.police.boats"
agency = "police"
kind = "boats"

[marking]
releasable_to = ["vn"]

[[record]]
type = "Vessel"
table = "boats"
key = "id"
left_out = ["call_sign", "mmsi", "type", "status"]

[record.fields]
name = { item = { text = { column = "name" } } }
imo = { column = "imo" }
local_reg = { column = "reg" }
hull_marks = { column = "marks" }
flag = { column = "flag" }

[record.search]
vessel_names = { field = "name" }
vessels = [
  { item = { imo = { field = "imo" } } },
  { item = { local_reg = { field = "local_reg" }, flag = { field = "flag" } } },
  { item = { hull_marks = { field = "hull_marks" }, flag = { field = "flag" } } },
]
"""
TABLES = """
CREATE TABLE boats (id INTEGER PRIMARY KEY, name TEXT, imo TEXT, reg TEXT, marks TEXT, flag TEXT);
INSERT INTO boats VALUES (1, 'แม่โขง 7', NULL, 'ชร-ข 0417', 'NAGA 9', 'TH'),
  (2, 'แม่โขง 8', NULL, 'ชร-ข 0418', NULL, 'TH'),
  (3, 'สุวรรณนคร', '9074729', NULL, NULL, 'TH');
"""


@pytest.fixture
def source(tmp_path: Path) -> IndexedSource:
    return small_source(tmp_path, MAPPING, TABLES).open(SystemClock())


def keys(source: IndexedSource, query: Query, strictness: Strictness = Strictness.USUAL) -> list[str]:
    """The rows that a question finds and that are read as the same vessel."""
    clock = SystemClock()
    found = source.search(query, clock.monotonic() + 5, strictness).candidates
    read = [source.fetch(each.key, each.record_type, clock.monotonic() + 5) for each in found]
    return [record.key for record in read if confirm(query, record, SETS[strictness]) is not None]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (VesselQuery("แม่โขง 7"), ["1"]),
        (VesselQuery("Mae Khong 7"), ["1"]),
        (VesselQuery("MAE KHONG ๗"), ["1"]),
        (VesselQuery("Suwannakhon"), ["3"]),
        (VesselQuery("Mae Khong 9"), []),
        (VesselQuery(imo="IMO 9074729"), ["3"]),
        (VesselQuery(local_reg="ชร ข ๐๔๑๗"), ["1"]),
        (VesselQuery(local_reg="ชร-ข 0417", flag="TH"), ["1"]),
        (VesselQuery(local_reg="ชร-ข 0417", flag="LA"), []),
        (VesselQuery(local_reg="naga9"), ["1"]),
        (VesselQuery(call_sign="NAGA 9"), ["1"]),
        (VesselQuery(local_reg="9074729"), []),
        (VesselQuery(mmsi="574001230"), []),
        (VesselQuery("Suwannakhon", local_reg="ชร-ข 0418"), ["2", "3"]),
        (VesselQuery("%", local_reg="ชร-ข 0418"), ["2"]),
        (PersonQuery((NameForm("Suwannakhon"),)), []),
    ],
)
def test_a_vessel_is_found_by_its_name_or_a_number(source: IndexedSource, query: Query, expected: list[str]) -> None:
    assert keys(source, query) == expected


def test_a_source_of_vessels_holds_to_the_contract(source: IndexedSource) -> None:
    expectation = Expectation([VesselQuery(imo="9074729"), VesselQuery("แม่โขง 8")], [VesselQuery("ZZ TOP")])
    assert check_adapter(source, SystemClock(), expectation) == []


def test_a_number_is_surer_than_a_name_and_the_flag_makes_it_surer() -> None:
    fields = {"name": {"text": "แม่โขง 7"}, "local_reg": "ชร-ข 0417", "flag": "TH"}
    bare = judge(VesselQuery("Mae Khong 7", local_reg="ชรข0417"), "Vessel", fields)
    flagged = judge(VesselQuery(local_reg="ชรข0417", flag="TH"), "Vessel", fields)
    assert isinstance(bare, Match)
    assert isinstance(flagged, Match)
    assert (bare.quality, bare.rules) == (Quality.EXACT_ID, ("vessel-number",))
    assert flagged.rules == ("vessel-number", "vessel-flag")
    assert flagged.score > bare.score
    assert judge(VesselQuery("Mae Khong 8"), "Vessel", fields) is Verdict.OTHER
    assert judge(VesselQuery(imo="9074729"), "Vessel", fields) is Verdict.SILENT
    assert judge(PersonQuery((NameForm("แม่โขง 7"),)), "Vessel", fields) is Verdict.SILENT


@pytest.mark.parametrize(
    "query", [VesselQuery("Mae Khong 7"), VesselQuery(local_reg="ชรข0417"), VesselQuery("nothing", local_reg="NAGA 9")]
)
def test_an_alert_about_a_boat_is_found(query: VesselQuery) -> None:
    thing = {"kind": "vessel", "name": "แม่โขง 7", "local_reg": "ชร-ข 0417", "hull_marks": "NAGA 9", "flag": "TH"}
    book = AlertBook([held({"objects": [thing]})])
    assert len(list(book.search(query, USUAL))) == 1
    assert list(book.search(VesselQuery("Naga Queen", local_reg="ชรข0419"), USUAL)) == []


@table(
    ("given_", "code"),
    [
        ({}, "missing"),
        ({"flag": "LA"}, "missing"),
        ({"imo": "9074728"}, "bad-imo"),
        ({"imo": "907472"}, "bad-imo"),
        ({"mmsi": "174001230"}, "bad-mmsi"),
        ({"mmsi": "57400123"}, "bad-mmsi"),
        ({"name": "x" * 257}, "too-long"),
        ({"local_reg": "x" * 41}, "too-long"),
        ({"name": "a\nb"}, "bad-text"),
        ({"name": "Naga", "flag": "LAO"}, "bad-query"),
        ({"name": "Naga", "flag": "la"}, "bad-query"),
    ],
)
def test_what_is_no_question_for_a_vessel_is_refused_with_its_code(given_: dict[str, str], code: str) -> None:
    with pytest.raises(Malformed) as refused:
        VesselQuery(**given_)
    assert refused.value.code == code


def test_a_number_without_letters_or_digits_finds_nothing_and_is_refused(source: IndexedSource) -> None:
    with pytest.raises(Malformed):
        source.search(VesselQuery(local_reg="--"), SystemClock().monotonic() + 5)


@given(st.integers(0, 999_999), st.integers(1, 9))
def test_one_wrong_figure_is_no_imo_number(six: int, more: int) -> None:
    digits = f"{six:06d}"
    last = imo_check_digit(digits)
    assert imo_form(f"IMO {digits}{last}") == f"{digits}{last}"
    assert imo_form(f"{digits}{(last + more) % 10}") == ""
    assert mmsi_form(f"{digits}{last}") == ""


def test_fields_that_may_be_withheld_contradict_nothing() -> None:
    fields = {"name": {"text": "แม่โขง 7"}, "local_reg": "ชร-ข 0417", "flag": "TH"}
    asked = VesselQuery("Mae Khong 8", call_sign="HSB2")
    assert judge(asked, "Vessel", fields) is Verdict.OTHER
    assert judge(asked, "Vessel", fields, whole=False) is Verdict.SILENT
    assert judge(VesselQuery("Mae Khong 8"), "Vessel", fields, whole=False) is Verdict.OTHER


def test_a_vessel_of_an_earlier_name_is_the_same_where_the_source_says_so() -> None:
    held_by = {"vessel_names": ["แม่โขง 7", "NAGA QUEEN"]}
    record = SourceRecord("s", "1", "Vessel", "police", {"name": {"text": "แม่โขง 7"}}, Marking(), search=held_by)
    assert confirm(VesselQuery("Naga Queen"), record, USUAL) is not None
    other = structs.replace(record, fields={"name": {"text": "สุวรรณนคร"}})
    assert confirm(VesselQuery("Naga Queen"), other, USUAL) is None


def test_a_number_of_another_name_is_a_mistake_of_the_mapping(tmp_path: Path) -> None:
    mapping = MAPPING.replace("{ local_reg = { field", "{ local_regs = { field")
    with pytest.raises(Misconfigured, match="no number of a vessel is called `local_regs`"):
        small_source(tmp_path, mapping, TABLES).open(SystemClock())
