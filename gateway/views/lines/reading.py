"""Describe the reading of an identifier."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.records.identifiers.reading import Reading
from gateway.views.lines import Line


def reading_lines(reading: Reading) -> Iterator[Line]:
    """Yield the parts of an identifier, and what is wrong with it."""
    yield f"{reading.kind}: {'right' if reading.valid else 'not right'}", "good" if reading.valid else "bad"
    for line in reading.text.split("\n"):
        yield f"  {line}"
    for name, value in reading.parts.items():
        yield f"  {name.replace('_', ' ')}: {_shown(value)}"
    for problem in reading.problems:
        yield f"  wrong: {problem}", "bad"
    for remark in reading.remarks:
        yield f"  note: {remark}", "warn"


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')} {'right' if each else 'wrong'}" for name, each in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) if isinstance(value, list) else str(value)
