"""Chinese characters beside pinyin in one word, foreign names in them, kinds of Vietnamese places, keys of words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.matching.keys import asked_word_keys, name_keys, query_keys, word_keys
from gateway.matching.normal import normal_name
from gateway.matching.scripts import han
from gateway.matching.scripts import pinyin as syllables
from gateway.matching.similarity import compare_names
from tests.support.tables import table


def alike(left: str, right: str) -> float:
    return compare_names(normal_name(left), normal_name(right)).score


# ---------------------------------------------------------------- pinyin in one word


def test_of_places_that_are_only_near_the_one_with_more_of_the_syllables_comes_first() -> None:
    assert alike("柳溪", "Liuxikou") > alike("柳溪", "Luosi")
    assert alike("上柳坡", "Liupo") > alike("上柳坡", "Shanlu")


def test_syllables_in_one_word_keep_their_order() -> None:
    assert alike("沙溪", "Shaxi") > 0.99
    assert alike("沙溪", "Xisha") < alike("沙溪", "Shaxiqiao")
    assert alike("沙溪", "Xi Sha") > 0.95


@table(
    ("said", "word", "share"),
    [
        (("xi", "an"), "xian", 1.0),
        (("xian",), "xian", 1.0),
        (("lyu", "shan"), "lushan", 1.0),
        (("san", "guan", "miao"), "sanguanmiao", 1.0),
        (("xi", "an"), "smith", None),
        (("xi", "an"), "", 0.0),
        ((), "xian", 0.0),
    ],
)
def test_a_word_of_pinyin_is_cut_wherever_it_can_be(said: tuple[str, ...], word: str, share: float | None) -> None:
    assert syllables.shared(said, word) == share


def test_what_is_not_pinyin_throughout_is_compared_by_its_sound() -> None:
    assert syllables.shared(("ku", "er", "le"), "korla") is None


@given(
    st.lists(st.sampled_from(["xi", "an", "guang", "lyu", "e", "shi"]), max_size=6), st.text("aeginuxlsh", max_size=30)
)
def test_what_is_shared_lies_between_0_and_1(said: list[str], word: str) -> None:
    share = syllables.shared(tuple(said), word)
    assert share is None or 0 <= share <= 1
    assert syllables.shared(tuple(said), "".join(said).replace("lyu", "lu")) == 1 or not said


def test_a_southern_surname_is_never_joined_to_the_other_names() -> None:
    assert alike("陈丽梅", "Tan Limei") > 0.95
    assert alike("陈溪", "Tanxi") < alike("陈溪", "Chenxikou")


def test_another_reading_of_a_character_comes_after_the_usual_one_also_without_the_kind() -> None:
    assert alike("六河乡", "Liuhe") > alike("六河乡", "Luhe") > 0.9


def test_foreign_names_are_told_by_their_characters_and_compared_by_letters() -> None:
    assert han.is_foreign("斯特拉尔")
    assert not han.is_foreign("上柳坡")
    assert alike("尼娜", "Nina") > alike("尼娜", "Minna")


@pytest.mark.parametrize(
    ("written", "bare"), [("青坪街道办事处", "青坪"), ("黑坪场", "黑坪"), ("柳坡哈萨克民族乡", "柳坡")]
)
def test_an_office_a_market_and_a_peoples_township_are_kinds(written: str, bare: str) -> None:
    assert han.without_kind(written) == bare


# ---------------------------------------------------------------- Vietnamese places


@table(
    ("asked", "held"),
    [
        ("Thị trấn Bình Lâm", "Binh Lam"),
        ("Huyện Bình Lâm", "Thi Tran Binh Lam"),
        ("Bình Lâm", "Thanh Pho Binh Lam"),
        ("Xã Bình Lâm", "Huyen Binh Lam"),
        ("Buôn Krai", "Ea Krai"),
    ],
)
def test_the_kind_of_a_vietnamese_place_is_no_part_of_its_name(asked: str, held: str) -> None:
    assert query_keys(asked) & name_keys(held)
    assert alike(asked, held) > 0.98


def test_a_kind_without_diacritics_may_be_a_name() -> None:
    assert alike("Quan Minh", "Minh") < 0.75
    assert alike("Lang Van Minh", "Ban Van Minh") < 0.95


def test_of_two_parts_of_a_vietnamese_name_the_end_comes_first() -> None:
    assert alike("Hương Lâm Cú", "Lam Cu") > alike("Hương Lâm Cú", "Huong Lam")
    assert alike("Huong Lam Cu", "Lam Cu") == alike("Huong Lam Cu", "Huong Lam")


@table(
    ("one", "other"),
    [
        ("Hoà Bình", "Hòa Bình"),
        ("Biên-hòa", "Biên Hoà"),
        ("Nguyễn Thị Thúy", "Nguyễn Thị Thuý"),
        ("Lý Thị Hoè", "Lí Thị Hòe"),
        ("Quy Nhơn", "Qui Nhơn"),
        ("Mỹ Đức", "Mĩ Đức"),
    ],
)
def test_two_spellings_of_one_vietnamese_syllable_are_the_same_name(one: str, other: str) -> None:
    assert alike(one, other) > 0.99


@pytest.mark.parametrize(("one", "other"), [("Lê Thị Huệ", "Lê Thị Huê"), ("Lê Hoà", "Lê Hoả"), ("Lê Thuỷ", "Lê Thuỳ")])
def test_another_tone_is_another_name(one: str, other: str) -> None:
    assert alike(one, other) <= 0.8


# ---------------------------------------------------------------- keys of several words


def test_a_query_asks_for_a_rare_spelling_of_one_word_beside_a_usual_one_of_another() -> None:
    for spelled in ("Mohammad Shafiq Rahmani", "Muhammed Shafik Rahmani", "Mahmad Shafiq Rahmany"):
        assert query_keys("محمد شفيق رحماني") & name_keys(spelled), spelled


def test_a_query_asks_for_more_words_of_a_year_than_a_row_stores() -> None:
    asked, stored = asked_word_keys("محمد شفيق"), word_keys("محمد شفيق")
    assert asked > stored
    assert asked & word_keys("Mohammad Shafiq")
    assert asked_word_keys("Mohammad Shafiq") == word_keys("Mohammad Shafiq")


@given(st.text(max_size=20))
def test_what_a_query_asks_for_holds_what_a_row_of_the_same_name_stores(name: str) -> None:
    assert query_keys(name) >= name_keys(name)
    assert asked_word_keys(name) >= word_keys(name)
    assert len(query_keys(name)) <= 256 + len(name_keys(name))
