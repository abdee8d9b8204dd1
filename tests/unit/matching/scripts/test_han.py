"""Chinese characters against the spellings of Hong Kong, of Taiwan and of older papers."""

from __future__ import annotations

import pytest

from gateway.matching.keys import name_keys, query_keys
from gateway.matching.normal import normal_name
from gateway.matching.one_word import is_one_word_of
from gateway.matching.scripts import han, tables
from gateway.matching.similarity import compare_names
from tests.support.tables import table

SPELLINGS = [
    ("陳大文", "Chan Tai Man"),
    ("陈大文", "Tai Man Chan"),
    ("李志强", "Lee Chi Keung"),
    ("梁國雄", "Leung Kwok Hung"),
    ("黃之鋒", "Wong Chi Fung"),
    ("張公解", "Chang Kung-chieh"),
    ("魏學剛", "Wei Hsueh-kang"),
    ("蔣全儲", "Chiang Ch'üan-ch'u"),
    ("林曹左", "Lin Ts'ao-tso"),
]


@table(("characters", "latin"), SPELLINGS)
def test_a_whole_name_is_alike_in_cantonese_and_in_wade_giles(characters: str, latin: str) -> None:
    assert compare_names(normal_name(latin), normal_name(characters)).score >= 0.95


@table(("characters", "latin"), SPELLINGS)
def test_a_row_in_characters_has_a_key_of_the_question(characters: str, latin: str) -> None:
    assert not query_keys(latin).isdisjoint(name_keys(characters))


@pytest.mark.parametrize(("characters", "latin"), [("陳大文", "Chan Siu Ming"), ("魏學剛", "Wei Chung-kang")])
def test_another_given_name_is_another_person(characters: str, latin: str) -> None:
    assert compare_names(normal_name(latin), normal_name(characters)).score < 0.8


@pytest.mark.parametrize(("characters", "latin"), [("崔瞿", "Hsiang Chiu"), ("於簡", "Sung Juan-Yen")])
def test_two_characters_are_not_one_word_of_a_name_that_lacks_a_syllable(characters: str, latin: str) -> None:
    assert not is_one_word_of(normal_name(characters), normal_name(latin))


def test_a_given_name_alone_is_one_word_of_a_name() -> None:
    assert is_one_word_of(normal_name("大文"), normal_name("Chen Dawen"))


def test_a_name_with_an_unknown_character_has_no_reading_in_cantonese() -> None:
    assert han.cantonese("陈𰻝") == ()


def test_readings_have_the_form_of_names() -> None:
    for name in ("han_cantonese", "wade_giles"):
        assert all(said.isascii() and said.isalpha() and said.islower() for _, said in tables.rows(name, 2))
