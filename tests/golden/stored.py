"""Compare texts with the golden files of `tests/fixtures/golden`, and write these again."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

from tests.support.shared import PROJECT

FOLDER = PROJECT / "tests" / "fixtures" / "golden"
AGAIN = "where that was meant, run `.venv/bin/python -m tests.golden`, and read its diff before it is committed"
_MOST_LINES = 60
"""The lines of a file's difference that a failure shows."""


def differences(folder: str, made: Mapping[str, str]) -> str:
    """Return how the golden files of a folder differ from what was made, all of them at once; empty where none does."""
    there = {path.name: path.read_text(encoding="utf-8") for path in sorted((FOLDER / folder).glob("*.txt"))}
    told = [part for name in sorted({*there, *made}) for part in _difference(name, there.get(name), made.get(name))]
    return "\n".join([*told, AGAIN]) if told else ""


def _difference(name: str, stored: str | None, made: str | None) -> Iterator[str]:
    if stored == made:
        return
    if stored is None or made is None:
        yield f"{name}: {'this golden file is missing' if stored is None else 'nothing makes this golden file'}"
        return
    lines = list(
        difflib.unified_diff(stored.splitlines(), made.splitlines(), f"golden {name}", f"made {name}", "", "", 2, "")
    )
    yield from lines[:_MOST_LINES]
    if len(lines) > _MOST_LINES:
        yield f"... and {len(lines) - _MOST_LINES} more lines of {name}"


def write(folder: str, made: Mapping[str, str]) -> None:
    """Write the golden files of a folder, and take away those that nothing makes any more."""
    place = FOLDER / folder
    place.mkdir(parents=True, exist_ok=True)
    for path in place.glob("*.txt"):
        if path.name not in made:
            path.unlink()
    for name, text in made.items():
        (place / name).write_text(text, encoding="utf-8")
