"""Burmese syllables have several Latin spellings, alone and in words written together."""

from __future__ import annotations

import pytest

from gateway.errors import Misconfigured
from gateway.matching.keys import asked_word_keys, name_keys, query_keys
from gateway.matching.normal import normal_name
from gateway.matching.person import PersonFeatures, score_person
from gateway.matching.scripts import burmese, burmese_fit, tables
from gateway.matching.similarity import compare_names
from gateway.matching.thresholds import STRICT, USUAL
from gateway.model.query import PersonQuery
from gateway.model.values import NameForm, PartialDate
from tests.bench.burmese_names import measure
from tests.support.load import effort
from tests.support.tables import table

BORN = PartialDate("1985-03-12")


@table(
    ("burmese_name", "spelled"),
    [
        ("ကျော်ဇင်သန့်", "Kyawzinthant"),
        ("ကျော် ဇင် သန့်", "KYAW ZIN THAN"),
        ("သီတာဝင်း", "Thi Dar Winn"),
        ("သီတာဝင်း", "Thida Win"),
        ("ဥမ္မာထွန်း", "Ohnmar Htun"),
        ("ပွင့်ဖြူ", "Pwint Phyue"),
        ("မိုးထက်ခိုင်", "Moe Htet Khaing"),
        ("ဇာခြည်", "Zar Chi"),
        ("ရွှေရည်", "Shwe Yee"),
        ("ဇေယျာလင်း", "Zeyar Lynn"),
    ],
)
def test_everyday_spellings_are_the_name(burmese_name: str, spelled: str) -> None:
    query = PersonQuery((NameForm(spelled),), BORN)
    match = score_person(query, PersonFeatures((burmese_name,), BORN), STRICT)
    assert match is not None
    assert match.score >= 0.95
    for asked, held in ((burmese_name, spelled), (spelled, burmese_name)):
        assert query_keys(asked) & name_keys(held)


@table(
    ("burmese_name", "spelled"),
    [("နော်", "Nay"), ("သိန်း", "Than"), ("မြင့်", "Min"), ("ဇော်မင်း", "Zay Mon"), ("လှ", "Lay"), ("ဝင်းဖေ", "Wai Pa")],
)
def test_short_names_that_share_letters_and_no_syllable_are_not_alike(burmese_name: str, spelled: str) -> None:
    query = PersonQuery((NameForm(spelled),), BORN)
    assert score_person(query, PersonFeatures((burmese_name,), BORN), USUAL) is None


def test_foreign_words_are_still_compared_by_letters() -> None:
    assert compare_names(normal_name("ဂျွန်ဆင်"), normal_name("Johnson")).score > 0.8


def test_the_order_of_syllables_counts_up_to_rotation() -> None:
    name = normal_name("အောင်ကျော်ဝင်း")
    assert compare_names(name, normal_name("Aung Kyaw Winn")).score > 0.98
    assert 0.9 < compare_names(name, normal_name("Winn Aung Kyaw")).score <= 0.98
    assert compare_names(name, normal_name("Kyaw Aung Winn")).score < 0.92


@pytest.mark.long
def test_pairs_from_published_tables_are_found() -> None:
    usual, strict = measure("usual", names=200), measure("strict", names=200)
    assert usual.first >= 0.95
    assert strict.first >= 0.9
    assert usual.by_key >= 0.98
    assert usual.false <= 0.08
    assert strict.false <= 0.03


def test_rows_of_several_syllables_are_read() -> None:
    assert burmese.reading(("သီတာဝင်း",)) == ("thida", "win")
    assert burmese.spellings("သီ", "တာ")["thitar"] > 0


def test_each_row_of_the_tables_is_read() -> None:
    for written, said in tables.rows("burmese_words", 2):
        spelled = burmese.spellings(*burmese.syllables(written))
        assert set(said.split()) <= set(spelled), written


@pytest.mark.parametrize("row", ["Aung\taung", "ာင်\taung", "ကခဂဃင\tkakagaganga"])
def test_a_row_that_is_not_made_of_syllables_is_refused(row: str, monkeypatch: pytest.MonkeyPatch) -> None:
    word, said = row.split("\t")
    monkeypatch.setattr(tables, "rows", lambda name, columns: ((word, said),))
    burmese._words.cache_clear()
    with pytest.raises(Misconfigured) as caught:
        burmese._words()
    assert caught.value.code == "bad-table"
    assert word in str(caught.value)
    monkeypatch.undo()
    burmese._words.cache_clear()


@pytest.mark.timed
@pytest.mark.parametrize("text", ["mama" * 12, "kyawx" * 9, "a" * 48, "khin maung " * 12])
def test_text_that_may_be_cut_in_many_ways_costs_no_more_than_a_name(text: str) -> None:
    words = tuple(text.split())
    with effort() as spent:
        burmese_fit.read_latin(words)
        burmese_fit.likeness(("မမ" * 12,), words)
        asked_word_keys(text)
    assert spent.seconds < 0.5
