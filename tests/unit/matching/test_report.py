"""Thresholds as policy hands them in, the father's name, and the explanation of a comparison."""

from __future__ import annotations

from gateway.matching.dates import BirthFit
from gateway.matching.person import PersonFeatures, score_person
from gateway.matching.report import NONE, compare
from gateway.matching.thresholds import RANKED, SETS, STRICT, USUAL, WIDE
from gateway.model.hit import Quality
from gateway.model.query import PersonQuery
from gateway.model.values import NameForm, PartialDate
from tests.support.tables import table


def _query(name: str, birth: str = "", father: str = "") -> PersonQuery:
    return PersonQuery((NameForm(name),), PartialDate(birth) if birth else None, father=father)


@table("birth", [fit for fit in BirthFit if fit is not BirthFit.CONFLICT])
def test_a_border_asks_for_more_and_a_missing_person_for_less(birth: BirthFit) -> None:
    assert STRICT.floor(birth) >= USUAL.floor(birth) >= WIDE.floor(birth)


def test_dates_that_conflict_count_only_for_measuring() -> None:
    query = _query("Nguyen Van Hung", "1985-03-02")
    held = PersonFeatures(("Nguyen Van Hung",), PartialDate("1972-11-19"))
    for thresholds in (USUAL, STRICT, WIDE):
        assert score_person(query, held, thresholds) is None
    ranked = score_person(query, held, RANKED)
    assert ranked is not None
    assert ranked.quality is Quality.POSSIBLE
    assert ranked.score < 0.5


def test_the_same_names_count_or_not_by_the_thresholds_handed_in() -> None:
    query, held = _query("Chaiphat Prasert"), PersonFeatures(("CHAIPHET PRASIT",), None)
    assert score_person(query, held, WIDE) is not None
    assert score_person(query, held, STRICT) is None


def test_a_father_of_another_name_keeps_two_of_one_name_apart() -> None:
    held = PersonFeatures(("Aye Aye Mon",), PartialDate("1991-02-10"), father="U Tin")
    assert score_person(_query("Aye Aye Mon", "1991-02-10", "U Hla"), held) is None
    same = score_person(_query("Aye Aye Mon", "1991-02-10", "Tin"), held)
    unknown = score_person(_query("Aye Aye Mon", "1991-02-10"), held)
    assert same is not None
    assert same == unknown
    assert same.quality is Quality.STRONG


def test_a_comparison_says_script_reading_keys_rules_and_class() -> None:
    found = compare(_query("สมชาย ใจดี", "1985-03-02"), PersonFeatures(("Somchay Jaidee",), PartialDate("1985")))
    assert (found.asked.script, found.held.script) == ("Thai", "Latin")
    assert found.asked.readings[0] == "somchai chaidi"
    assert found.keys
    assert found.quality == "STRONG"
    assert "the birth dates agree as far as both are known" in found.because


def test_names_that_are_not_alike_say_so() -> None:
    found = compare(_query("Somchai Jaidee"), PersonFeatures(("Bounmy Vongsa",), None))
    assert found.quality == NONE
    assert found.because


def test_the_sets_are_known_by_name() -> None:
    assert set(SETS) == {"usual", "strict", "wide", "ranked"}
    assert all(each.name == name for name, each in SETS.items())
