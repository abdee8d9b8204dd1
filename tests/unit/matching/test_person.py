"""Scores of persons: what the birth date, the sex and the name have to say (RULE-NAMES-10 and RULE-NAMES-12)."""

from __future__ import annotations

import pytest

from gateway.matching.dates import BirthFit, compare_births
from gateway.matching.explain import RULES, explain
from gateway.matching.person import PersonFeatures, score_person
from gateway.matching.thresholds import RANKED
from gateway.model.hit import Match, Quality
from gateway.model.query import PersonQuery
from gateway.model.values import NameForm, PartialDate, Sex
from tests.support.tables import table


def _score(
    asked: str, held: str, birth: str = "", held_birth: str = "", sex: Sex | None = None, held_sex: str = ""
) -> Match | None:
    query = PersonQuery((NameForm(asked),), PartialDate(birth) if birth else None, sex)
    return score_person(query, PersonFeatures((held,), PartialDate(held_birth) if held_birth else None, held_sex))


@table(
    ("asked", "held", "fit"),
    [
        ("1985-03-02", "1985-03-02", BirthFit.SAME_DAY),
        ("1985", "1985-03-02", BirthFit.COMPATIBLE),
        ("1985-03", "1985-03-02", BirthFit.COMPATIBLE),
        ("1985-03-02", "1985", BirthFit.COMPATIBLE),
        ("1985-01-01", "1985-03-02", BirthFit.PLACEHOLDER),
        ("1985-03-02", "1985-02-03", BirthFit.SWAPPED),
        ("1985-03-02", "1985-03-22", BirthFit.TYPO),
        ("1985-03-12", "1985-03-21", BirthFit.TYPO),
        ("1984", "1985-03-02", BirthFit.NEAR),
        ("1985-03-02", "", BirthFit.MISSING),
        ("", "1985-03-02", BirthFit.NOT_ASKED),
        ("1985-03-02", "1972-11-19", BirthFit.CONFLICT),
        ("1957-05-01", "1975-05-01", BirthFit.CONFLICT),
        ("1927-02-18", "1957-02-18", BirthFit.CONFLICT),
        ("1980", "1985", BirthFit.CONFLICT),
    ],
)
def test_births_are_compared_as_intervals(asked: str, held: str, fit: BirthFit) -> None:
    assert compare_births(PartialDate(asked) if asked else None, PartialDate(held) if held else None) is fit


def test_a_name_and_its_birth_date_are_strong() -> None:
    match = _score("สมชาย ใจดี", "SOMCHAI JAIDEE", "1985-03-02", "1985-03-02")
    assert match is not None
    assert match.quality is Quality.STRONG
    assert "name-romanised" in match.rules
    assert "birth-same-day" in match.rules


def test_two_full_dates_that_conflict_veto_the_same_name() -> None:
    assert _score("Nguyen Van Hung", "Nguyen Van Hung", "1985-03-02", "1972-11-19") is None


@table(("birth", "held"), [("", ""), ("1985-03-02", ""), ("1985-03-02", "1985-02-03"), ("1984", "1985")])
def test_a_birth_date_that_is_missing_or_only_near_is_possible_at_most(birth: str, held: str) -> None:
    match = _score("Sok Sovann", "SOK SOVANN", birth, held)
    assert match is not None
    assert match.quality is Quality.POSSIBLE


def test_the_less_the_date_says_the_more_the_name_must() -> None:
    assert _score("Chaiphat Prasert", "CHAIPHAT PRASIT", "1985-03-02", "1985-03-02") is not None
    assert _score("Chaiphat Prasert", "CHAIPHAT PRASIT", "1985-03-02", "") is None


def _ranked(asked: str, held: str, birth: str, held_birth: str, sex: tuple[Sex | None, str] = (None, "")) -> Match:
    query = PersonQuery((NameForm(asked),), PartialDate(birth) if birth else None, sex[0])
    match = score_person(
        query, PersonFeatures((held,), PartialDate(held_birth) if held_birth else None, sex[1]), RANKED
    )
    assert match is not None
    return match


@pytest.mark.parametrize(
    ("asked", "held"), [("Emma Plane", "Emma White"), ("Hare Tabitha", "Holly Hare"), ("Trey Hle", "Trey Held")]
)
def test_a_word_that_agrees_on_the_same_day_stands_above_names_that_are_only_near(asked: str, held: str) -> None:
    """A marriage or a nickname changes a word; a stranger with a near name has another birth date or none."""
    kept = _ranked(asked, held, "1966-11-23", "1966-11-23")
    assert kept.quality is Quality.POSSIBLE
    for birth, held_birth in (("1966-11-23", ""), ("", "1966-11-23"), ("1966-11-23", "1966-11-24")):
        assert kept.score > _ranked("Oliver Riding", "Alice Riding", birth, held_birth).score
    assert kept.score > _ranked("Oliver Hyles", "Emiily Skailes", "1975-03-23", "1975-03-23").score


def test_a_word_that_agrees_on_the_same_day_makes_no_match_that_was_none() -> None:
    assert _score("Emma Plane", "Emma White", "1966-11-23", "1966-11-23") is None


def test_a_word_that_many_share_and_a_contradiction_lift_nothing() -> None:
    day = "1966-11-23"
    rare, common = _ranked("Seamus Wolt", "Brooke Wolt", day, day), _ranked("Seamus Nguyen", "Brooke Nguyen", day, day)
    assert common.score < rare.score - 0.2
    other_sex = _ranked("Seamus Wolt", "Brooke Wolt", day, day, (Sex.MALE, "F"))
    assert other_sex.score < rare.score - 0.2


def test_the_same_whole_name_of_another_day_stands_above_another_name_without_a_day() -> None:
    same = _ranked("George Hope", "George Hope", "1937-03-05", "1976-06-29")
    assert same.score > _ranked("George Hope", "Georgia White", "1937-03-05", "").score


def test_a_sex_that_differs_lowers_the_score_and_is_said() -> None:
    plain = _score("Sok Sovann", "Sok Sovann", "1985-03-02", "1985-03-02", Sex.MALE, "M")
    differing = _score("Sok Sovann", "Sok Sovann", "1985-03-02", "1985-03-02", Sex.MALE, "F")
    assert plain is not None
    assert differing is not None
    assert differing.score < plain.score
    assert "sex-conflict" in differing.rules


@pytest.mark.parametrize(
    ("asked", "held"),
    [("Nguyễn Văn Hùng", "Nguyễn Văn Hưng"), ("张伟", "章伟"), ("สุภาพ ใจดี", "สุพาบ ใจดี")],
)
def test_names_that_their_own_script_tells_apart_are_never_strong(asked: str, held: str) -> None:
    match = _score(asked, held, "1985-03-02", "1985-03-02")
    assert match is None or match.quality is Quality.POSSIBLE


def test_a_sex_that_differs_is_never_strong() -> None:
    match = _score("Sok Sovann", "Sok Sovann", "1985-03-02", "1985-03-02", Sex.MALE, "F")
    assert match is not None
    assert match.quality is Quality.POSSIBLE


def test_a_surname_that_may_be_a_title_tells_no_sex_against_a_field() -> None:
    match = _score("Ma Long", "MA LONG", "1985-03-02", "1985-03-02", held_sex="M")
    assert match is not None
    assert "sex-conflict" not in match.rules


def test_titles_of_different_sex_keep_names_apart() -> None:
    assert _score("Saw Thein", "Naw Thein") is None


def test_any_of_several_names_of_a_row_can_fit() -> None:
    query = PersonQuery((NameForm("AH CHOU"),), PartialDate("1971-05-12"))
    match = score_person(query, PersonFeatures(("SUTHEP SAMSAENG", "AH CHOU"), PartialDate("1971-05-12")))
    assert match is not None
    assert match.quality is Quality.STRONG


def test_a_row_without_a_usable_name_fits_nobody() -> None:
    assert _score("Sok Sovann", "XXX", "1985-03-02", "1985-03-02") is None


def test_every_rule_is_explained_in_words() -> None:
    match = _score("สมชาย ใจดี", "JAIDEE SOMCHAI", "1985-03-02", "1985")
    assert match is not None
    assert set(match.rules) <= set(RULES)
    assert all(fit.rule in RULES for fit in BirthFit if fit is not BirthFit.CONFLICT)
    assert explain(["birth-missing", "of-a-newer-version"]) == [RULES["birth-missing"], "of-a-newer-version"]


def test_the_reason_is_that_of_the_name_in_the_script_of_the_question() -> None:
    query = PersonQuery((NameForm("SOK VANNA"),), PartialDate("1985-03-12"))
    for names in (("សុខ វណ្ណា", "Sok Vanna"), ("Sok Vanna", "សុខ វណ្ណា")):
        match = score_person(query, PersonFeatures(names, PartialDate("1985-03-12")))
        assert match is not None
        assert "name-exact" in match.rules
        assert "name-romanised" not in match.rules
