"""Converters: what clerks typed becomes what records hold, or is refused; nothing is guessed."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.values.cells import MAX_CELL, cleaner
from adapters.values.converters import CONVERTERS, script_of
from adapters.values.dates import thai_date
from gateway.errors import LiaisonError, Malformed, Misconfigured
from tests.support.tables import table


def convert(name: str, value: Any, **options: Any) -> Any:
    return CONVERTERS[name].make(options)(value)


@table(
    ("typed", "value", "calendar"),
    [
        ("17/01/2505", "1962-01-17", "BE"),
        ("18 ก.ค. 2563", "2020-07-18", "BE"),
        ("18 กรกฎาคม 2563", "2020-07-18", "BE"),
        ("๑๘ ก.ค. ๒๕๖๓", "2020-07-18", "BE"),
        ("08/07/04", "1961-07-08", "BE"),
        ("08/12/98", "1955-12-08", "BE"),
        ("00/00/2505", "1962", "BE"),
        ("00/05/2505", "1962-05", "BE"),
        ("2505", "1962", "BE"),
        ("17/01/1962", "1962-01-17", "GREG"),
        ("17/02/2480", "1938-02-17", "BE"),
        ("17/04/2480", "1937-04-17", "BE"),
    ],
)
def test_dates_of_the_buddhist_era_are_read_in_the_habits_of_thai_clerks(typed: str, value: str, calendar: str) -> None:
    assert thai_date(typed) == {"value": value, "calendar": calendar, "original": typed}


@table("typed", ["31/02/2540", "ไม่ทราบ", "12/13/2540", "", "1/2", "99 ก.ค. 2563", "1 xx 2563"])
def test_what_is_no_date_is_refused_and_not_guessed(typed: str) -> None:
    with pytest.raises(Malformed):
        thai_date(typed)


@given(st.dates(date(1942, 1, 1), date(2090, 12, 31)))
def test_every_day_survives_the_buddhist_era(day: date) -> None:
    typed = f"{day.day:02d}/{day.month:02d}/{day.year + 543:04d}"
    assert thai_date(typed)["value"] == day.isoformat()


@table(
    ("formats", "typed", "value"),
    [
        (["yyyymmdd"], 19600721, "1960-07-21"),
        (["yyyymmdd"], 19600000, "1960"),
        (["yyyymmdd"], "19600500", "1960-05"),
        (["dd-mm-yyyy", "yyyy"], "1960", "1960"),
        (["dd/mm/yyyy"], "5/9/2018", "2018-09-05"),
        (["dd/mm/yy"], "03/05/25", "2025-05-03"),
        (["dd/mm/yy"], "03/05/75", "1975-05-03"),
        (["yyyy-mm-dd"], "2022-08-04", "2022-08-04"),
    ],
)
def test_dates_are_read_in_the_formats_of_the_mapping(formats: list[str], typed: Any, value: str) -> None:
    assert convert("date", typed, formats=formats) == {"value": value, "calendar": "GREG"}


def test_a_date_of_zeros_says_nothing_and_another_format_is_refused() -> None:
    assert convert("date", 0, formats=["yyyymmdd"]) is None
    assert convert("date", "00000000", formats=["yyyymmdd"]) is None
    with pytest.raises(Malformed):
        convert("date", "1960/07/21", formats=["yyyymmdd"])


@table("name", ["dd/mm", "yyyyyyyy", "day", "yyyyxmm", ""])
def test_a_format_that_is_none_is_misconfigured(name: str) -> None:
    with pytest.raises(Misconfigured):
        convert("date", 1, formats=[name])


def test_seconds_since_1970_become_days_and_moments_in_utc() -> None:
    assert convert("epoch-date", 1517169773) == {"value": "2018-01-28", "calendar": "GREG"}
    assert convert("epoch-time", 1517169773) == "2018-01-28T20:02:53Z"
    for bad in ("soon", 10**18):
        with pytest.raises(Malformed):
            convert("epoch-time", bad)


@table(
    ("typed", "value"),
    [
        ("12,345", "12345"),
        ("172.125", "172.125"),
        ("16097 KG", "16097"),
        ("1,234.50", "1234.50"),
        (7, "7"),
        (1.5, "1.5"),
    ],
)
def test_quantities_become_decimal_text(typed: Any, value: str) -> None:
    assert convert("decimal", typed) == value


@table("typed", ["1.2.3", "many", "12,34", "-", "1 2"])
def test_what_is_no_quantity_is_refused(typed: str) -> None:
    with pytest.raises(Malformed):
        convert("decimal", typed)


def test_names_have_a_script_and_junk_has_no_name() -> None:
    assert convert("name", "สมชาย  ใจดี", lang="th") == {"text": "สมชาย ใจดี", "script": "Thai", "lang": "th"}
    assert convert("names", "A B; C D;; 12", separator=";") == [
        {"text": "A B", "script": "Latn"},
        {"text": "C D", "script": "Latn"},
    ]
    assert convert("name", "???") is None
    assert [script_of(name) for name in ("Đặng", "សេន", "ລາວ", "မောင်", "王", "Пётр", "12")] == [
        "Latn", "Khmr", "Laoo", "Mymr", "Hani", "", "",
    ]  # fmt: skip


def test_codes_are_looked_up_and_unknown_ones_are_refused_unless_the_table_says_so() -> None:
    assert convert("code", 1, codes={"1": "M", "9": ""}) == "M"
    assert convert("code", "9", codes={"9": ""}) is None
    assert convert("code", "7", codes={"*": "X"}) == "X"
    with pytest.raises(Malformed):
        convert("code", "7", codes={"1": "M"})


def test_small_converters() -> None:
    assert convert("compact", "tghu 123456-7") == "TGHU1234567"
    assert convert("country", "THA") == "THA"
    assert convert("country", "Thailand") == "THA"
    assert convert("country", "Atlantis") is None
    assert convert("title", "KHANTI  CHIOCHAN") == "Khanti Chiochan"
    assert convert("upper", "ab c") == "AB C"
    assert convert("split", "a; b;") == ["a", "b"]
    with pytest.raises(Malformed):
        convert("text", "x" * 257)


# ---------------------------------------------------------------- cells


def test_cells_are_decoded_cleaned_and_junk_is_nothing() -> None:
    clean = cleaner("cp874", frozenset({"-", "0000"}))
    assert clean("ก".encode("cp874")) == "ก"
    assert clean("ca\u0301\u200bb\u202e\x00c") == "cá b c"
    assert clean("សេន\u200bសាន") == "សេន សាន"
    assert clean(" - ") is None
    assert clean("0000") is None
    assert clean("  ") is None
    assert clean(None) is None
    assert clean(7) == 7
    assert clean(True) == 1
    assert clean(Decimal("1.50")) == "1.50"
    assert clean(datetime(2026, 1, 2, 3, 4)) == "2026-01-02T03:04:00"  # noqa: DTZ001


@pytest.mark.parametrize("cell", [b"\xff\xfe", "x" * (MAX_CELL + 1), object()])
def test_a_cell_that_cannot_be_read_is_refused(cell: object) -> None:
    with pytest.raises(Malformed):
        cleaner("utf-8", frozenset())(cell)


@given(st.one_of(st.text(), st.binary(), st.integers(), st.floats(), st.none()))
def test_no_cell_and_no_converter_raises_anything_but_ours(value: Any) -> None:
    try:
        cell = cleaner("cp874", frozenset({"-"}))(value)
    except LiaisonError:
        return
    if cell is None:
        return
    for converter in CONVERTERS.values():
        try:
            converter.make(converter.example[1])(cell)
        except LiaisonError:
            continue
