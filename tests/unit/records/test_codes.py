"""The code lists: their shape, their counts, and that they fit each other."""

from __future__ import annotations

import re
from importlib import resources

from gateway.records import codes
from gateway.records.words import WORDS
from tests.support import tables

SIX = {"TH", "LA", "KH", "MM", "VN", "CN"}


@tables.table("name", codes.COLUMNS)
def test_every_list_says_where_it_comes_from_and_has_no_row_twice(name: str) -> None:
    assert re.search(r"20[12]\d", codes.source(name)), "no date"
    assert len(set(codes.rows(name))) == len(codes.rows(name)) > 3
    text = resources.files(codes).joinpath(f"{name}.tsv").read_bytes()
    assert len(text) < 150_000
    assert b"\r" not in text


def test_every_file_is_listed() -> None:
    found = {file.name for file in resources.files(codes).iterdir() if file.name.endswith(".tsv")}
    assert found == {f"{name}.tsv" for name in codes.COLUMNS}


def test_countries_are_complete() -> None:
    assert len(codes.countries()) == 249
    assert all(
        re.fullmatch("[A-Z]{2}", two) and re.fullmatch("[A-Z]{3}", three) for two, three in codes.alpha3().items()
    )
    assert len(set(codes.alpha3().values())) == 249
    assert {codes.alpha3()[two] for two in SIX} == {"THA", "LAO", "KHM", "MMR", "VNM", "CHN"}


def test_icao_adds_stateless_persons_and_refugees() -> None:
    assert {"XXA", "XXB", "XXC", "XXX", "D", "UTO", "THA"} <= codes.issuers().keys()
    assert len(codes.issuers()) == 249 + len(codes.rows("icao_issuers"))


def test_currencies_have_their_decimals() -> None:
    assert len(codes.currencies()) > 170
    held = codes.currencies()
    assert (held["THB"], held["VND"], held["KHR"], held["JPY"], held["KWD"], held["XAU"]) == (2, 0, 2, 0, 3, None)


def test_headings_are_those_of_the_harmonized_system() -> None:
    assert len(codes.hs_headings()) == 1229
    assert all(re.fullmatch(r"\d{4}", heading) for heading in codes.hs_headings())


def test_places_lie_in_the_six_countries() -> None:
    assert {code[:2] for code in codes.unlocodes()} == SIX
    assert all(re.fullmatch("[A-Z]{2}[A-Z2-9]{3}", code) for code in codes.unlocodes())


def test_precursors_have_check_digits_and_headings() -> None:
    for table, substance, heading, cas in codes.rows("precursors"):
        assert table in WORDS["IncbTable"].__members__
        assert heading[:4] in codes.hs_headings(), substance
        digits = cas.replace("-", "")
        total = sum(int(digit) * place for place, digit in enumerate(reversed(digits[:-1]), 1))
        assert total % 10 == int(digits[-1]), substance


def test_crossing_points_join_two_of_the_six_countries() -> None:
    assert len(codes.crossing_points()) >= 32
    for point in codes.crossing_points().values():
        first, second = point.sides
        assert first.country != second.country
        assert {first.country, second.country} <= SIX
        assert all(side.unlocode in ("", *codes.unlocodes()) for side in point.sides)
        assert point.status in {"INTL", "LOCAL", "TEMP", "CLOSED", "UNOFFICIAL"}
        assert point.latitude is None or (5 < point.latitude < 26 and 92 < (point.longitude or 0) < 110)
    assert codes.crossing_points()["chiang-khong.ban-houayxay"].sides[0].local_name == "เชียงของ"


def test_sex_codes_map_iso_5218() -> None:
    assert {iso: icao for icao, iso, _ in codes.rows("sexes")} == {"1": "M", "2": "F", "0": "X", "9": "X"}
