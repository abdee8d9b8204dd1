"""Tries the tests beside a mapping (`[[expect]]`) on its source: each names a row and what its record must be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from adapters.check.conformance import BUDGET
from adapters.indexed import RowSource
from adapters.mapping.mapping import Expectation
from gateway.clock import Clock
from gateway.errors import LiaisonError, Malformed, Unknown


@dataclass(frozen=True, slots=True)
class Unmet:
    """An expectation that a source does not meet: why, where it stands, and the values that are there instead.

    `message` quotes no value of a row.
    """

    key: str
    message: str
    where: str
    found: dict[str, Any] = field(default_factory=dict)


def unmet(source: RowSource, clock: Clock) -> Iterator[Unmet]:
    """Yield each expectation of the mapping that does not hold now. Raises `TimedOut`, `Unavailable`."""
    for each in source.mapping.expectations:
        where = f"{source.mapping.file}:{each.line}"
        try:
            problem, found = _tried(source, each, clock)
        except Unknown:
            problem, found = "there is no such row", {}
        except Malformed as error:
            problem, found = f"its row is left out ({error.message})", {}
        if problem:
            yield Unmet(each.key, f"a `{each.record_type}` is not as expected: {problem}", where, found)


def _tried(source: RowSource, expected: Expectation, clock: Clock) -> tuple[str, dict[str, Any]]:
    """Return what is wrong with a record, and its values there; empty when nothing is."""
    builder = source.builders[expected.record_type]
    rows = source.read(expected.record_type, expected.key, {}, clock.monotonic() + BUDGET)
    last = builder.last_day(rows)
    if (builder.is_live(rows) and not 0 < last < clock.now().date().toordinal()) is not expected.counts:
        return "its row does not count" if expected.counts else "its row counts", {}
    if not expected.counts:
        return "", {}
    built = builder.build(rows)
    fields = built.record.fields
    wrong = {name: fields.get(name) for name, value in expected.fields.items() if not fits(value, fields.get(name))}
    wrong |= {name: fields[name] for name in expected.absent if name in fields}
    decided = {
        "category": (expected.category, built.record.category.value),
        "level": (expected.level, built.record.marking.level.value),
    }
    wrong |= {name: now for name, (wanted, now) in decided.items() if wanted and wanted != now}
    return ", ".join(f"`{name}`" for name in wrong), wrong


def fits(expected: Any, found: Any) -> bool:
    """Tell whether a value is as expected.

    An object has the expected members, and maybe others; a text stands for its first member. A list has the expected
    items and no others, in any order; a single value stands for a list of one.
    """
    if found is None:
        return False
    if isinstance(found, list):
        wanted = expected if isinstance(expected, list) else [expected]
        return len(wanted) == len(found) and _each_once(wanted, list(found))
    if isinstance(expected, list):
        return len(expected) == 1 and fits(expected[0], found)
    if isinstance(expected, dict):
        return isinstance(found, dict) and all(fits(value, found.get(name)) for name, value in expected.items())
    if isinstance(found, dict):
        return fits(expected, next(iter(found.values()), None))
    return expected is found if isinstance(found, bool) else str(expected) == str(found)


def _each_once(wanted: list[Any], found: list[Any]) -> bool:
    for value in wanted:
        place = next((at for at, item in enumerate(found) if fits(value, item)), None)
        if place is None:
            return False
        del found[place]
    return True


def check_expectations(source: RowSource, clock: Clock) -> tuple[Unmet, ...]:
    """Return all expectations that do not hold, or that cannot be tried, with the reason."""
    try:
        return tuple(unmet(source, clock))
    except LiaisonError as error:
        return (Unmet("", f"the mapping's expectations cannot be tried: {error.message}", source.mapping.file),)
