"""Names, types and values of real servers: whatever a database holds is read right, or left out and counted."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.base import Adapter
from adapters.draft.draft import draft_of
from adapters.sql.survey import survey
from adapters.sql.tables import BATCH
from gateway.clock import ManualClock
from gateway.errors import Misconfigured, Unknown
from gateway.model.query import DocumentQuery
from tests.support.sql_agencies import KINDS, MAPPING, SqlAgency, empty_agency, left_out, sql_agency
from tests.support.tables import table

CLOCK = ManualClock(datetime(2026, 11, 24, 12, tzinfo=UTC))


def soon() -> float:
    """A deadline three seconds from now."""
    return CLOCK.monotonic() + 3


@pytest.fixture(params=KINDS)
def agency(request: pytest.FixtureRequest, tmp_path: Path) -> SqlAgency:
    return sql_agency(request.param, tmp_path)


@pytest.fixture(params=KINDS)
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> SqlAgency:
    return empty_agency(request.param, tmp_path)


def vehicles(table: str, key: str, plate: str, more: str = "") -> str:
    """A mapping of vehicles with these names; `more` is a join."""
    return f"""
[source]
id = "th.police.names"
agency = "police"
kind = "vehicles"

[marking]
releasable_to = ["vn"]

[[record]]
type = "Vehicle"
table = '{table}'
key = '{key}'
left_out = {left_out("Vehicle", "plate", "province")}
{more}
[record.fields]
plate = {{ column = '{plate}' }}
province = {{ value = "Tak" }}

[record.search]
plates = {{ item = {{ plate = {{ field = "plate" }} }} }}
"""


# ---------------------------------------------------------------- identifiers

NAMES = (
    "select",
    "Mixed Case",
    'with "quotes"',
    "per%cent",
    "back`tick",
    "semi;colon--",
    "ทะเบียน",
    "a:b",
    "d'apostrophe",
)


@pytest.mark.parametrize("name", NAMES)
def test_any_name_that_the_database_allows_is_only_a_name(empty: SqlAgency, name: str) -> None:
    quoted, column = empty.quoted(name), empty.quoted(f"{name} no")
    if empty.kind == "mariadb" and "`" in name:
        pytest.skip("SQLAlchemy reads a backtick in a name as two of them")
    empty.execute(f"CREATE TABLE {quoted} ({column} INTEGER PRIMARY KEY, {quoted} VARCHAR(20))")
    rows = [(number, f"AB {number}") for number in (1, 2, 3)]
    # The administrator's own drivers read a percent sign as a place for a value.
    empty.insert(quoted.replace("%", "%%") if empty.server else quoted, rows)
    quote = "'''" if "'" in name else "'"
    empty.map(
        vehicles(name, f"{name} no", name)
        .replace(f"'{name} no'", f"{quote}{name} no{quote}")
        .replace(f"'{name}'", f"{quote}{name}{quote}")
    )
    source = empty.open(CLOCK)
    assert source.fetch("2", "Vehicle", soon()).fields["plate"] == "AB 2"
    assert source.left_out == {"Vehicle": {}}
    assert not source.refresh()
    source.close()


def test_a_table_of_another_schema_is_found_and_a_name_with_a_dot_is_a_name(empty: SqlAgency) -> None:
    dotted = empty.quoted("a.b")
    empty.execute(f"CREATE TABLE {dotted} (id INTEGER PRIMARY KEY, plate VARCHAR(20))")
    empty.insert(dotted, [(1, "AB 1")])
    empty.map(vehicles("a.b", "id", "plate"))
    assert empty.open(CLOCK).fetch("1", "Vehicle", soon()).fields["plate"] == "AB 1"
    if empty.kind == "sqlite":
        return
    empty.execute("DROP SCHEMA IF EXISTS registry" + (" CASCADE" if empty.kind == "postgresql" else ""))
    empty.execute("CREATE SCHEMA registry", "CREATE TABLE registry.cars (id INTEGER PRIMARY KEY, plate VARCHAR(20))")
    empty.insert("registry.cars", [(7, "XY 7")])
    empty.map(vehicles("registry.cars", "id", "plate"))
    assert empty.open(CLOCK).fetch("7", "Vehicle", soon()).fields["plate"] == "XY 7"


def test_a_draft_is_made_of_another_schema_where_the_own_one_is_empty_or_it_is_named(tmp_path: Path) -> None:
    """The account of a gateway owns nothing: what it may read lies in the schema of another one."""
    agency = sql_agency("postgresql", tmp_path)
    agency.execute(
        "CREATE SCHEMA registry",
        "CREATE TABLE registry.nations (code VARCHAR(3) PRIMARY KEY, word VARCHAR(20))",
        'CREATE TABLE registry."old cars" (id INTEGER PRIMARY KEY, plate VARCHAR(20), '
        "nation VARCHAR(3) REFERENCES registry.nations (code))",
    )
    agency.insert('registry."old cars"', [(7, "XY 7", None)])
    assert agency.server is not None
    url = agency.url
    assert [table.name for table in survey(url, None, 5)] == ["cars", "papers", "persons", "states"]
    (cars,) = survey(url, None, 5, ["registry.old cars"])
    assert (cars.name, cars.key, cars.rows) == ("registry.old cars", ("id",), 1)
    assert cars.foreign == {"nation": ("registry.nations", "code")}
    with pytest.raises(Misconfigured) as caught:
        survey(url, None, 5, ["registry.nation"])
    assert caught.value.remedy == "did you mean `registry.nations`?"
    agency.execute("DROP TABLE cars, papers, persons, states")
    assert [table.name for table in survey(url, None, 5)] == ["registry.nations", "registry.old cars"]
    (record,) = tomllib.loads(draft_of([cars]).text)["record"]
    assert record["table"] == "registry.old cars"


@pytest.mark.parametrize(
    ("old", "new", "advice"),
    [
        ('table = "persons"', 'table = "person"', "did you mean `persons`?"),
        ('column = "latin"', 'column = "latn"', "did you mean `latin`?"),
        ('table = "persons"', 'table = "agenc.persons"', "did you mean"),
        ('changed = "updated"', 'changed = "UPDATED"', "did you mean `updated`?"),
    ],
)
def test_what_the_catalogue_does_not_hold_is_named_with_its_line(
    agency: SqlAgency, old: str, new: str, advice: str
) -> None:
    agency.map(MAPPING.replace(old, new))
    with pytest.raises(Misconfigured) as caught:
        agency.open(CLOCK)
    assert advice in caught.value.remedy or "one of" in caught.value.remedy
    line = next(n for n, row in enumerate(MAPPING.replace(old, new).splitlines(), 1) if new in row)
    assert caught.value.where == f"{agency.mapping}:{line}"


# ---------------------------------------------------------------- types and rubbish


def person(source: Adapter, key: str) -> dict[str, object]:
    return dict(source.fetch(key, "Person", soon()).fields)


def test_dates_numbers_flags_and_bytes_become_what_converters_expect(agency: SqlAgency) -> None:
    changed = MAPPING.replace(
        '{ column = "latin", convert = "name" }',
        '{ columns = ["latin", "height", "is_live", "updated"], convert = "name" }',
    )
    agency.map(changed)
    names = person(agency.open(CLOCK), "1")["names"]
    assert isinstance(names, list)
    height = "171.5" if agency.kind == "sqlite" else "171.50"
    moment = "2026-01-01 10:00:00" if agency.kind == "sqlite" else "2026-01-01T10:00:00"
    assert names[1]["text"] == f"SOMCHAI JAIDEE {height} 1 {moment}"


RUBBISH = (
    b"\xdb\xdc\xff",
    b"\x00\x01",
    b"\x1b[31mred",
    "\u202eevil".encode(),
    b"<script>",
    b"'; DROP TABLE persons; --",
    b"x" * 190,
)


@pytest.mark.parametrize("rubbish", RUBBISH, ids=range(len(RUBBISH)))
def test_rubbish_in_one_row_leaves_the_others(agency: SqlAgency, rubbish: bytes) -> None:
    before = agency.open(CLOCK)
    unread = sum(before.left_out["Person"].values())
    before.close()
    agency.execute("UPDATE persons SET name = ?, updated = '2026-03-03 00:00:00' WHERE id = 2", many=[(rubbish,)])
    source = agency.open(CLOCK)
    assert person(source, "1")["birth"] == {"value": "1962-01-17", "calendar": "GREG"}
    left = sum(source.left_out["Person"].values())
    known = left == unread + 1 or str(person(source, "2")["names"])
    assert known
    assert "\x1b" not in str(known)
    assert "\u202e" not in str(known)


@table("day", ["infinity", "-infinity", "20230-01-01", "0044-03-15 BC"])
def test_a_day_that_python_does_not_know_leaves_out_its_row_only(tmp_path: Path, day: str) -> None:
    agency = sql_agency("postgresql", tmp_path)
    agency.execute(f"UPDATE persons SET born = '{day}' WHERE id = 2")
    source = agency.open(CLOCK)
    assert person(source, "1")["birth"] == {"value": "1962-01-17", "calendar": "GREG"}
    assert source.left_out["Person"]["Person.birth: not a date in the mapping's formats"] == 1
    with pytest.raises(Exception, match="cannot be read as mapped"):
        source.fetch("2", "Person", soon())


def test_a_day_of_zeros_leaves_out_nothing_else(tmp_path: Path) -> None:
    agency = sql_agency("mariadb", tmp_path)
    agency.execute("SET STATEMENT sql_mode='' FOR UPDATE persons SET born = '0000-00-00' WHERE id = 2")
    source = agency.open(CLOCK)
    assert "birth" not in person(source, "2")
    assert person(source, "1")["birth"] == {"value": "1962-01-17", "calendar": "GREG"}


def test_texts_in_a_charset_of_the_server_arrive_as_they_are(tmp_path: Path) -> None:
    agency = sql_agency("mariadb", tmp_path)
    agency.execute(
        "CREATE TABLE old (id VARCHAR(10) CHARACTER SET tis620 PRIMARY KEY, plate VARCHAR(20) CHARACTER SET tis620)"
    )
    agency.insert("old", [("ก1", "กข 1234"), ("ข2", "ฮฮ 9")])
    agency.map(vehicles("old", "id", "plate"))
    assert agency.open(CLOCK).fetch("ข2", "Vehicle", soon()).fields["plate"] == "ฮฮ 9"


def test_a_database_that_does_not_know_its_own_encoding_gives_bytes_for_the_mappings(tmp_path: Path) -> None:
    agency = sql_agency("postgresql", tmp_path)
    assert agency.server is not None
    agency.server.execute(
        "",
        ["DROP DATABASE IF EXISTS ascii", "CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0 LOCALE 'C'"],
    )
    raw = "กข 1234".encode("tis-620").hex()
    agency.server.execute(
        "ascii",
        [
            "CREATE TABLE cars (id VARCHAR(9) PRIMARY KEY, plate VARCHAR(20))",
            f"INSERT INTO cars VALUES ('A1', convert_from('\\x{raw}', 'SQL_ASCII'))",
        ],
    )
    agency.map(vehicles("cars", "id", "plate").replace('kind = "vehicles"', 'kind = "vehicles"\nencoding = "tis-620"'))
    source = agency.open(CLOCK, url=agency.server.url("ascii"))
    assert source.fetch("A1", "Vehicle", soon()).fields["plate"] == "กข 1234"


# ---------------------------------------------------------------- joins

JOIN = """
[record.join.owner]
kind = "{kind}"
table = "owners"
column = "{column}"
to = "{to}"
{rest}
"""


def test_a_join_holds_for_equal_values_only_whatever_the_database_thinks_equal(empty: SqlAgency) -> None:
    empty.execute(
        "CREATE TABLE cars (id INTEGER PRIMARY KEY, plate VARCHAR(20), owner VARCHAR(20))",
        "CREATE TABLE owners (id INTEGER PRIMARY KEY, code VARCHAR(20), town VARCHAR(20))",
        "CREATE INDEX owners_code ON owners (code)",
    )
    empty.insert(
        "cars", [(1, "AB 1", "x1"), (2, "AB 2", "X1"), (3, "AB 3", "7"), (4, "AB 4", "7abc"), (5, "AB 5", "é")]
    )
    empty.insert("owners", [(7, "x1", "Tak"), (8, "e", "Nan")])
    towns = {}
    for column in ("code", "id"):
        join = JOIN.format(kind="one", column=column, to="owner", rest="")
        empty.map(vehicles("cars", "id", "plate", join).replace('{ value = "Tak" }', '{ column = "owner.town" }'))
        source = empty.open(CLOCK)
        read = [source.fetch(str(key), "Vehicle", soon()).fields.get("province") for key in range(1, 6)]
        scanned = [rows[1][-1] if rows and rows[1] else None for rows, _, _ in empty.rows(CLOCK).scan("Vehicle")]
        assert [town and str(town) for town in read] == [row and str(row) for row in scanned]
        towns[column] = read
        source.close()
    assert towns == {"code": ["Tak", None, None, None, None], "id": [None, None, "Tak", None, None]}


# ---------------------------------------------------------------- all rows, and whether they changed


def test_all_rows_come_page_by_page_with_their_joins_and_each_once(empty: SqlAgency) -> None:
    empty.execute("CREATE TABLE cars (id INTEGER PRIMARY KEY, plate VARCHAR(20))")
    many = 2 * BATCH + 17
    empty.insert("cars", [(3 * number - 9_000, f"AB {number}") for number in range(many)])
    empty.map(vehicles("cars", "id", "plate"))
    rows = empty.rows(CLOCK)
    keys = [made[0][0] for made, _, _ in rows.scan("Vehicle") if made]
    assert keys == sorted(set(keys))
    assert len(keys) == many == rows.count("Vehicle")
    rows.close()


@pytest.mark.parametrize("key", ["code", "plate"])
def test_rows_whose_key_the_database_does_not_keep_unique_come_all_the_same(empty: SqlAgency, key: str) -> None:
    empty.execute("CREATE TABLE cars (code VARCHAR(20) PRIMARY KEY, plate VARCHAR(20))")
    empty.insert("cars", [(f"k{number:05d}", f"AB {number // 2}") for number in range(BATCH + 10)])
    empty.execute("UPDATE cars SET plate = NULL WHERE code = 'k00000'")
    empty.map(vehicles("cars", key, "plate"))
    found = list(empty.rows(CLOCK).scan("Vehicle"))
    assert len(found) == BATCH + 10
    assert [why for rows, _, why in found if rows is None] == (["a row without a key"] if key == "plate" else [])


CHANGES = {
    "a row came": "INSERT INTO papers VALUES (9, 2, 'NEW00001', 'VNM')",
    "a row went": "DELETE FROM papers WHERE id = 4",
    "one went and another came": "UPDATE papers SET id = 0 WHERE id = 2",
    "a row was changed": "UPDATE persons SET latin = 'X', updated = '2026-02-01 00:00:00' WHERE id = 1",
    "a row was changed at the same moment": "UPDATE persons SET latin = 'X' WHERE id = 3",
    "a row got the newest moment": "UPDATE persons SET updated = '2026-01-03 10:00:00' WHERE id = 1",
    "all went": "DELETE FROM persons",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_is_noticed(agency: SqlAgency, change: str) -> None:
    rows = agency.rows(CLOCK)
    before = rows.fingerprint()
    assert rows.fingerprint() == before
    agency.execute(change)
    after = rows.fingerprint()
    assert after != before
    assert rows.fingerprint() == after
    for cell in ("SOMCHAI", "2026", "JAIDEE", "AA"):
        assert cell not in before
    rows.close()


def test_very_many_rows_of_one_moment_are_counted(agency: SqlAgency) -> None:
    agency.insert(
        "persons",
        [
            (n, None, f"A {n}", None, None, None, True, None, None, None, "2026-05-05 00:00:00")
            for n in range(100, 1200)
        ],
    )
    rows = agency.rows(CLOCK)
    before = rows.fingerprint()
    agency.execute("UPDATE persons SET updated = '2026-05-05 00:00:00' WHERE id = 1")
    assert rows.fingerprint() != before


def test_a_refresh_finds_what_was_added_and_loses_what_was_taken_away(agency: SqlAgency) -> None:
    clock = ManualClock(datetime(2026, 11, 24, 12, tzinfo=UTC))

    def is_found(number: str) -> bool:
        return bool(source.search(DocumentQuery(number), clock.monotonic() + 3).candidates)

    source = agency.open(clock)
    assert not source.refresh()
    agency.execute("DELETE FROM papers WHERE id = 3", "INSERT INTO papers VALUES (9, 1, 'NEW00001', 'THA')")
    assert source.refresh()
    assert is_found("NEW00001")
    clock.advance(timedelta(days=1))  # what is not there any more shows no change column: all rows are compared
    source.refresh()
    assert not is_found("B1112223")
    agency.execute("DELETE FROM persons WHERE id = 1")
    with pytest.raises(Unknown):
        source.fetch("1", "Person", clock.monotonic() + 3)
    source.close()


# ---------------------------------------------------------------- which rows changed


def keys_since(agency: SqlAgency, since: str) -> dict[str, list[str]]:
    rows = agency.rows(CLOCK)
    found = {
        name: sorted(str(made[0][0]) for made, _, _ in rows.changed(name, since) if made)
        for name in ("Person", "Vehicle")
    }
    rows.close()
    return found


SEEN = {
    "a row came": ("INSERT INTO persons (id, is_live) VALUES (9, {true})", "9"),
    "a row was changed": ("UPDATE persons SET latin = 'X', updated = '2026-02-01 00:00:00' WHERE id = 1", "1"),
    "a row was changed at the same moment": ("UPDATE persons SET latin = 'X' WHERE id = 3", "3"),
    "a joined row came": ("INSERT INTO papers VALUES (9, 2, 'NEW00001', 'VNM')", "2"),
}


@pytest.mark.parametrize(("change", "key"), SEEN.values(), ids=SEEN)
def test_the_rows_that_changed_are_told_without_reading_the_others(agency: SqlAgency, change: str, key: str) -> None:
    rows = agency.rows(CLOCK)
    before = rows.position()
    rows.close()
    agency.execute(change.format(true="1" if agency.kind == "sqlite" else "true"))
    found = keys_since(agency, before)["Person"]
    # Rows 3 and 4 have the newest moment, and may have been changed at it again.
    assert set(found) == {key, "3", "4"}
    assert len(found) == len(set(found))


def test_of_a_position_that_knows_nothing_all_rows_are_new(agency: SqlAgency) -> None:
    assert keys_since(agency, "") == {"Person": ["1", "2", "3", "4", "5"], "Vehicle": ["C1", "C3", "c2"]}


def test_where_nothing_shows_which_rows_are_new_all_come_when_any_came(agency: SqlAgency) -> None:
    rows = agency.rows(CLOCK)
    before = rows.position()
    rows.close()
    assert keys_since(agency, before)["Vehicle"] == []
    agency.insert("cars", [("C9", "ขข 9", "", "N")])
    assert keys_since(agency, before)["Vehicle"] == ["C1", "C3", "C9", "c2"]
