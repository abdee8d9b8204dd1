"""Judge content that is not there any more: erased by right, or merely gone.

Content is erased by right if it lay under a key that an entry `key-destroyed` names, was written in that key's month,
and is among the entries that the proof counts, and lists where they are few.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.audit.entries.entry import Entry
from gateway.clock import rfc3339_s
from gateway.errors import LiaisonError, Malformed
from gateway.model.evidence.retention import content_key_id, outside_ranges


@dataclass(frozen=True, slots=True)
class ErasureProof:
    """An entry `key-destroyed`: its place, its time, the ground, and how many entries of each log it erased."""

    log: str
    index: int
    time_us: int
    ground: str
    entries: Mapping[str, int]
    indexes: Mapping[str, str]


def erasure_proof(log: str, entry: Entry, private: Mapping[str, Any]) -> tuple[str, ErasureProof]:
    """Return the destroyed key that an entry names, and its proof. Raises `Malformed` for a bad private part."""
    key_id, ground = private.get("key_id"), private.get("ground", "")
    entries, indexes = private.get("entries", {}), private.get("indexes", {})
    if not isinstance(key_id, str) or not isinstance(ground, str):
        raise Malformed("it names no key", where="key-destroyed")
    if not isinstance(entries, dict) or not all(type(count) is int for count in entries.values()):
        raise Malformed("it counts no entries", where="key-destroyed")
    if not isinstance(indexes, dict) or not all(isinstance(text, str) for text in indexes.values()):
        raise Malformed("it lists no entries", where="key-destroyed")
    return key_id, ErasureProof(log, entry.index, entry.time_us, ground, entries, indexes)


@dataclass(slots=True)
class ErasedEntries:
    """Entries under one key whose content is gone: their indexes, and when the first and last were written.

    `is_lost` says that the key was not destroyed where they were read: its file was not there.
    """

    indexes: array[int] = field(default_factory=lambda: array("Q"))
    first_us: int = 0
    last_us: int = 0
    is_lost: bool = False

    def add(self, index: int, time_us: int, lost: str) -> None:
        """Note an entry; `lost` names its key where the file of that was not there."""
        self.is_lost |= bool(lost)
        self.first_us = min(self.first_us, time_us) if self.indexes else time_us
        self.last_us = max(self.last_us, time_us)
        self.indexes.append(index)

    def merge(self, other: ErasedEntries) -> None:
        """Add the entries of a later segment."""
        self.is_lost |= other.is_lost
        self.first_us = min(self.first_us, other.first_us) if self.indexes else other.first_us
        self.last_us = max(self.last_us, other.last_us)
        self.indexes.extend(other.indexes)


def not_proved(log: str, key_id: str, gone: ErasedEntries, proof: ErasureProof) -> int | None:
    """Return the first entry of `log` that the proof does not cover; None where all of them are gone by right."""
    try:
        key = content_key_id(key_id)
        if not (key.start_us <= gone.first_us and gone.last_us < key.end_us):
            return gone.indexes[0]
        listed = proof.indexes.get(log)
        if listed is not None:
            return outside_ranges(listed, gone.indexes)
    except LiaisonError:
        return gone.indexes[0]
    allowed = proof.entries.get(log, 0)
    return gone.indexes[allowed] if len(gone.indexes) > allowed else None


def told(proof: ErasureProof) -> str:
    """Return the place and the time of the proof's entry, in words."""
    return f"entry {proof.index} of {proof.log} of {rfc3339_s(proof.time_us)}"


def not_shown(ground: str, count: int) -> str:
    """Return the words for content that is rightly absent."""
    entries = "1 entry" if count == 1 else f"{count} entries"
    if ground == "erased":
        return f"the content of {entries} was erased, as the operations log says"
    return f"the content of {entries} is outside the auditor's mandate ({ground})"
