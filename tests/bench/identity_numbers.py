"""Measure numbers in all their forms: `python -m tests.bench.identity_numbers [--seed N] [--pairs N] [--json]`.

Identity numbers, travel documents and plates are drawn by seeded chance, townships and Thai provinces from the tables
of the gateway. Each is stored in one form and asked in another. Beside each stands what is nearly the same number: one
of another last digit, one of another place, and one of another province (township with the same Latin syllables). A
number is found where the question meets it. A false merge is a question that meets another number, except one that
differs in a detail that either form leaves out.

The table of townships leaves out rows whose Latin spelling contradicts their letters. A card that was written by such a
row is not among the numbers, and is not found in the other script.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from random import Random

from gateway.matching.identifiers import asked_number, held_numbers
from gateway.model.query import DocumentQuery, NationalIdQuery, NumberQuery, VehicleQuery
from tests.bench import identity_forms, plate_forms
from tests.bench.identity_forms import Number, Scheme, Written

SEED, PAIRS = 7, 500
SCHEMES = (*identity_forms.SCHEMES, *plate_forms.SCHEMES)
_SHOWN = 3
"""The most missed pairs that a row keeps."""


@dataclass(frozen=True, slots=True)
class Row:
    """A number as a record holds it."""

    number: Number
    written: Written
    detail: str


@dataclass(frozen=True, slots=True)
class Figures:
    """How many numbers of a scheme were found, how many questions met another number, and some that were missed."""

    scheme: str
    pairs: int
    found: float
    false: int
    missed: tuple[tuple[str, str], ...]


def measure(scheme: Scheme, seed: int = SEED, pairs: int = PAIRS) -> Figures:
    """Store numbers of a scheme and those near them, and ask for each in another form."""
    dice = Random(f"{seed} {scheme.name}")
    numbers = _distinct(dice, scheme, pairs)
    held = _stored(
        dice, scheme, dict.fromkeys([*numbers, *(other for each in numbers for other in _near(dice, scheme, each))])
    )
    found, false = 0, 0
    missed: list[tuple[str, str]] = []
    for number in numbers:
        asked = scheme.write(dice, number)
        rows = list(_met(held, _query(dice, scheme, asked)))
        false += any(_is_false(number, asked, row) for row in rows)
        if any(row.number == number for row in rows):
            found += 1
        else:
            missed.append((_form_of(held, number), asked.text))
    return Figures(scheme.name, pairs, round(found / pairs, 4), false, tuple(missed[:_SHOWN]))


def _distinct(dice: Random, scheme: Scheme, pairs: int) -> list[Number]:
    numbers: dict[Number, None] = {}
    while len(numbers) < pairs:
        numbers[scheme.draw(dice)] = None
    return list(numbers)


def _near(dice: Random, scheme: Scheme, number: Number) -> Iterator[Number]:
    """Yield the numbers that are nearly `number`: another last digit, place, or detail."""
    yield replace(number, serial=number.serial[:-1] + dice.choice("0123456789".replace(number.serial[-1], "")))
    other = scheme.draw(dice)
    yield replace(other, serial=number.serial)
    if others := [detail for detail in scheme.details(number) if detail != number.detail]:
        yield replace(number, detail=dice.choice(others))


def _stored(dice: Random, scheme: Scheme, numbers: dict[Number, None]) -> dict[str, list[Row]]:
    """Return the rows by the key under which a record holds them."""
    held: dict[str, list[Row]] = defaultdict(list)
    for number in numbers:
        written = scheme.write(dice, number)
        for key, detail in held_numbers({scheme.held_as: [_item(scheme, written)]}, scheme.held_as):
            held[key].append(Row(number, written, detail))
    return held


def _item(scheme: Scheme, written: Written) -> str | dict[str, str]:
    if scheme.held_as == "plates":
        return {"plate": written.text, "province": written.province}
    return {"number": written.text, "scheme": scheme.name} if scheme.held_as == "national_ids" else written.text


def _query(dice: Random, scheme: Scheme, asked: Written) -> NumberQuery:
    if scheme.held_as == "plates":
        return VehicleQuery(asked.text, asked.province)
    if scheme.held_as == "national_ids":
        return NationalIdQuery(asked.text, dice.choice((scheme.name, "")))
    return DocumentQuery(asked.text)


def _met(held: dict[str, list[Row]], query: NumberQuery) -> Iterator[Row]:
    asked = asked_number(query)
    return (row for row in held.get(asked.key, ()) if asked.match(row.detail))


def _is_false(number: Number, asked: Written, row: Row) -> bool:
    """Tell whether a row is of another number, and both forms say so."""
    if row.number == number:
        return False
    same_but_detail = replace(row.number, detail=number.detail) == number
    return not same_but_detail or (asked.whole and row.written.whole)


def _form_of(held: dict[str, list[Row]], number: Number) -> str:
    return next((row.written.text for rows in held.values() for row in rows if row.number == number), "")


def main() -> None:
    """Print a line for each scheme, as a table or as JSON."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seed", type=int, default=SEED)
    options.add_argument("--pairs", type=int, default=PAIRS)
    options.add_argument("--json", action="store_true", help="a line of JSON for each scheme, with missed pairs")
    chosen = options.parse_args()
    if not chosen.json:
        print(f"{'scheme':<10} {'pairs':>6} {'found':>8} {'false':>6}")
    for scheme in SCHEMES:
        row = measure(scheme, chosen.seed, chosen.pairs)
        text = f"{row.scheme:<10} {row.pairs:>6} {row.found:>8.2%} {row.false:>6}"
        print(json.dumps(asdict(row), ensure_ascii=False) if chosen.json else text)


if __name__ == "__main__":
    main()
