"""Joins on real servers: keys of several columns, link tables, and keys that do not tell rows apart."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.check.check import check_mapping
from gateway.clock import ManualClock, SystemClock
from gateway.model.query import DocumentQuery
from tests.support.customs_house import MAPPING, TABLES, scanned
from tests.support.sql_agencies import KINDS, SqlAgency, empty_agency

CLOCK = ManualClock(datetime(2026, 11, 24, 12, tzinfo=UTC))
KEY = 'on = [["os_no", "os_no"], ["os_year", "os_year"], ["office", "office"]]'


@pytest.fixture(params=KINDS)
def house(request: pytest.FixtureRequest, tmp_path: Path) -> SqlAgency:
    """The customs house, whose items hold the year as text: a server does not compare it with a number."""
    made = empty_agency(request.param, tmp_path)
    year = "CREATE TABLE items (id INTEGER PRIMARY KEY, os_no VARCHAR(40), os_year INTEGER"
    assert year in TABLES
    tables = TABLES.replace(year, year.replace("os_year INTEGER", "os_year VARCHAR(8)"))
    made.execute(*(each for each in tables.split(";") if each.strip()))
    made.map(MAPPING)
    return made


def test_rows_are_joined_over_columns_of_other_types(house: SqlAgency) -> None:
    rows = house.rows(CLOCK)
    found = scanned(rows)
    goods = {key: [item["description"] for item in record.get("goods", [])] for key, record in found.items()}
    assert goods == {"1": ["heroin"], "2": ["perfume", "gin"], "3": ["shoes"], "4": []}
    assert [each["name"] for each in found["3"]["persons"]] == ["Keo Bounmy", "Sok Dara"]
    source = house.open(CLOCK)
    for key, record in found.items():
        assert source.fetch(key, "Seizure", CLOCK.monotonic() + 30).fields.get("goods") == record.get("goods")
    result = source.search(DocumentQuery("N0000009"), CLOCK.monotonic() + 30)
    assert {each.key for each in result.candidates} == {"2", "3"}
    house.execute("INSERT INTO items VALUES (30, '17', '2024', 'PKZ', 'ivory', '1')")
    assert source.refresh()
    goods_now = source.fetch("3", "Seizure", CLOCK.monotonic() + 30).fields["goods"]
    assert [each["description"] for each in goods_now] == ["shoes", "ivory"]
    rows.close()
    source.close()


def test_keys_that_do_not_tell_rows_apart_are_found(house: SqlAgency) -> None:
    report = check_mapping(house.mapping, house.url, None, 100, SystemClock())
    assert [each.message for each in report.findings if each.severity == "error"] == []
    house.execute("CREATE INDEX people_no ON people (pno)")
    changes = {KEY: 'column = "os_no"\nto = "os_no"', 'on = [["ptype", "links.ptype"], ["pno", "links.pno"]]': ""}
    text = MAPPING
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new or 'column = "pno"\nto = "links.pno"')
    house.map(text)
    report = check_mapping(house.mapping, house.url, None, 100, SystemClock())
    told = [each.message for each in report.findings if each.severity == "error"]
    assert any("`os_no` of `sheets` is no key" in each for each in told)
    assert any("`pno` of `people` is no key" in each for each in told)
