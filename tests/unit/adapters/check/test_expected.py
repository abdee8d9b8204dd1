"""Tests beside a mapping: each names a row and says what its record must be; `check` and `doctor` try them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.check.expected import fits
from adapters.check.probe import probe
from adapters.load import Place
from adapters.mapping.file import load_mapping
from gateway.clock import SystemClock
from gateway.errors import Misconfigured
from tests.support.cli import Liaison
from tests.support.customs_house import CustomsHouse, customs_house

GOOD = """
[[expect]]
type = "Seizure"
key = 2
absent = ["place"]
level = "OFFICIAL"
category = "UNKNOWN"

[expect.fields]
reference = "VTE/17/2024"
goods = ["gin", { description = "perfume", brand = "piece" }]
persons = "Noy Khamla"
"""
NOT_LIVE = '\n[[expect]]\ntype = "Seizure"\nkey = "1"\ncounts = false\n'
LIVE = ("live = []", 'live = [{ column = "states.state", in = ["ACTIVE"], rows = "newest by since" }]')


@pytest.fixture
def house(tmp_path: Path) -> CustomsHouse:
    return customs_house(tmp_path)


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    return Liaison(capsys)


def with_tests(house: CustomsHouse, tests: str, *changes: tuple[str, str]) -> Path:
    path = house.map(*changes)
    path.write_text(path.read_text("utf-8") + tests, encoding="utf-8")
    return path


def errors(liaison: Liaison, house: CustomsHouse) -> list[Any]:
    ran = liaison("adapter", "check", str(house.mapping), "--url", house.url, "--json")
    return [each for each in ran.value["findings"] if each["severity"] == "error"]


@pytest.mark.long
def test_a_record_that_is_as_expected_is_not_mentioned(liaison: Liaison, house: CustomsHouse) -> None:
    with_tests(house, GOOD + NOT_LIVE, LIVE)
    assert errors(liaison, house) == []


@pytest.mark.long
@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("VTE/17/2024", "VTE/17/2023", "`reference`"),
        ('["gin", { ', '[{ ', "`goods`"),
        ('"piece"', '"kg"', "`goods`"),
        ('"Noy Khamla"', '["Noy Khamla", "Sok Dara"]', "`persons`"),
        ('["place"]', '["office"]', "`office`"),
        ('"OFFICIAL"', '"RESTRICTED"', "`level`"),
        ('"UNKNOWN"', '"WANTED"', "`category`"),
        ("key = 2", "key = 77", "there is no such row"),
        ("key = 2", "key = 1", "its row does not count"),
        ('key = "1"', 'key = "2"', "its row counts"),
    ],
)  # fmt: skip
def test_what_is_not_as_expected_is_an_error_with_its_line(
    liaison: Liaison, house: CustomsHouse, old: str, new: str, message: str
) -> None:
    tests = GOOD + NOT_LIVE
    assert old in tests
    path = with_tests(house, tests.replace(old, new), LIVE)
    (wrong,) = errors(liaison, house)
    assert f"a `Seizure` is not as expected: {message}" in wrong["message"]
    lines = [number for number, row in enumerate(path.read_text("utf-8").splitlines(), 1) if row == "[[expect]]"]
    assert wrong["where"] in [f"{path}:{number}" for number in lines]
    assert "Noy" not in str(wrong)
    assert "perfume" not in str(wrong)


@pytest.mark.long
def test_the_goods_of_another_sheet_are_caught(liaison: Liaison, house: CustomsHouse) -> None:
    key = 'on = [["os_no", "os_no"], ["os_year", "os_year"], ["office", "office"]]'
    with_tests(house, GOOD, (key, 'column = "os_no"\nto = "os_no"\nshared = true'))
    assert [each["message"] for each in errors(liaison, house)] == ["a `Seizure` is not as expected: `goods`"]


@pytest.mark.long
def test_a_row_that_is_left_out_does_not_meet_anything(liaison: Liaison, house: CustomsHouse) -> None:
    house.run("INSERT INTO codes VALUES ('UNIT', '3', 'jar')")
    with_tests(house, GOOD)
    assert any("its row is left out (two rows of `unit` fit" in each["message"] for each in errors(liaison, house))


def test_a_probe_tries_them_without_an_index(house: CustomsHouse) -> None:
    with_tests(house, GOOD.replace("key = 2", "key = 3"))
    found = probe(Place(house.mapping, house.url, house.folder / "index", SystemClock()))
    assert [each.message for each in found.unmet] == ["a `Seizure` is not as expected: `reference`, `goods`, `persons`"]
    assert not list((house.folder / "index").iterdir())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('type = "Seizure"\nkey = "1"', "says what the record must be"),
        ('type = "Seizer"\nkey = "1"\ncounts = true', "`Seizer` is not mapped"),
        ('type = "Seizure"\nkey = 1.5\ncounts = true', "names the `key`"),
        ('type = "Seizure"\ncounts = true', "names the `key`"),
        ('type = "Seizure"\nkey = "1"\nfields = { gods = "x" }', "unknown field `gods`"),
        ('type = "Seizure"\nkey = "1"\nabsent = ["gods"]', "unknown field `gods`"),
        ('type = "Seizure"\nkey = "1"\nlevel = "SECRET"', "SECRET"),
        ('type = "Seizure"\nkey = "1"\ncounts = false\nabsent = ["goods"]', "does not count"),
        ('type = "Seizure"\nkey = "1"\nfield = "x"', "unknown key `field`"),
    ],
)
def test_an_expectation_that_says_nothing_or_nonsense_is_refused(house: CustomsHouse, text: str, message: str) -> None:
    with pytest.raises(Misconfigured, match=message) as caught:
        load_mapping(with_tests(house, f"\n[[expect]]\n{text}\n"))
    assert caught.value.where.startswith(f"{house.mapping}:")


VALUES = st.recursive(
    st.text(min_size=1) | st.integers() | st.booleans(),
    lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(st.text(min_size=1), inner, min_size=1),
    max_leaves=6,
)


@given(VALUES)
def test_every_value_is_as_expected_of_itself(value: Any) -> None:
    assert fits(value, value)
    assert not fits(value, None)


def test_texts_stand_for_objects_and_lists_hold_nothing_else() -> None:
    assert fits("1962-01-17", {"value": "1962-01-17", "calendar": "BE"})
    assert fits(["b", "a"], [{"text": "a"}, {"text": "b", "lang": "th"}])
    assert not fits(["a"], [{"text": "a"}, {"text": "b"}])
    assert not fits(["a", "a"], [{"text": "a"}, {"text": "b"}])
    assert not fits({"value": "1962-01-17"}, "1962-01-17")
    assert fits("12", 12)
    assert not fits("true", True)
