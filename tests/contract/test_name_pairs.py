"""What the name matching reaches on the shared test data: name pairs, agency databases."""

from __future__ import annotations

import csv

import pytest

from gateway.matching.person import PersonFeatures, score_person
from gateway.model.query import PersonQuery
from gateway.model.values import NameForm, PartialDate, Sex
from tests.support.evaluate_agencies import Figures, evaluate
from tests.support.shared import shared_path


@pytest.fixture(scope="module")
def figures() -> dict[str, Figures]:
    return evaluate(shared_path() / "data" / "agencies" / "built")


def test_persons_in_latin_letters_are_found(figures: dict[str, Figures]) -> None:
    assert figures["person"].recall_any >= 0.99, figures["person"].missed
    assert figures["person"].recall_rows >= 0.98


def test_persons_in_local_script_are_found(figures: dict[str, Figures]) -> None:
    assert figures["person_local"].recall_any >= 0.99, figures["person_local"].missed
    assert figures["person_local"].recall_rows >= 0.95


def test_listed_persons_are_found_by_any_of_their_names(figures: dict[str, Figures]) -> None:
    assert figures["listed_name"].recall_any >= 0.98, figures["listed_name"].missed


def test_absent_persons_hit_nothing_but_rows_without_a_birth_date(figures: dict[str, Figures]) -> None:
    assert figures["person_absent"].strong == 0
    assert figures["person_absent"].dated == 0


def test_found_persons_bring_few_others(figures: dict[str, Figures]) -> None:
    for kind in ("person", "person_local"):
        assert figures[kind].dated <= 2


def test_pairs_of_the_mekong_are_told_apart() -> None:
    path = shared_path() / "data" / "name_pairs_mekong" / "pairs.csv"
    with path.open(encoding="utf-8", newline="") as file:
        pairs = list(csv.DictReader(file))
    wrong = [f"{pair['left']} / {pair['right']}" for pair in pairs if _fits(pair) != (pair["same"] == "1")]
    assert not wrong


def _fits(pair: dict[str, str]) -> bool:
    asked, birth, sex, father = _cell(pair["left"])
    held, held_birth, held_sex, held_father = _cell(pair["right"])
    query = PersonQuery((NameForm(asked),), birth, Sex(sex) if sex else None, father=father)
    return score_person(query, PersonFeatures((held,), held_birth, held_sex, father=held_father)) is not None


def _cell(text: str) -> tuple[str, PartialDate | None, str, str]:
    name, _, rest = text.partition(" | ")
    facts = dict(part.strip().split("=", 1) for part in rest.split(";") if "=" in part)
    return name, _birth(facts.get("dob", "")), facts.get("sex", ""), facts.get("father", "")


def _birth(text: str) -> PartialDate | None:
    """A date of the pairs; Buddhist-era years begin on 1 April before 1941."""
    if not text.endswith(" BE"):
        return PartialDate(text) if text else None
    year, month = int(text[:4]), int(text[5:7])
    year -= 542 if year < 2484 and month <= 3 else 543
    return PartialDate(f"{year}{text[4:10]}")
