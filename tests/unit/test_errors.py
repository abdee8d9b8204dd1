"""Errors carry a template and facts; the English sentence is made when somebody reads it."""

from __future__ import annotations

import copy

from gateway.errors import LiaisonError, Malformed, Unknown, clause, fill
from tests.support.tables import table


def test_a_sentence_is_made_from_template_and_facts() -> None:
    error = Unknown("no file `{file!a}` in {folder}", remedy="make {file}", where="here", file="é", folder="x")
    assert error.message == "no file `'\\xe9'` in x"
    assert error.remedy == "make é"
    assert str(error) == "here: no file `'\\xe9'` in x (make é)"
    assert (error.template, error.facts) == ("no file `{file!a}` in {folder}", {"file": "é", "folder": "x"})


def test_without_facts_braces_mean_nothing() -> None:
    assert str(Malformed("not {json}: {0} {", remedy="}{")) == "not {json}: {0} { (}{)"


def test_a_fact_is_never_read_as_a_template() -> None:
    error = Malformed("they said: {said}", said="{said.__class__} {0} {")
    assert error.message == "they said: {said.__class__} {0} {"


@table("place", ["{name.real}", "{name[0]}", "{other}", "{other:>9}", "{other!r}"])
def test_a_placeholder_that_names_no_fact_stays_visible(place: str) -> None:
    assert fill(place, {"name": 7}) == place.partition(":")[0].partition("!")[0].rstrip("}") + "}"


@table("template", ["{name:x", "{name:%%d}", "}{", "{name!q}"])
def test_a_broken_template_is_told_as_it_is(template: str) -> None:
    assert fill(template, {"name": "n"}) == template


def test_a_fact_that_cannot_be_shown_hides_no_error() -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError

    assert LiaisonError("{broken}", broken=Broken()).message == "{broken}"


def test_a_remedy_that_is_set_later_is_told_as_it_is() -> None:
    for error in (Malformed("{n} files", n=2), Malformed("two files")):
        error.remedy = "run x --name '{n}'"
        assert error.remedy == "run x --name '{n}'"


def test_a_copy_keeps_its_facts() -> None:
    error = copy.copy(Malformed("a head of {count}", where="x", count=5))
    assert (error.message, error.where) == ("a head of 5", "x")


@table(
    ("sentence", "told"),
    [
        ("Input should be 'BORDER_CHECK' or 'Interview'", "input should be 'BORDER_CHECK' or 'Interview'"),
        ("A key is named twice: Aa", "a key is named twice: Aa"),
        ("Missing", "missing"),
        ("JSON input should be a string", "JSON input should be a string"),
        ("C4419027 is no number", "C4419027 is no number"),
        ("th.BLO is unknown", "th.BLO is unknown"),
        ("ประเทศ TH", "ประเทศ TH"),
        ("", ""),
    ],
)
def test_a_clause_changes_the_first_letter_of_a_plain_word_and_no_other(sentence: str, told: str) -> None:
    assert clause(sentence) == told
