"""Text that is made to hurt: bounded time, and nothing invisible decides (CASE-K)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.matching.keys import name_keys, query_keys
from gateway.matching.normal import normal_name
from gateway.matching.similarity import compare_names, rough_likeness
from tests.support.load import effort
from tests.support.tables import table

HOSTILE = {
    "combining marks": "a" + "\u0301\u0316" * 500_000,
    "one Thai consonant": "ก" * 1_000_000,
    "one Burmese consonant": "က" * 1_000_000,
    "one Arabic letter": "ا" * 1_000_000,
    "one Chinese character": "王" * 1_000_000,
    "said again": "ชๆ " * 100_000,
    "many words": "somchai " * 100_000,
    "direction marks": "\u202e" * 1_000_000,
}


@pytest.mark.timed
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_megabyte_costs_no_more_than_a_name(text: str) -> None:
    with effort() as spent:
        name = normal_name(text)
        keys = query_keys(text)
        compare_names(name, normal_name("Somchai Jaidee"))
    assert spent.seconds < 2
    assert len(keys) <= 300
    assert len(name_keys(text)) <= 64


@table("mark", ["\u200b", "\u200c", "\u200d", "\u200e", "\u202e", "\u2066", "\u2069", "\ufeff", "\ufe0f"])
def test_marks_that_nobody_sees_change_nothing(mark: str) -> None:
    hidden = normal_name(f"{mark}Som{mark}chai Jaidee{mark}" if mark != "\u200b" else f"Somchai{mark} Jaidee")
    assert hidden.forms == normal_name("Somchai Jaidee").forms


def test_digits_of_any_script_are_no_part_of_a_name() -> None:
    plain = normal_name("มาลี").forms
    assert normal_name("มาลี ๑๒๓").forms == plain
    assert normal_name("มาลี 123").forms == plain
    assert not normal_name("໑໒໓ ៤៥ ၆၇ ١٢").forms


def test_a_nought_that_was_typed_for_the_letter_wa_is_that_letter() -> None:
    assert normal_name("၀င်း").forms == normal_name("ဝင်း").forms


def test_a_sign_of_repetition_doubles_the_word() -> None:
    assert normal_name("ສີໆ ດາ").own == normal_name("ສີ ສີ ດາ").own


def test_a_doubled_burmese_name_is_another_name() -> None:
    doubled, single = normal_name("Aye Aye Mon"), normal_name("Aye Mon")
    assert compare_names(doubled, single).score < compare_names(doubled, doubled).score


_NAMES = st.text(
    alphabet=st.one_of(
        st.characters(min_codepoint=0x20, max_codepoint=0x24F),
        st.characters(min_codepoint=0x400, max_codepoint=0x4FF),
        st.characters(min_codepoint=0x600, max_codepoint=0x6FF),
        st.characters(min_codepoint=0x1000, max_codepoint=0x109F),
        st.characters(min_codepoint=0x4E00, max_codepoint=0x4FFF),
        st.characters(min_codepoint=0xAC00, max_codepoint=0xAFFF),
    ),
    max_size=24,
)


@given(_NAMES, _NAMES)
def test_likeness_does_not_depend_on_which_name_is_asked(left: str, right: str) -> None:
    first, second = normal_name(left), normal_name(right)
    assert compare_names(first, second).score == pytest.approx(compare_names(second, first).score, abs=0.02)
    assert 0 <= rough_likeness(first, second) <= 1


@given(_NAMES)
def test_a_name_finds_itself(text: str) -> None:
    assert name_keys(text) <= query_keys(text)
