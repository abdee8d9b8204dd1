"""Rubbish from sources: a record is right or left out with a counted reason, never wrong (CASE-K)."""

from __future__ import annotations

import json
import sqlite3
import unicodedata
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.mapping.file import read_mapping
from adapters.mapping.rows import Builder
from adapters.values.cells import MAX_CELL, MAX_MARKS, cleaner
from gateway.clock import ManualClock, SystemClock
from gateway.errors import LiaisonError, Malformed
from gateway.records.types import RECORD_TYPES
from tests.support.small_source import MAPPING, small_source
from tests.support.tables import table

CLOCK = ManualClock(datetime(2026, 11, 24, tzinfo=UTC))
CLEAN = cleaner("utf-8", frozenset({"-"}))

HEAP = "a" + "\u0301" * 2_000
RUBBISH: dict[str, Any] = {
    "half a pair": "abc\ud800",
    "replacement": "s\ufffdm",
    "private letter": "\ue000abc",
    "heap of marks": HEAP,
    "megabyte of marks": "\u0301" * 1_000_000,
    "megabyte": "x" * 1_000_000,
    "bytes": b"\xff\xfe\xfa",
    "object": object(),
}


@table("value", RUBBISH.values(), ids=RUBBISH.keys())
def test_what_no_text_can_be_is_refused(value: Any) -> None:
    with pytest.raises(Malformed):
        CLEAN(value)


@table(
    ("value", "cell"),
    [
        ("SOM\x00CHAI", "SOM CHAI"),
        ("\x1b[31mSOMCHAI\x1b[0m", "SOMCHAI"),
        ("\u202eIAHCMOS\u202c", "IAHCMOS"),
        ("SOM\u2066CHAI\u2069", "SOMCHAI"),
        ("a\u0301", "á"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("'; DROP TABLE persons; --", "'; DROP TABLE persons; --"),
        ("ชื\uf70aอ", "ชื่อ"),
        ("\U000e0041\U000e0042SOM", "SOM"),
        ("  ", None),
        ("\u200b\u200e", None),
        (float("nan"), None),
        (float("inf"), None),
        (bytearray(b"abc"), "abc"),
    ],
)
def test_what_can_be_read_is_cleaned(value: Any, cell: Any) -> None:
    assert CLEAN(value) == cell


@table("text", ["ปู่ย่าตายายชื่อสมชายเก่งกาจ", "ភ្នំពេញស្រ្តី", "မြို့တော်ကြီး", "ຜູ້ຍິງ", "Nguyễn Thị Ngữ", "가나다", "王小明", "Пётр"])
def test_no_real_text_is_taken_for_a_heap(text: str) -> None:
    assert CLEAN(unicodedata.normalize("NFD", text)) == unicodedata.normalize("NFC", text)


@given(st.one_of(st.text(max_size=60), st.binary(max_size=60)))
def test_a_cleaned_cell_is_safe_to_show_and_to_compare(value: Any) -> None:
    try:
        cell = CLEAN(value)
    except LiaisonError:
        return
    if cell is None:
        return
    text = str(cell)
    assert text == unicodedata.normalize("NFC", text) == text.strip()
    assert len(text) <= MAX_CELL * 3
    assert not any(unicodedata.category(mark) in ("Cc", "Cs", "Co", "Zl", "Zp") for mark in text)
    assert not any(mark in "\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f" for mark in text)
    assert CLEAN(text) in (text, None)


@given(st.text(alphabet="ab\u0301\u0323\u0e34\u0e48ก", max_size=40))
def test_marks_are_many_on_no_letter(text: str) -> None:
    try:
        cell = CLEAN(text)
    except Malformed:
        return
    run = 0
    for mark in str(cell or ""):
        run = run + 1 if unicodedata.category(mark)[0] == "M" else 0
        assert run <= MAX_MARKS


def rows_of(**cells: Any) -> tuple[Builder, list[Any]]:
    mapping = read_mapping("small.toml", MAPPING.encode())
    builder = Builder(mapping, mapping.records["Person"])
    usual = {"id": 1, "state": "live", "until": 99991231, "sex": "1"} | cells
    rows = builder.layout.empty()
    rows[0] = tuple(usual.get(column) for column in builder.layout.columns[""])
    rows[1] = []
    return builder, rows


ANYTHING = st.one_of(st.none(), st.text(max_size=300), st.integers(), st.floats(), st.binary(max_size=80))


@given(name=ANYTHING, latin=ANYTHING, born=ANYTHING, sex=ANYTHING, nat=ANYTHING)
def test_a_row_of_anything_is_a_valid_record_or_our_error(name: Any, latin: Any, born: Any, sex: Any, nat: Any) -> None:
    try:
        cells = {key: CLEAN(value) for key, value in (("name", name), ("latin", latin), ("born", born), ("nat", nat))}
        builder, rows = rows_of(**cells, sex=CLEAN(sex) or "1")
        built = builder.build(rows)
    except LiaisonError:
        return
    RECORD_TYPES["Person"].encode(built.record.fields)
    json.dumps(built.record.fields, allow_nan=False)


@given(st.dates(date(1850, 1, 1), date(2150, 12, 31)), st.booleans())
def test_a_date_in_a_record_is_the_day_that_was_typed_or_there_is_no_record(day: date, buddhist: bool) -> None:
    """The one mapping reads both eras: a year is never taken for one of the other."""
    year = day.year + 543 if buddhist else day.year
    builder, rows = rows_of(name="ก", born=f"{day.day:02d}/{day.month:02d}/{year:04d}")
    try:
        value = builder.build(rows).record.fields["birth"]["value"]
    except Malformed:
        assert buddhist or day > SystemClock().now().date()
        return
    early = buddhist and day.year <= 1940
    assert value[4:] == day.isoformat()[4:]
    assert value[:4] == str(day.year) or (early and day.month <= 3 and value[:4] == str(day.year + 1))


def test_rubbish_in_a_database_is_counted_by_reason_and_the_rest_is_found(tmp_path: Path) -> None:
    source = small_source(tmp_path)
    bad = [
        (10, "SOM\x00CHAI", "17/01/2505", "1"),
        (11, "OK NAME", "31/02/2540", "1"),
        (12, "OK NAME", "17/01/2999", "1"),
        (13, HEAP, "17/01/2505", "1"),
        (14, b"\xff\xfe", "17/01/2505", "1"),
        (15, "x" * 100_000, "17/01/2505", "1"),
        (16, "\u202eEVIL", "17/01/2505", "1"),
        (17, "OK NAME", "17/01/2505", "7"),
    ]
    database = sqlite3.connect(source.database)
    for number, latin, born, sex in bad:
        row = (number, latin, born, sex, "THA", "live", 99991231)
        database.execute("INSERT INTO persons (id, latin, born, sex, nat, state, until) VALUES (?,?,?,?,?,?,?)", row)
    database.commit()
    database.close()
    adapter = source.open(CLOCK)
    try:
        reasons = dict(adapter.left_out["Person"])
        deadline = CLOCK.monotonic() + 3
        assert adapter.fetch("10", "Person", deadline).fields["names"][0]["text"] == "SOM CHAI"
        assert adapter.fetch("16", "Person", deadline).fields["names"][0]["text"] == "EVIL"
        for key in ("11", "12", "13", "14", "15", "17"):
            with pytest.raises(LiaisonError):
                adapter.fetch(key, "Person", deadline)
    finally:
        adapter.close()
    assert sum(reasons.values()) == 7, reasons  # six of these and the one that the small source has
    assert reasons["Person.birth: not a day of the calendar"] == 1
    assert reasons["Person.sex: not a code of the mapping's table"] == 1
    assert "OK NAME" not in json.dumps(reasons)


def test_a_field_alone_is_left_out_where_the_mapping_spares_the_record(tmp_path: Path) -> None:
    spared = MAPPING.replace('convert = "thai-date"', 'convert = "thai-date", unreadable = "field"')
    source = small_source(tmp_path, spared)
    adapter = source.open(CLOCK)
    try:
        record = adapter.fetch("5", "Person", CLOCK.monotonic() + 3)
        reasons = dict(adapter.left_out["Person"])
    finally:
        adapter.close()
    assert "birth" not in record.fields
    assert record.fields["names"]
    assert reasons == {"Person, the value alone: born: not a date of the Buddhist era": 1}
