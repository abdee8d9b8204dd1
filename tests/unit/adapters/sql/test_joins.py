"""Joins of a database: over several columns, through link tables, and never to two rows where one is needed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.clock import SystemClock
from gateway.errors import Malformed, Misconfigured
from gateway.model.query import DocumentQuery, PersonQuery
from gateway.model.values import NameForm
from tests.support.customs_house import CustomsHouse, customs_house, scanned

ONE_COLUMN = (
    'on = [["os_no", "os_no"], ["os_year", "os_year"], ["office", "office"]]',
    'column = "os_no"\nto = "os_no"',
)


KEY = 'on = [["os_no", "os_no"], ["os_year", "os_year"], ["office", "office"]]'

_FAR = 'item = { number = { column = "number" }, name = { column = "people.name" }, role = { column = "links.role" } }'


@pytest.fixture
def house(tmp_path: Path) -> CustomsHouse:
    return customs_house(tmp_path)


def goods(record: Any) -> list[str]:
    return [item["description"] for item in record.get("goods", [])]


def test_a_join_over_several_columns_keeps_the_sheets_of_other_years_and_offices_apart(house: CustomsHouse) -> None:
    found = scanned(house.rows())
    assert {key: goods(record) for key, record in found.items()} == {
        "1": ["heroin"],
        "2": ["perfume", "gin"],
        "3": ["shoes"],
        "4": [],
    }


def test_a_join_over_one_column_stays_what_it_was(house: CustomsHouse) -> None:
    found = scanned(house.rows(ONE_COLUMN))
    assert goods(found["1"]) == goods(found["2"]) == ["heroin", "perfume", "gin", "shoes"]
    assert goods(found["4"]) == ["coins"]


def test_a_row_with_an_empty_part_of_its_key_has_no_joined_rows(house: CustomsHouse) -> None:
    house.run("INSERT INTO items VALUES (9, '18', NULL, 'VTE', 'ivory', '1')")
    assert goods(scanned(house.rows())["4"]) == []


def test_persons_come_through_a_link_table_with_their_part_in_the_case(house: CustomsHouse) -> None:
    found = scanned(house.rows())
    assert [record.get("persons") for record in found.values()] == [
        [{"name": "Keo Bounmy", "role": "HOLDER"}],
        [{"name": "Noy Khamla", "role": "HOLDER"}],
        [{"name": "Keo Bounmy", "role": "HOLDER"}, {"name": "Sok Dara", "role": "HOLDER"}],
        None,
    ]
    assert [name["text"] for name in found["2"]["search"]["names"]] == ["Noy Khamla", "Sok Dara"]


def test_rows_beyond_the_link_table_belong_to_the_person_they_are_of(house: CustomsHouse) -> None:
    found = scanned(house.rows())
    numbers = {key: [each["number"] for each in record["search"].get("documents", [])] for key, record in found.items()}
    assert numbers == {
        "1": ["P0000001", "P0000002"],
        "2": ["N0000009"],
        "3": ["P0000001", "P0000002", "N0000009"],
        "4": [],
    }


def test_a_value_of_a_far_row_may_name_the_rows_it_comes_through(house: CustomsHouse) -> None:
    role = ('item = { name = { column = "people.name" }, role = { column = "role" } }', _FAR)
    rows = ('from = "links"\nwhere', 'from = "papers"\nwhere')
    holder = ('where = { column = "role", in = ["HOLDER"] }', 'where = { column = "links.role", in = ["WITNESS"] }')
    assert scanned(house.rows(rows, holder, role))["2"]["persons"] == [
        {"number": "N0000009", "name": "Sok Dara", "role": "WITNESS"}
    ]


def test_a_code_table_gives_each_joined_row_its_own_meaning(house: CustomsHouse) -> None:
    found = scanned(house.rows())
    assert found["2"]["goods"] == [
        {"description": "perfume", "brand": "piece"},
        {"description": "gin", "brand": "bottle"},
    ]
    assert found["3"]["goods"] == [{"description": "shoes"}]


def test_one_table_of_all_codes_is_shared_by_kind(house: CustomsHouse) -> None:
    """`L` is a country and a unit in one table; without `where`, its records are left out."""
    house.run("UPDATE items SET unit = 'L' WHERE id = 3")
    assert scanned(house.rows())["2"]["goods"][1]["brand"] == "litre"
    found = scanned(house.rows(('where = { column = "kind", in = ["UNIT"] }', "")))
    assert "two rows of `unit` fit, where one is needed" in found.values()
    assert set(found) == {"1", "left out 2", "3", "4"}


def test_two_rows_that_say_the_same_are_one(house: CustomsHouse) -> None:
    house.run("INSERT INTO codes VALUES ('UNIT', '1', 'kg')")
    assert scanned(house.rows())["1"]["goods"] == [{"description": "heroin", "brand": "kg"}]


def test_of_two_persons_none_is_picked(house: CustomsHouse) -> None:
    """The number of a person is unique within its type only."""
    wrong = ('on = [["ptype", "links.ptype"], ["pno", "links.pno"]]', 'column = "pno"\nto = "links.pno"')
    house.run("CREATE INDEX people_no ON people (pno)")
    found = scanned(house.rows(wrong))
    assert [why for key, why in found.items() if key.startswith("left out")] == [
        "two rows of `people` fit, where one is needed"
    ] * 3
    with pytest.raises(Malformed, match="two rows of `people`"):
        house.rows(wrong).read("Seizure", "1", {}, SystemClock().monotonic() + 3)


@pytest.mark.parametrize("is_indexed", [True, False])
def test_a_record_is_the_same_when_it_is_fetched(house: CustomsHouse, is_indexed: bool) -> None:
    if not is_indexed:
        house.run(*(f"DROP INDEX {name}" for name in ("items_sheet", "links_sheet", "papers_people", "states_sheet")))
    source, deadline = house.opened(), SystemClock().monotonic() + 30
    indexed = scanned(house.rows())
    for key, record in indexed.items():
        fields = source.fetch(key, "Seizure", deadline).fields
        assert fields == {name: value for name, value in record.items() if name in fields}
        assert goods(fields) == goods(record)
    together = source.fetch_many([(key, "Seizure") for key in indexed], deadline)
    assert [goods(each.fields) for each in together] == [goods(record) for record in indexed.values()]
    found = source.search(DocumentQuery("N0000009"), deadline).candidates
    assert {each.key for each in found} == {"2", "3"}
    found = source.search(PersonQuery((NameForm("Noy Khamla"),), None), deadline).candidates
    assert {each.key for each in found} == {"2"}
    source.close()


def test_a_row_that_moved_to_another_sheet_is_not_given_out_with_the_old_one(house: CustomsHouse) -> None:
    """Without an index the rows are known by their own keys, and may be of another sheet by now."""
    house.run("DROP INDEX items_sheet")
    source = house.rows()
    links = next(links for rows, links, _ in source.scan("Seizure") if rows and rows[0][0] == 1)
    assert links["items"] == [1]
    house.run("UPDATE items SET os_year = 2024 WHERE id = 1")
    rows = source.read("Seizure", "1", links, SystemClock().monotonic() + 3)
    assert goods(source.builders["Seizure"].build(rows).record.fields) == []


def test_new_rows_of_a_join_over_several_columns_are_noticed(house: CustomsHouse) -> None:
    source = house.opened()
    house.run("INSERT INTO items VALUES (30, '17', 2024, 'PKZ', 'ivory', '1')")
    rows = house.rows()
    standing = {"items": 5, "sheets": 4, "links": 6, "states": 5}
    position = json.dumps({json.dumps([table, "id"]): key for table, key in standing.items()})
    assert [made[0][0] for made, _, _ in rows.changed("Seizure", position) if made] == [3]
    assert source.refresh()
    source.close()


@pytest.mark.long
def test_the_same_rows_in_many_records_at_once(house: CustomsHouse) -> None:
    """More records than one statement may name, each with its own joined rows."""
    sheets = [(number, f"n{number % 50}", 2000 + number // 50, "VTE") for number in range(100, 3_000)]
    items = [(number, no, year, office, f"thing {number}", "1") for number, no, year, office in sheets]
    for values in (sheets, items):
        table = "sheets" if values is sheets else "items"
        for first in range(0, len(values), 500):
            house.run(f"INSERT INTO {table} VALUES {', '.join(map(str, values[first : first + 500]))}")
    found = scanned(house.rows())
    assert all(goods(found[str(number)]) == [f"thing {number}"] for number, *_ in sheets)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (KEY, 'on = ["os_no", "os_no"]', "`on` is a list of pairs"),
        (KEY, "on = []", "`on` is a list of pairs"),
        (KEY, f'column = "os_no"\n{KEY}', "either `on`, or"),
        ('[["os_no", "os_no"], ["os_year", ', '[["os_no", "os_no"], ["os_yaer", ', "unknown column `os_yaer`"),
        ('["os_year", "os_year"]', '["os_year", "os_yaer"]', "unknown column `os_yaer`"),
        ('["pno", "links.pno"]', '["pno", "items.id"]', "a join starts from the rows of one join"),
        ('where = { column = "kind",', 'where = { column = "items.descr",', "its own columns"),
        ('where = { column = "kind", in = ["UNIT"] }', 'where = "UNIT"', "`where` holds conditions"),
        ('description = { column = "descr" }', 'description = { column = "links.role" }', "`links` has many rows"),
        ('office = { column = "office" }', 'office = { column = "people.name" }', "`people` has many rows"),
    ],
)  # fmt: skip
def test_a_join_that_cannot_be_meant_is_refused_with_its_line(
    house: CustomsHouse, old: str, new: str, message: str
) -> None:
    with pytest.raises(Misconfigured, match=message) as caught:
        house.rows((old, new))
    assert caught.value.where.startswith(f"{house.mapping}:")
    assert caught.value.remedy
