"""Numbers drawn from published tables are found in all their forms, and no two of them are taken for one."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from tests.bench.identity_forms import Number, Scheme, Written
from tests.bench.identity_numbers import SCHEMES, measure
from tests.support.tables import table


@pytest.mark.long
@table("scheme", SCHEMES, ids=[scheme.name for scheme in SCHEMES])
@table("seed", [7, 2026])
def test_a_number_is_found_in_each_of_its_forms(scheme: Scheme, seed: int) -> None:
    row = measure(scheme, seed, pairs=100)
    assert row.found >= 0.98, row.missed
    assert row.false == 0


def test_a_form_that_loses_a_digit_counts_as_missed_and_as_a_false_merge() -> None:
    scheme = next(each for each in SCHEMES if each.name == "VNM-CCCD")

    def write(dice: Random, number: Number) -> Written:
        short = replace(number, serial=number.serial[:-1])
        return scheme.write(dice, short if dice.random() < 0.5 else number)

    row = measure(replace(scheme, write=write), pairs=50)
    assert row.found < 0.8
    assert row.false > 0
    assert row.missed


def test_another_province_that_both_forms_should_name_counts_as_a_false_merge() -> None:
    scheme = next(each for each in SCHEMES if each.name == "LAO plate")

    def write(_: Random, plate: Number) -> Written:
        return Written(f"{plate.area[0]} {plate.serial}")

    row = measure(replace(scheme, write=write), pairs=50)
    assert row.found == 1
    assert row.false == 50
