"""K cases in a source: rubbish is left out with a counted reason, or is read as what it plainly is; never wrong."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.indexed import IndexedSource
from adapters.load import Place, open_source
from gateway.clock import ManualClock
from gateway.model.query import DocumentQuery, PersonQuery
from gateway.model.values import NameForm
from tests.support.small_source import MAPPING, SmallSource, small_source
from tests.support.tables import table

CLOCK = ManualClock(datetime(2026, 11, 24, 12, tzinfo=UTC))
GREGORIAN = MAPPING.replace('convert = "thai-date" }', 'convert = ["date"], formats = ["dd/mm/yyyy"] }')
MARKS = "ก" + "\u0e31" * 500_000


def source_with(folder: Path, name: object, born: object = "17/01/1962", mapping: str = GREGORIAN) -> IndexedSource:
    """The small source with one sound person, number 100, and one with these cells, number 101."""
    folder.mkdir(exist_ok=True)
    files = small_source(folder, mapping, _tables())
    with sqlite3.connect(files.database) as database:
        row = "INSERT INTO persons VALUES (?, NULL, ?, ?, '1', 'THA', 'live', NULL, 99991231)"
        database.execute(row, (100, "SOUND PERSON", "17/01/1962"))
        database.execute(row, (101, name, born))
        database.execute("INSERT INTO papers VALUES (1, 100, 'SOUND0001', 'THA'), (2, 101, 'RUBBISH01', 'THA')")
    database.close()
    return opened(files)


def _tables() -> str:
    from tests.support.small_source import TABLES

    return TABLES.partition("INSERT INTO states")[0]


def opened(files: SmallSource) -> IndexedSource:
    source = open_source(Place(files.mapping, files.url, files.folder / "index", CLOCK))
    assert isinstance(source, IndexedSource)
    return source


def keys(source: IndexedSource, query: DocumentQuery | PersonQuery) -> list[str]:
    return [found.key for found in source.search(query, CLOCK.monotonic() + 3).candidates]


@pytest.mark.long
@table(
    ("name", "born"),
    [
        ("KEO BOUNMY", "07/08/2566"),
        ("KEO BOUNMY", "31/02/1962"),
        ("KEO BOUNMY", "00/13/1962"),
        (MARKS, "17/01/1962"),
        ("A" * 1_000_000, "17/01/1962"),
        ("KEO \ufffd\ufffd BOUNMY", "17/01/1962"),
    ],
    ids=["year 2566", "31 February", "month 13", "combining marks", "a megabyte", "replacement characters"],
)
def test_what_cannot_be_meant_is_left_out_and_counted(tmp_path: Path, name: str, born: str) -> None:
    source = source_with(tmp_path, name, born)
    rubbish = keys(source, DocumentQuery("RUBBISH01"))
    reasons = source.left_out["Person"]
    assert sum(reasons.values()) == 1, "each row once"
    if rubbish:  # the value alone is left out: then no search may know it
        record = source.fetch("101", "Person", CLOCK.monotonic() + 3)
        assert "birth" not in record.fields or "names" not in record.fields
    assert keys(source, DocumentQuery("SOUND0001")) == ["100"]


@pytest.mark.long
@table(
    "name",
    [
        "KEO\x00BOUNMY",
        "\u202eKEO\u202c BOUNMY",
        "KEO\u200b BOUNMY",
        "\x1b[31mKEO BOUNMY\x1b[0m",
        "KEO \u2066BOUNMY\u2069",
    ],
    ids=["NUL", "right-to-left", "zero width", "ANSI", "isolate"],
)
def test_tricks_with_invisible_letters_hide_nobody(tmp_path: Path, name: str) -> None:
    source = source_with(tmp_path, name)
    if sum(source.left_out["Person"].values()) == 0:
        assert "101" in keys(source, PersonQuery((NameForm("Keo Bounmy"),)))


@pytest.mark.long
@table("name", ["<script>alert(1)</script>", "'; DROP TABLE persons; --", "KEO' OR '1'='1", "${jndi:ldap://x}", "=1+1"])
def test_markup_and_statements_in_a_name_are_a_name_or_left_out(tmp_path: Path, name: str) -> None:
    source = source_with(tmp_path, name)
    found = keys(source, DocumentQuery("RUBBISH01"))
    assert found == ["101"] or sum(source.left_out["Person"].values()) == 1
    assert keys(source, DocumentQuery("SOUND0001")) == ["100"]
    assert source._store.count()[0] == 1 + len(found)


def test_bytes_that_are_no_text_leave_their_row_out(tmp_path: Path) -> None:
    source = source_with(tmp_path, b"\xff\xfe\x00KEO")
    assert keys(source, DocumentQuery("RUBBISH01")) == [] or source.left_out["Person"] == {}
    assert keys(source, DocumentQuery("SOUND0001")) == ["100"]


def test_no_reason_repeats_what_the_row_held(tmp_path: Path) -> None:
    source = source_with(tmp_path, "KEO BOUNMY\ufffd", "31/02/1962")
    said = " ".join(source.left_out["Person"])
    assert said
    assert "BOUNMY" not in said
    assert "31/02" not in said


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(max_size=60), born=st.text(max_size=12))
@pytest.mark.long
def test_whatever_the_cells_hold_the_index_is_built_and_the_sound_row_is_found(
    tmp_path: Path, name: str, born: str
) -> None:
    folder = tmp_path / str(abs(hash((name, born))))
    try:
        source = source_with(folder, name.encode("utf-8", "replace").decode(), born.encode("utf-8", "replace").decode())
    except sqlite3.OperationalError:
        return
    assert keys(source, DocumentQuery("SOUND0001")) == ["100"]
    live = source._store.count()[0]
    assert 2 - live <= sum(source.left_out["Person"].values())
    assert source.compare() == 0
    source.close()
