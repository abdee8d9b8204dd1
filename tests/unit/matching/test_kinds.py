"""Kinds of places in all languages but Chinese, places that have lost their marks, and what persons keep."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.matching import places
from gateway.matching.keys import name_keys, query_keys
from gateway.matching.normal import normal_name
from gateway.matching.person import PersonFeatures, score_person
from gateway.matching.same import name_sounds
from gateway.matching.scripts import burmese, damaged, khmer
from gateway.matching.similarity import DOUBTFUL_KIND, compare_names
from gateway.model.hit import Quality
from gateway.model.query import PersonQuery
from gateway.model.values import NameForm, PartialDate
from tests.support.tables import table


def alike(left: str, right: str) -> float:
    return compare_names(normal_name(left), normal_name(right)).score


@table(
    ("written", "spelled"),
    [
        ("ភូមិ តាលន", "Ta Lon"),
        ("ស្រុកតាលន", "Ta Lon"),
        ("តាលន", "Phum Ta Lon"),
        ("តាលន", "Sangkat Ta Lon"),
        ("ບ້ານ ມະລອນ", "Malon"),
        ("ມ.ມະລອນ", "Malon"),
        ("ມະລອນ", "Ban Malon"),
        ("ບ້ານມະລອນ", "Muang Malon"),
        ("อำเภอมะลอน", "Malon"),
        ("อ. มะลอน", "Malon"),
        ("มะลอน", "Amphoe Malon"),
        ("မလွန်မြို့", "Ma Lun"),
        ("မလွန် မြို့နယ်", "Ma Lun"),
        ("Malon District", "Malon"),
        ("TP. Lâm Cú", "Lam Cu"),
    ],
)
def test_the_kind_of_a_place_is_no_part_of_its_name(written: str, spelled: str) -> None:
    assert query_keys(written) & name_keys(spelled)
    assert alike(written, spelled) > 0.9


def test_with_the_same_kind_on_both_sides_the_whole_name_is_compared() -> None:
    assert alike("ភូមិ តាលន", "Phum Ta Lon") > alike("ភូមិ តាលន", "Srok Ta Lon")
    assert alike("Phum Krâlôn", "Phum Kralon") > alike("Phum Krâlôn", "Kralon")
    assert alike("บ้านมะลอน", "Ban Malon") > alike("บ้านมะลอน", "Mueang Malon")


@table("name", ["ភូមិ", "ບ້ານ", "บ้าน", "မြို့", "Ban", "Phum", "Thị trấn", "xian"])
def test_a_kind_alone_is_a_name(name: str) -> None:
    assert places.without_kind([name], normal_name(name).script) is None
    assert len(normal_name(name).forms) == 1


def test_a_vowel_sign_after_it_shows_that_a_word_is_no_kind() -> None:
    assert places.without_kind(["ເມືອງິນ"], "Laoo") is None
    assert places.without_kind(["เขตาลน"], "Thai") is None


def test_what_may_be_a_name_is_said_and_never_strong() -> None:
    born = PartialDate("1980-01-05")
    for asked, held in (("Khan Maloni", "Maloni"), ("เมืองมะลอน", "Malon")):
        match = score_person(PersonQuery((NameForm(asked),), born), PersonFeatures((held,), born))
        assert match is not None
        assert match.quality is Quality.POSSIBLE
        assert DOUBTFUL_KIND in match.rules


def test_a_person_whose_name_is_also_a_kind_keeps_it() -> None:
    assert alike("Khan Maloni", "Khan Maloni") == 1
    assert alike("Khan Maloni", "Maloni Khan") > alike("Khan Maloni", "Maloni")
    assert name_keys("Khan Maloni") > name_keys("Maloni")
    assert name_sounds("Khan Maloni").isdisjoint(name_sounds("Maloni"))


# ---------------------------------------------------------------- lost marks


def test_a_kind_and_the_words_of_a_place_are_known_without_their_marks() -> None:
    assert damaged.restored(("កពងតាលន",)) == ("កំពង់តាលន",)
    assert query_keys("ករងកពងតាលន") & name_keys("Kampong Ta Lon")
    assert query_keys("ບານມະລອນ") & name_keys("Malon")
    assert damaged.restored(("ຫວງມະລອນ",)) == ("ຫຼວງມະລອນ",)


def test_text_that_has_its_marks_is_not_restored() -> None:
    assert damaged.restored(("កពង", "ស្រែ")) == ("កពង", "ស្រែ")


def test_a_vowel_after_it_shows_that_it_is_another_word() -> None:
    assert damaged.restored(("កពងា",)) == ("កពងា",)


@given(st.text("កពងសរែភនាតលត្ំ់ិຫວງບານ", max_size=12), st.sampled_from(["Khmr", "Laoo"]))
def test_what_is_left_of_a_place_is_part_of_it(name: str, script: str) -> None:
    bare = places.without_kind([name], script) if name else None
    assert bare is None or (bare.words[0] in name and bare.words[0] != name)
    assert query_keys(name) >= name_keys(name)


# ---------------------------------------------------------------- Khmer and Burmese spelling


@table(
    ("written", "said"),
    [
        ("ពាំងលន", "peanglon"),
        ("គាស់លន", "keaslon"),
        ("លជ័យ", "lochey"),
        ("តាឡ", "tala"),
        ("តាឬលន", "taruelon"),
        ("តាហនុ", "tahanu"),
        ("តាយណ\u17cd", "tay"),
    ],
)
def test_khmer_syllables_end_where_they_are_heard_to(written: str, said: str) -> None:
    assert khmer.romanise(written) == said


def test_a_burmese_syllable_with_a_high_tone_ends_in_its_consonant() -> None:
    assert burmese.to_unicode("လနး") == "လန်း"


def test_the_side_of_a_burmese_place_is_met_in_english() -> None:
    assert alike("မလွန် မြောက်", "Ma Lun North") > 0.98
    assert alike("မလွန် မြောက်", "Ma Lun North") > alike("မလွန် မြောက်", "Ma Lun South")
    assert alike("မလွန် မြောက်", "Ma Lun Myauk") > 0.98
