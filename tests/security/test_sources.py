"""Sources are untrusted and must not be reachable by what is asked of them (CASE-K1, CASE-K2, CASE-K5, CASE-K10,
CASE-F9)."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.base import MAX_CANDIDATES
from adapters.check.hostile import HOSTILE, queries_with
from adapters.indexed import IndexedSource
from gateway.clock import ManualClock, SystemClock
from gateway.errors import LiaisonError, TimedOut, Unavailable
from gateway.model.hit import Candidate
from gateway.model.query import DocumentQuery, Query, VehicleQuery
from gateway.records.types import RECORD_TYPES
from tests.support.load import waiting
from tests.support.small_source import MAPPING, TABLES, SmallSource, small_source
from tests.support.tables import table

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
CLOCK = ManualClock(NOON)


def soon() -> float:
    """A deadline three seconds from now."""
    return CLOCK.monotonic() + 3


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> SmallSource:
    return small_source(tmp_path_factory.mktemp("source"))


@pytest.fixture(scope="module")
def source(files: SmallSource) -> IndexedSource:
    return files.open(CLOCK)


def rows_of(files: SmallSource) -> list[tuple[object, ...]]:
    database = sqlite3.connect(files.database)
    try:
        return [row for table in ("persons", "papers", "cars") for row in database.execute(f"SELECT * FROM {table}")]
    finally:
        database.close()


def outcome(source: IndexedSource, query: Query) -> tuple[tuple[Candidate, ...], str]:
    """Candidates, or none and the text of the refusal."""
    try:
        return source.search(query, soon()).candidates, ""
    except LiaisonError as error:
        return (), str(error)


@table("text", [*HOSTILE, "a\x00b", "AA123456_", "AA12345%", "กข%", "' UNION SELECT * FROM persons--"])
def test_k1_sql_and_wildcards_in_any_query_field_are_only_text(
    files: SmallSource, source: IndexedSource, text: str
) -> None:
    before = rows_of(files)
    for query in queries_with(text):
        candidates, message = outcome(source, query)
        assert candidates == ()
        assert text not in message
    for record_type in ("Person", text):
        with pytest.raises(LiaisonError):
            source.fetch(text, record_type, soon())
    assert rows_of(files) == before


@table("mark", ["%", "_", "*", "?", "[a-z]", "\\", "'", '"', "ʼ", "＇"])
def test_k1_a_wildcard_that_a_row_holds_stands_for_itself_and_for_nothing_else(tmp_path: Path, mark: str) -> None:
    files = small_source(tmp_path)
    database = sqlite3.connect(files.database)
    database.execute("UPDATE papers SET number = ? WHERE id = 1", (f"QQ{mark}77",))
    database.execute("UPDATE papers SET number = 'QQ577' WHERE id = 3")
    database.execute("UPDATE papers SET number = 'QQ5577' WHERE id = 5")
    database.commit()
    database.close()
    source = files.open(CLOCK)
    assert [found.key for found in source.search(DocumentQuery(f"QQ{mark}77"), soon()).candidates] == ["1"]
    assert [found.key for found in source.search(DocumentQuery("QQ577"), soon()).candidates] == ["2"]


@given(st.text(min_size=1, max_size=40))
def test_k1_whatever_is_asked_nothing_but_our_errors_comes_out(source: IndexedSource, text: str) -> None:
    for query in queries_with(text):
        try:
            source.search(query, soon())
        except LiaisonError:
            continue
    try:
        source.fetch(text, "Person", soon())
    except LiaisonError:
        return


def test_k2_a_source_with_very_many_equal_rows_is_capped_and_says_so(tmp_path: Path) -> None:
    files = small_source(tmp_path)
    files.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) "
        "INSERT INTO cars SELECT i, 'ขข 7', 'ตาก', 'N' FROM n"
    )
    result = files.open(CLOCK).search(VehicleQuery("ขข 7"), soon())
    assert len(result.candidates) == MAX_CANDIDATES
    assert result.capped


def test_k5_a_statement_that_hangs_is_interrupted_at_its_deadline(tmp_path: Path) -> None:
    slow = "SELECT count(*) FROM n a, n b, n c, n d WHERE p.name IS NOT NULL"
    view = (
        "ALTER TABLE persons RENAME TO people;"
        "CREATE TABLE n (i INTEGER);"
        "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 2000) INSERT INTO n SELECT i FROM r;"
    )
    files = small_source(tmp_path, MAPPING, TABLES + view + "CREATE VIEW persons AS SELECT * FROM people;")
    clock = SystemClock()
    source = files.open(clock)
    # The agency's view becomes slow only after the index was built.
    files.execute(
        "DROP VIEW persons",
        f"CREATE VIEW persons AS SELECT id, name, latin, born, sex, nat, state, hidden, until + 0 * ({slow}) AS until "
        "FROM people p",
    )
    with waiting() as watch, pytest.raises(TimedOut):
        source.fetch("1", "Person", clock.monotonic() + 0.2)
    assert watch.seconds < 2
    assert source.search(VehicleQuery("กค 99"), clock.monotonic() + 3).candidates


@pytest.mark.parametrize(
    "damage",
    [
        "ALTER TABLE papers RENAME COLUMN number TO secret_number",
        "DROP TABLE persons",
        "ALTER TABLE persons RENAME TO secret_persons",
    ],
)
def test_k10_the_databases_own_error_text_never_comes_out(tmp_path: Path, damage: str) -> None:
    files = small_source(tmp_path)
    source = files.open(CLOCK)
    files.execute(damage)
    with pytest.raises(Unavailable) as caught:
        source.fetch("1", "Person", soon())
    shown = f"{caught.value} {caught.value.code} {source.health()}"
    for word in ("no such", "SELECT", "persons", "papers", "number", str(files.database)):
        assert word not in shown
    assert caught.value.__cause__ is not None


def test_k10_a_database_that_is_no_database_says_nothing_of_itself(tmp_path: Path) -> None:
    files = small_source(tmp_path)
    files.database.write_bytes(b"rubbish" * 1000)
    with pytest.raises(Unavailable) as caught:
        files.open(CLOCK)
    assert "database" not in str(caught.value)
    assert str(files.database) not in str(caught.value)


RUBBISH = [
    "x" * 10_000,
    "a\x00\x1b[31mb",
    "\u202eevil\u202c",
    "<script>alert(1)</script>",
    "ไทย" * 2_000,
    "\ufffe",
    "\ue000",
]


@table("rubbish", RUBBISH, ids=range(len(RUBBISH)))
def test_t12_rubbish_in_a_row_is_left_out_or_cleaned_and_fits_its_record_type(tmp_path: Path, rubbish: str) -> None:
    files = small_source(tmp_path)
    database = sqlite3.connect(files.database)
    database.execute("UPDATE persons SET latin = ? WHERE id = 1", (rubbish,))
    database.commit()
    database.close()
    source = files.open(CLOCK)
    try:
        record = source.fetch("1", "Person", soon())
        encoded = dict(RECORD_TYPES["Person"].encode(record.fields))
    except LiaisonError:
        assert sum(source.left_out["Person"].values()) == 2
        return
    for mark in ("\x00", "\x1b", "\u202e", "\u202c"):
        assert mark not in encoded["names"]


def test_f9_who_owns_a_record_is_said_by_the_mapping_and_never_by_a_row(tmp_path: Path) -> None:
    files = small_source(tmp_path)
    files.execute("UPDATE persons SET latin = 'owner customs', nat = 'KHM' WHERE id = 1")
    source = files.open(CLOCK)
    record = source.fetch("1", "Person", soon())
    assert (record.owner, record.source) == ("th.police", "th.police.small")
    assert record.owner == f"th.{source.describe().agency}"
