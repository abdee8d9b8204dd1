"""Readers of identifiers: normal forms, reasons, and what no text can do to them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.errors import Malformed
from gateway.model.forms.numbers import mrz_check_digit
from gateway.records.identifiers.conveyances import read_container, read_imo, read_mmsi, read_plate
from gateway.records.identifiers.mrz import read_mrz
from gateway.records.identifiers.national_ids import read_national_id
from gateway.records.identifiers.reading import Reading
from tests.support.load import effort
from tests.support.tables import table

TODAY = date(2026, 11, 24)
TD3 = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10"


def national(text: str, scheme: str = "") -> Reading:
    return read_national_id(text, scheme, TODAY)


def passport(*, name: str = "X<<Y", birth: str = "800101", expiry: str = "300101", nationality: str = "THA") -> str:
    number = "AA1234567"
    body = f"{number}{mrz_check_digit(number)}"
    dates = f"{birth}{mrz_check_digit(birth)}", f"{expiry}{mrz_check_digit(expiry)}"
    personal = "<" * 14 + "0"
    last = mrz_check_digit(body + dates[0] + dates[1] + personal)
    return f"P<THA{name.ljust(39, '<')}\n{body}{nationality}{dates[0]}M{dates[1]}{personal}{last}"


READERS: list[Callable[[str], Reading]] = [
    read_container,
    read_imo,
    read_mmsi,
    read_plate,
    lambda text: read_mrz(text, TODAY),
    national,
    lambda text: national(text, "THA-PIN"),
    lambda text: national(text, "CHN-RIC"),
    lambda text: national(text, "VNM-CCCD"),
]


@table("reader", READERS)
@given(text=st.one_of(st.text(), st.text("0123456789ABCDEFUX<กขက\n ๑១၁", max_size=100)))
@example(text="\0")
@example(text="\ud800")
@example(text="๑" * 13)
@example(text="²" * 12)
@example(text="①" * 13)
@example(text="\u202e1234567")
@example(text="İ" * 44 + "\n" + "ß" * 44)
def test_any_text_is_read_or_refused(reader: Callable[[str], Reading], text: str) -> None:
    # Anything but `Malformed` would fail the test.
    with suppress(Malformed):
        assert reader(text).as_json()["kind"]


@pytest.mark.timed
@pytest.mark.parametrize("text", ["a" + "\u0301" * 1_000_000, "<" * 1_000_000, "\u202e" * 1_000_000, "9" * 1_000_000])
def test_a_megabyte_is_refused_at_once(text: str) -> None:
    with effort() as spent:
        for reader in READERS:
            with pytest.raises(Malformed):
                reader(text)
    assert spent.seconds < 1


@given(st.integers(0, 43), st.sampled_from("0123456789"))
def test_a_changed_digit_of_the_number_line_is_always_noticed(at: int, digit: str) -> None:
    names, line = TD3.split("\n")
    changed = line[:at] + digit + line[at + 1 :]
    if line[at].isdecimal() and changed != line:
        assert not read_mrz(f"{names}\n{changed}", TODAY).valid


def test_a_zone_is_explained() -> None:
    found = read_mrz(TD3.replace("7408122", "7408123").lower(), TODAY)
    assert "small letters: read as capitals" in found.problems
    assert "birth date: the check digit is 3, the field calls for 2" in found.problems
    assert "it has expired: 2012-04-15" in found.remarks


@table(
    ("printed", "read"),
    [
        ("261124", "2026-11-24"),
        ("261125", "1926-11-25"),
        ("800101", "1980-01-01"),
        ("80<<<<", "1980"),
        ("8007<<", "1980-07"),
    ],
)
def test_a_birth_is_never_after_today(printed: str, read: str) -> None:
    found = read_mrz(passport(birth=printed), TODAY)
    assert found.valid, found.problems
    assert found.parts["birth"] == read


@pytest.mark.parametrize(
    ("printed", "read"), [("300101", "2030-01-01"), ("760101", "2076-01-01"), ("990101", "1999-01-01")]
)
def test_an_expiry_lies_within_fifty_years(printed: str, read: str) -> None:
    assert read_mrz(passport(expiry=printed), TODAY).parts["expiry"] == read


def test_dates_that_are_no_days_and_names_that_fill_their_field_are_told() -> None:
    assert "the birth date `800231` is no day of the calendar" in read_mrz(passport(birth="800231"), TODAY).problems
    full = read_mrz(passport(name="NIMITHARONGCHAI<<PHRANAKHONSIAYUTTHAYAX"), TODAY)
    assert full.valid
    assert full.parts["name_may_be_cut"]
    assert (
        "the nationality `ABC` is no code of ISO 3166-1 or Doc 9303"
        in read_mrz(passport(nationality="ABC"), TODAY).remarks
    )


TD1 = "I<UTOD23145890<1240<XYZ<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<8\nERIKSSON<<ANNA<MARIA<<<<<<<<<<"
TD2 = "I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nD231458907UTO7408122F1204159<<<<<<<6"


def test_cards_of_both_sizes_are_read_and_a_long_number_goes_on_in_the_optional_data() -> None:
    small, large = read_mrz(TD1, TODAY), read_mrz(TD2, TODAY)
    assert small.valid, small.problems
    assert large.valid, large.problems
    assert (small.parts["format"], small.parts["number"]) == ("TD1", "D23145890124")
    assert (large.parts["format"], large.parts["number"]) == ("TD2", "D23145890")
    assert not read_mrz(TD1.replace("<1240<", "<1250<"), TODAY).valid


@table(
    ("text", "message"),
    [
        ("P<UTO", "lines of 5 signs"),
        ("X" + TD3[1:], "no document of this size begins with X"),
        (TD3.replace("ANNA", "ANNÄ"), "signs other than"),
        ("\n\n", "nothing to read"),
    ],
)
def test_what_is_no_zone_is_refused_with_the_reason(text: str, message: str) -> None:
    with pytest.raises(Malformed, match=message):
        read_mrz(text, TODAY)


def test_containers_are_explained() -> None:
    assert read_container("csqu 305438-3").valid
    assert read_container("CSQU3054384").problems == ("the check digit is 4, but the number before it calls for 3",)
    assert read_container("CSQU305438").problems == ("the check digit is missing; it is 3",)
    assert "fourth letter" in read_container("CSQX3054383").problems[0]


def test_ships_are_explained() -> None:
    assert read_imo("IMO 9074729").valid
    assert read_imo("imo No. 9074729").text == "9074729"
    assert not read_imo("9074728").valid
    assert not read_imo("0000000").valid
    assert read_mmsi("574 001 230").text == "574001230"


def test_thai_numbers_are_read_in_thai_digits() -> None:
    found = national("๑-๒๓๔๕-๖๗๘๙๐-๑๒-๑")
    assert found.valid
    assert found.parts["shown"] == "1-2345-67890-12-1"
    assert national("1234567890122").problems == ("the last digit is 2, but the twelve before it call for 1",)
    assert "begins with 9" in national("9234567890121").problems[0]


def test_chinese_numbers_are_checked_by_digit_date_and_province() -> None:
    found = national("11010519491231002x")
    assert found.valid
    assert (found.parts["birth"], found.parts["sex"], found.parts["province"]) == ("1949-12-31", "F", "Beijing")
    assert "no day of the calendar" in " ".join(national("110105194902310021").problems)
    assert "still to come" in " ".join(national("110105203012310021").problems)
    assert "no province" in " ".join(national("990105194912310021").problems)


def test_the_old_chinese_form_is_explained_with_what_it_would_be_today() -> None:
    found = national("110105491231002")
    assert not found.valid
    assert "11010519491231002X" in found.problems[0]
    assert found.parts["birth"] == "1949-12-31"


def test_vietnamese_numbers_say_the_year_of_birth() -> None:
    assert national("001185012345").parts["birth"] == "1985"
    assert national("001185012345").parts["sex"] == "F"
    assert national("001285012345").problems == ("the year of birth 2085 is still to come",)


@table(
    ("text", "country", "series", "number", "province"),
    [
        ("กก ๑๒๓๔ กรุงเทพมหานคร", "THA", "กก", "1234", "กรุงเทพมหานคร"),
        ("1กข-999 เชียงราย", "THA", "1กข", "999", "เชียงราย"),
        ("ກກ ໑໒໓໔", "LAO", "ກກ", "1234", ""),
        ("2A-1234", "MMR", "2A", "1234", ""),
        ("ក ១២៣៤", "KHM", "ក", "1234", ""),
        ("က/၁၂၃၄", "MMR", "က", "1234", ""),
        ("30A-123.45", "VNM", "A", "12345", "30"),
        ("29-H1 123.45", "VNM", "H1", "12345", "29"),
        ("云A·12345", "CHN", "A", "12345", "云"),
        ("云AD12345", "CHN", "A", "D12345", "云"),
    ],
)
def test_plates_keep_their_letters(text: str, country: str, series: str, number: str, province: str) -> None:
    found = read_plate(text)
    assert found.valid, found
    assert (found.parts["country"], found.parts["series"]) == (country, series)
    assert (found.parts["number"], found.parts["province"]) == (number, province)


def test_a_cambodian_plate_in_latin_letters_is_read_when_the_country_is_said() -> None:
    found = read_plate("2A-1234", "KHM")
    assert found.valid
    assert found.parts["country"] == "KHM"


def test_a_plate_of_no_known_form_is_still_a_plate() -> None:
    assert read_plate("ABC 12 XYZ 99").problems
    assert read_plate("กก 1234", "LAO").problems == ("it has not the form of the plates of LAO",)
    with pytest.raises(Malformed):
        read_plate("กก 1234", "DEU")
