"""Small values cannot be set, at run time either; they are equal and hashed by their fields."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from gateway.exchange.answering.job import Findings
from gateway.model.decision import Decision
from gateway.model.marking import Caveat, Marking
from gateway.model.values import PartialDate

VALUES: list[Any] = [Marking(), Decision(True, (), "", "", {})]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_frozen_value_cannot_be_set(value: Any) -> None:
    with pytest.raises(AttributeError):
        setattr(value, value.__struct_fields__[0], None)
    with pytest.raises(AttributeError):
        value.another = 1


def test_values_are_equal_and_hashed_by_their_fields() -> None:
    marked = structs.replace(Marking(), caveats=frozenset({Caveat.PROTECT_SOURCE}))
    assert marked != Marking()
    assert {marked, Marking(), Marking()} == {Marking(), marked}
    assert {PartialDate("1990"), PartialDate("1990")} == {PartialDate("1990")}


def test_what_is_filled_in_on_its_way_has_no_hash_and_no_other_fields() -> None:
    found: Any = Findings("vn.police.records", "police records")
    found.policies = {"a"}
    with pytest.raises(AttributeError):
        found.other = 1
    with pytest.raises(TypeError):
        hash(found)
