"""A name of one word counts beside a full birth date or the father's name, and is never STRONG."""

from __future__ import annotations

from gateway.matching.explain import RULES
from gateway.matching.one_word import RULE, asks_for_one_word
from gateway.matching.person import PersonFeatures, score_person
from gateway.matching.thresholds import STRICT, USUAL, WIDE, Thresholds
from gateway.model.hit import Match, Quality
from gateway.model.query import ContainerQuery, PersonQuery
from gateway.model.values import NameForm, PartialDate, Sex
from tests.support.tables import table

BORN = "1985-03-12"

ONE_OF_MANY = [
    ("HENG", "HENG Sopheap"),
    ("Sopheap", "HENG Sopheap"),
    ("វណ្ណា", "SOK Vanna"),
    ("វណ្ណា", "សុខ វណ្ណា"),
    ("Vanna", "សុខ វណ្ណា"),
    ("ใจดี", "Somchai Jaidee"),
    ("Somchay", "สมชาย ใจดี"),
    ("ຄຳຫຼ້າ", "Khamla Xayavong"),
    ("Hùng", "NGUYEN VAN HUNG"),
    ("محمد", "Mohammad Rahmani"),
    ("Mai", "阮氏梅"),
    ("小明", "王小明"),
]


def _score(
    asked: str, held: str, birth: str = BORN, held_birth: str = BORN, thresholds: Thresholds = USUAL, **more: str
) -> Match | None:
    query = PersonQuery(
        (NameForm(asked),),
        PartialDate(birth) if birth else None,
        Sex(more["sex"]) if "sex" in more else None,
        father=more.get("father", ""),
    )
    features = PersonFeatures(
        (held,),
        PartialDate(held_birth) if held_birth else None,
        more.get("held_sex", ""),
        "",
        more.get("held_father", ""),
    )
    return score_person(query, features, thresholds)


@table(("word", "name"), ONE_OF_MANY)
@table("thresholds", [USUAL, WIDE], ids=["usual", "wide"])
def test_one_word_and_the_full_birth_date_are_possible(word: str, name: str, thresholds: Thresholds) -> None:
    for match in (_score(word, name, thresholds=thresholds), _score(name, word, thresholds=thresholds)):
        assert match is not None
        assert match.quality is Quality.POSSIBLE


@table(("word", "name"), ONE_OF_MANY)
def test_strict_thresholds_do_not_count_one_word(word: str, name: str) -> None:
    assert _score(word, name, thresholds=STRICT) is None


@table(
    ("word", "name"),
    [("HENG", "HONG Sopheap"), ("វណ្ណា", "សុខ សុវណ្ណ"), ("Win", "Kyaw Min"), ("章", "张伟"), ("Ly", "Lay Sok")],
)
def test_a_word_that_is_none_of_the_name_finds_nothing(word: str, name: str) -> None:
    assert _score(word, name) is None


@table(
    ("birth", "held"),
    [("", ""), ("1985", "1985"), (BORN, ""), (BORN, "1985"), ("1985-01-01", BORN), (BORN, "1985-12-03")],
)
def test_one_word_without_the_full_birth_date_finds_nothing(birth: str, held: str) -> None:
    assert _score("HENG", "HENG Sopheap", birth, held) is None


def test_the_same_father_and_a_year_of_birth_are_enough() -> None:
    match = _score("Sopheap", "HENG Sopheap", "1985", father="Heng Sok", held_father="HENG SOK")
    assert match is not None
    assert match.quality is Quality.POSSIBLE
    assert RULE in match.rules
    assert set(match.rules) <= set(RULES)
    assert _score("Sopheap", "HENG Sopheap", "1985", father="Heng Sok", held_father="CHEA DARA") is None


def test_one_word_of_the_other_sex_finds_nothing() -> None:
    assert _score("HENG", "HENG Sopheap", sex="M", held_sex="F") is None


def test_a_person_of_one_name_is_found_as_before() -> None:
    match = _score("Sukarno", "SUKARNO", thresholds=STRICT)
    assert match is not None
    assert match.quality is Quality.STRONG


@table(
    ("names", "one"),
    [
        (("HENG",), True),
        (("Mr. HENG",), True),
        (("វណ្ណា",), True),
        (("HENG", "HENG Sopheap"), False),
        (("សុខសុវណ្ណ",), False),
        (("สมชายใจดี",), False),
        (("ကျော်ဇင်သန့်",), False),
        (("ဝင်း",), True),
        (("张伟",), False),
        (("XXX",), False),
    ],
)
def test_a_question_by_one_word_is_known(names: tuple[str, ...], one: bool) -> None:
    assert asks_for_one_word(PersonQuery(tuple(map(NameForm, names)))) is one


def test_a_question_by_number_has_no_words() -> None:
    assert not asks_for_one_word(ContainerQuery("CSQU3054383"))
