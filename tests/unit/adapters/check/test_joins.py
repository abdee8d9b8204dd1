"""`adapter check` proves from the data that keys of joins tell rows apart, and warns of contradicting histories."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import Liaison
from tests.support.customs_house import CustomsHouse, customs_house

KEY = 'on = [["os_no", "os_no"], ["os_year", "os_year"], ["office", "office"]]'
NUMBER = (KEY, 'column = "os_no"\nto = "os_no"')
ON_PEOPLE = 'on = [["ptype", "links.ptype"], ["pno", "links.pno"]]'


@pytest.fixture
def house(tmp_path: Path) -> CustomsHouse:
    return customs_house(tmp_path)


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    return Liaison(capsys)


def findings(liaison: Liaison, house: CustomsHouse, *changes: tuple[str, str], severity: str = "error") -> list[Any]:
    ran = liaison("adapter", "check", str(house.map(*changes)), "--url", house.url, "--json")
    found = [each for each in ran.value["findings"] if each["severity"] == severity]
    assert ran.code == (1 if not ran.value["good"] else 0)
    return found


@pytest.mark.long
def test_a_mapping_whose_keys_are_whole_can_be_used(liaison: Liaison, house: CustomsHouse) -> None:
    assert findings(liaison, house) == []


@pytest.mark.long
def test_sheets_of_other_years_are_not_mixed_without_a_word(liaison: Liaison, house: CustomsHouse) -> None:
    (wrong,) = findings(liaison, house, NUMBER)
    assert "`os_no` of `sheets` is no key: one of its values stands in several rows" in wrong["message"]
    assert "same rows of `items`" in wrong["message"]
    assert "os_year, office" in wrong["remedy"]
    assert "shared = true" in wrong["remedy"]
    assert wrong["where"] == f"{house.mapping}:{line_of('column = ' + chr(34) + 'os_no', house.mapping)}"
    assert wrong["rows"] == [{"key": "99", "row": {"os_no": "99"}}]


def line_of(text: str, path: Path) -> int:
    return next(number for number, row in enumerate(path.read_text("utf-8").splitlines(), 1) if text in row)


@pytest.mark.long
def test_two_of_the_keys_are_shown_and_masked(liaison: Liaison, house: CustomsHouse) -> None:
    house.run(
        "INSERT INTO sheets VALUES (5, 'Kb 4', 2021, 'VTE'), (6, 'Kb 4', 2022, 'VTE')",
        "INSERT INTO sheets VALUES (7, 'x', 1, 'y'), (8, 'x', 2, 'y')",
        "INSERT INTO items VALUES (7, 'Kb 4', 2021, 'VTE', 'tea', '1'), (8, 'x', 2, 'y', 'tea', '1')",
    )
    (wrong,) = findings(liaison, house, NUMBER)
    assert "3 of its values stand in several rows" in wrong["message"]
    assert len(wrong["rows"]) == 2
    assert "Kb 4" not in str(wrong)
    ran = liaison("adapter", "check", str(house.mapping), "--url", house.url, "--show")
    assert "os_no = 17" in ran.out


@pytest.mark.long
def test_rows_that_are_rightly_shared_are_said_to_be(liaison: Liaison, house: CustomsHouse) -> None:
    assert findings(liaison, house, (NUMBER[0], f"{NUMBER[1]}\nshared = true")) == []


@pytest.mark.long
def test_a_number_that_only_one_live_sheet_has_is_a_key(liaison: Liaison, house: CustomsHouse) -> None:
    assert findings(liaison, house, NUMBER, ("live = []", 'live = [{ column = "id", in = ["1", "4"] }]')) == []


def test_a_join_that_needs_one_row_finds_one(liaison: Liaison, house: CustomsHouse) -> None:
    house.run("CREATE INDEX people_no ON people (pno)")
    wrong = findings(liaison, house, (ON_PEOPLE, 'column = "pno"\nto = "links.pno"'))
    assert "`pno` of `people` is no key: one of its values stands in several rows, and `people` needs one" in [
        each["message"] for each in wrong
    ]


def test_the_whole_table_is_looked_at(liaison: Liaison, house: CustomsHouse) -> None:
    house.run("CREATE INDEX people_no ON people (pno)")
    house.map((ON_PEOPLE, 'column = "pno"\nto = "links.pno"'))
    ran = liaison("adapter", "check", str(house.mapping), "--url", house.url, "--rows", "1", "--json")
    assert any("is no key" in each["message"] for each in ran.value["findings"])


@pytest.mark.long
def test_a_code_with_two_meanings_is_an_error(liaison: Liaison, house: CustomsHouse) -> None:
    wrong = findings(liaison, house, ('where = { column = "kind", in = ["UNIT"] }', ""))
    assert ["`code` of `codes` is no key" in each["message"] for each in wrong][:1] == [True]
    assert "shut rows out by `where`" in wrong[0]["remedy"]


@pytest.mark.long
@pytest.mark.parametrize(("said", "contradicted"), [("any", 2), ("all", 2), ("newest by since", 0)])
def test_a_history_whose_rows_contradict_each_other_is_noted(
    liaison: Liaison, house: CustomsHouse, said: str, contradicted: int
) -> None:
    rule = f'[[record.subject]]\nwhen = {{ column = "states.state", in = ["ACTIVE"], rows = "{said}" }}\nis = "WANTED"'
    found = findings(liaison, house, ("[record.search]", f"{rule}\n\n[record.search]"), severity="note")
    notes = [each for each in found if "contradict" in each["message"]]
    assert len(notes) == (1 if contradicted else 0)
    for note in notes:
        assert f"`state` in {contradicted} records" in note["message"]
        assert "newest by COLUMN" in note["remedy"]
        assert len(note["rows"]) == 2
