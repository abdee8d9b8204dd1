"""Identifiers: one key for all ways to write the same number, and none for what is no number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.matching.identifiers import number_key, province_key


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("N12345678", "n 1234 5678"),
        ("AA1234567", "AA-1234567"),
        ("AA1234567", "ＡＡ１２３４５６７"),
        ("AA1234567", "AA\u200b1234567"),
        ("AA1234567", "AA๑๒๓๔๕๖๗"),
        ("AA1234567", "AA១២៣៤៥៦៧"),
        ("AA1234567", "AA၁၂၃၄၅၆၇"),
        ("AA1234567", "AA໑໒໓໔໕໖໗"),
    ],
)
def test_a_document_number_has_one_key_however_it_is_written(left: str, right: str) -> None:
    assert number_key(left) == number_key(right) != ""


@pytest.mark.parametrize(
    "junk",
    [
        "",
        " ",
        "-",
        "--",
        "N/A",
        "NA",
        "n.a.",
        "000000000",
        "0000000000000",
        "XXX",
        "xx",
        "???",
        "ไม่ทราบ",
        "ไม่มี",
        "None",
    ],
)
def test_what_clerks_type_for_no_number_gives_no_key(junk: str) -> None:
    assert number_key(junk) == ""


def test_a_thai_plate_keeps_its_letters_and_loses_blanks() -> None:
    assert number_key("1กข 1234") == number_key("๑กข-๑๒๓๔") == "1กข1234"
    assert number_key("กข 1234") != number_key("1กข 1234")


def test_a_province_loses_the_word_for_province() -> None:
    assert province_key("จังหวัดเชียงราย") == province_key(" เชียงราย") == province_key("จ.เชียงราย") == "เชียงราย"
    assert province_key("ไม่ระบุ") == ""


def test_a_container_number_has_one_key() -> None:
    assert number_key("CSQU 305438-3") == "CSQU3054383"


@given(st.text(max_size=40))
def test_a_key_is_its_own_key(text: str) -> None:
    key = number_key(text)
    assert number_key(key) in (key, "")
    assert not any(character.isspace() for character in key)
