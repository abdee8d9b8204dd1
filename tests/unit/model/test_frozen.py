"""Small values: frozen at run time, equal and hashed by their fields, dataclasses for whoever asks."""

from __future__ import annotations

from dataclasses import asdict, field, fields, replace
from typing import Any, Generic, TypeVar

import pytest

from gateway.model.frozen import changing, frozen

T = TypeVar("T")


@frozen
class Fixed(Generic[T]):
    """A fixed value."""

    first: T
    second: str = "b"
    third: list[int] = field(default_factory=list)

    @property
    def both(self) -> str:
        return f"{self.first}{self.second}"


@changing
class Open:
    name: str
    notes: list[str] = field(default_factory=list)


def test_a_frozen_value_cannot_be_set() -> None:
    value: Any = Fixed("a")
    with pytest.raises(AttributeError):
        value.first = "c"
    with pytest.raises(AttributeError):
        value.fourth = "d"
    assert (value.first, value.both) == ("a", "ab")


def test_values_are_equal_and_hashed_by_their_fields() -> None:
    nothing: Any = ()
    one: Any = Fixed(1, "x", nothing)
    other: Any = Fixed("1", "x", nothing)
    assert one == Fixed(1, "x", nothing)
    assert one != other
    assert len({one, Fixed(1, "x", nothing), other}) == 2
    with pytest.raises(TypeError):
        hash(Open("a"))


def test_each_value_has_a_default_of_its_own() -> None:
    Open("a").notes.append("x")
    assert Open("a").notes == []
    assert Fixed(1).third is not Fixed(1).third


def test_what_is_filled_in_on_its_way_can_be_set_and_has_no_other_fields() -> None:
    made: Any = Open("a")
    made.name = "b"
    assert made == Open("b")
    with pytest.raises(AttributeError):
        made.other = 1


def test_whoever_asks_takes_them_for_dataclasses() -> None:
    value = Fixed(1, third=[2])
    assert replace(value, second="c") == Fixed(1, "c", [2])
    assert asdict(value) == {"first": 1, "second": "b", "third": [2]}
    assert [item.name for item in fields(value)] == ["first", "second", "third"]
    assert Fixed.__doc__ == "A fixed value."
    assert repr(value) == "Fixed(first=1, second='b', third=[2])"
