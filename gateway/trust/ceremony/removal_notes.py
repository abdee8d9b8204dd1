"""Notes about keys that a home's own status removed: since when, and why.

A status has no place for either, and nodes of 0.1.0 refuse unknown fields. The next descriptor says since when a key
proves nothing; until the authority signs it, the note keeps that time. The reason stays at home.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from gateway.conversion import converter
from gateway.host.durable import make_folder, replace

FILE = "removals.jsonl"
"""The file of the notes, in a home's folder of trust."""


class RemovalNote(msgspec.Struct, frozen=True):
    """A key that was removed at `at_us`, and that proves nothing from `since_us` on."""

    key_id: str
    use: str
    at_us: int
    since_us: int
    reason: str


_note = converter(RemovalNote)


def read_notes(trust: Path) -> list[RemovalNote]:
    """Return all notes of a home, the oldest first. A line that cannot be read is left out."""
    found = []
    try:
        lines = (trust / FILE).read_bytes().splitlines()
    except FileNotFoundError:
        return []
    for line in lines:
        try:
            found.append(_note(msgspec.json.decode(line)))
        except msgspec.DecodeError:  # a removal must not wait for a note that a hand has changed
            continue
    return found


def add_notes(trust: Path, notes: Iterable[RemovalNote]) -> None:
    """Add notes, durably."""
    make_folder(trust)
    lines = [msgspec.json.encode(note) + b"\n" for note in (*read_notes(trust), *notes)]
    replace(trust / FILE, b"".join(lines))


def replace_notes(trust: Path, notes: Iterable[RemovalNote]) -> None:
    """Put notes, durably, in the place of those of the same keys and times of removal."""
    changed = {(note.key_id, note.at_us): note for note in notes}
    lines = [msgspec.json.encode(changed.get((note.key_id, note.at_us), note)) + b"\n" for note in read_notes(trust)]
    replace(trust / FILE, b"".join(lines))


def compromised_times(trust: Path) -> dict[str, int]:
    """Return the times from which removed keys prove nothing, by their ids; of several times the earliest."""
    found: dict[str, int] = {}
    for note in read_notes(trust):
        found[note.key_id] = min(note.since_us, found.get(note.key_id, note.since_us))
    return found
