"""Words of other scripts against Latin spellings, by the tables of letters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.matching.scripts import letters, tables
from tests.support.tables import table

SPELLED = [
    ("Arab", "حسين", ("hussein", "husain", "hosein"), "karim"),
    ("Cyrl", "шевченко", ("shevchenko", "schewtschenko"), "sevastyanov"),
    ("Hang", "김", ("kim", "gim"), "park"),
    ("Hani", "馬丁", ("martin",), "madison"),
    ("Mymr", "အမေရိကန်", ("american",), "armenian"),
]


@table(("script", "word", "spellings", "other"), SPELLED)
def test_a_usual_spelling_is_more_likely_than_another_name(
    script: str, word: str, spellings: tuple[str, ...], other: str
) -> None:
    spelling = letters.spelling(word, script)
    assert spelling is not None
    for latin in spellings:
        assert letters.likeness(spelling, latin) > letters.likeness(spelling, other)


@table(("script", "word", "spellings", "other"), SPELLED)
def test_readings_begin_with_the_most_usual_one(script: str, word: str, spellings: tuple[str, ...], other: str) -> None:
    spelling = letters.spelling(word, script)
    assert spelling is not None
    readings = letters.readings(spelling, 8)
    likeness = [letters.likeness(spelling, reading) for reading in readings]
    assert likeness[0] == pytest.approx(max(likeness), abs=0.05)
    assert len(readings) == len(set(readings)) <= 8


def test_a_script_without_a_table_has_no_spelling() -> None:
    assert letters.spelling("สมชาย", "Thai") is None
    assert letters.spelling("Somchai", "Latn") is None


@table("script", ["arab", "cyrl", "hang", "hani", "hani_peoples", "mymr"])
def test_every_row_of_the_tables_has_a_plain_spelling_and_a_cost(script: str) -> None:
    for sign, latin, cost in tables.rows(f"letters_{script}", 3):
        assert sign
        assert latin.isascii()
        assert latin == latin.lower()
        assert 0 <= int(cost) < 1000


def test_the_romanisations_of_other_peoples_are_no_readings_that_keys_are_made_of() -> None:
    spelled = letters.spelling("聂荣", "Hani")
    assert spelled is not None
    assert "nyainrong" not in letters.readings(spelled, 64)
    assert letters.likeness(spelled, "nyainrong") > letters.likeness(spelled, "nyanlong")


@given(
    st.sampled_from(["Arab", "Cyrl", "Hang", "Hani", "Mymr"]),
    st.text(min_size=1, max_size=60),
    st.text(alphabet="abcdefghijklmnopqrstuvwxyz", max_size=60),
)
def test_likeness_is_between_0_and_1_for_any_text(script: str, word: str, latin: str) -> None:
    spelling = letters.spelling(word, script)
    if spelling is not None:
        assert 0 <= letters.likeness(spelling, latin) <= 1
        assert all(reading.isascii() for reading in letters.readings(spelling, 4))


@pytest.mark.parametrize(
    ("word", "script", "right", "shorter"),
    [
        ("နန်းယွန်း", "Mymr", "nanyun", "ann"),
        ("အမရပူရ", "Mymr", "amarapura", "mara"),
        ("မိုးကောင်း", "Mymr", "mogaung", "mudon"),
    ],
)
def test_a_shorter_word_is_not_more_alike_for_the_many_signs_it_leaves_out(
    word: str, script: str, right: str, shorter: str
) -> None:
    spelling = letters.spelling(word, script)
    assert spelling is not None
    assert letters.likeness(spelling, right) > letters.likeness(spelling, shorter)
