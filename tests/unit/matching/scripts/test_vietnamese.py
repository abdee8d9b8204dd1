"""Vietnamese names in Chinese characters meet the same names in Latin letters."""

from __future__ import annotations

import pytest

from gateway.matching.keys import name_keys, query_keys
from gateway.matching.normal import normal_name
from gateway.matching.person import PersonFeatures, score_person
from gateway.matching.scripts import han, latin, tables
from gateway.matching.thresholds import STRICT
from gateway.model.hit import Quality
from gateway.model.query import PersonQuery
from gateway.model.values import NameForm, PartialDate
from tests.support.tables import table

BORN = PartialDate("1985-03-12")

SAME = [
    ("阮氏梅", "NGUYEN THI MAI"),
    ("阮氏梅", "Nguyễn Thị Mai"),
    ("陳氏紅霞", "TRAN THI HONG HA"),
    ("武文勇", "Vo Van Dung"),
    ("武文勇", "Vu Van Dung"),
    ("黄玉琼", "HUYNH NGOC QUYNH"),
    ("黎廷福", "Le Dinh Phuoc"),
    ("裴氏垂妆", "Bui Thi Thuy Trang"),
    ("邓翠鸾", "DANG THUY LOAN"),
    ("丁婷", "Dinh Dinh"),
    ("严氏鸳", "Nghiem Thi Uyen"),
]


@table(("characters", "spelled"), SAME)
def test_a_vietnamese_name_in_characters_is_found_by_its_latin_one(characters: str, spelled: str) -> None:
    for asked, held in ((characters, spelled), (spelled, characters)):
        assert query_keys(asked) & name_keys(held)
        match = score_person(PersonQuery((NameForm(asked),), BORN), PersonFeatures((held,), BORN), STRICT)
        assert match is not None
        assert match.quality is Quality.STRONG


@pytest.mark.parametrize(
    ("characters", "spelled"), [("阮氏梅", "Tran Thi Mai"), ("陈氏兰", "Nguyen Thi Lan"), ("王小明", "Nguyen Van Minh")]
)
def test_another_vietnamese_name_is_none(characters: str, spelled: str) -> None:
    assert score_person(PersonQuery((NameForm(characters),), BORN), PersonFeatures((spelled,), BORN)) is None


def test_a_chinese_name_is_read_in_pinyin_first() -> None:
    assert normal_name("王小明").forms[0].words == ("wang", "xiao", "ming")


def test_every_reading_is_a_syllable_of_a_simplified_character() -> None:
    table = tables.mapping("han_vietnamese")
    assert len(table) > 7_000
    for character, said in table.items():
        assert han.simplified(character) == character
        assert 0 < len(said.split()) <= 3
        assert all(latin.plain(word).isalpha() and len(word) < 8 for word in said.split())
