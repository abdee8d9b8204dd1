"""Compare what leaves under two policies, field by field: also what no rule's name and no case tells."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from policy.review.matrix import Row

_Key: TypeAlias = tuple[str, str, str, str]
"""Recipient (`th.police`), purpose, record type, subject."""

_Fields: TypeAlias = tuple[frozenset[str], frozenset[str], frozenset[str]]
"""The fields that leave with a case number, those for which the ticket of a control is enough, and those that a human
may let out."""

_NOTHING: _Fields = (frozenset(), frozenset(), frozenset())
_NEEDS = ("a case number", "the ticket of a control", "a human who lets it out")


@dataclass(frozen=True, slots=True)
class ReleaseChange:
    """Fields of a record type that newly leave, or leave no more: to whom, for which purposes, and what they need."""

    leaves: bool
    record_type: str
    subject: str
    fields: tuple[str, ...]
    needs: str
    purposes: tuple[str, ...]
    recipients: tuple[str, ...]

    @property
    def words(self) -> str:
        """The change in one sentence."""
        kind = self.record_type if self.subject == "ordinary" else f"{self.record_type} ({self.subject})"
        said = "newly leaves" if self.leaves else "no longer leaves"
        whom, why = ", ".join(self.recipients), ", ".join(self.purposes)
        return f"{said}: {', '.join(self.fields)} of {kind}, to {whom} for {why}, with {self.needs}"


def release_changes(old: Iterable[Row], new: Iterable[Row]) -> list[ReleaseChange]:
    """Return the changes between two tables of released fields; what newly leaves comes first."""
    purposes: dict[tuple[tuple[bool, str, str, tuple[str, ...], str], str], list[str]] = defaultdict(list)
    for (recipient, purpose, record_type, subject), leaves, fields, needs in _changed(_merged(old), _merged(new)):
        purposes[(not leaves, record_type, subject, fields, needs), recipient].append(purpose)
    recipients: dict[tuple[tuple[bool, str, str, tuple[str, ...], str], tuple[str, ...]], list[str]] = defaultdict(list)
    for (what, recipient), found in purposes.items():
        recipients[what, tuple(found)].append(recipient)
    return [
        ReleaseChange(not gone, record_type, subject, fields, needs, why, tuple(whom))
        for ((gone, record_type, subject, fields, needs), why), whom in sorted(recipients.items())
    ]


def _merged(rows: Iterable[Row]) -> dict[_Key, _Fields]:
    """Return the fields by key; where several agreements cover the same, what leaves under any of them."""
    merged: dict[_Key, _Fields] = {}
    for row in rows:
        key = (f"{row.counterpart}.{row.agency}", row.purpose, row.record_type, row.subject)
        with_case, with_ticket, with_human = merged.get(key, _NOTHING)
        merged[key] = (with_case | row.with_case, with_ticket | row.with_ticket, with_human | row.with_human)
    return merged


def _changed(
    old: Mapping[_Key, _Fields], new: Mapping[_Key, _Fields]
) -> Iterator[tuple[_Key, bool, tuple[str, ...], str]]:
    """Yield each key with fields that newly leave (True) or leave no more; a field with a ticket is not told twice."""
    for key in sorted(old.keys() | new.keys()):
        before, after = old.get(key, _NOTHING), new.get(key, _NOTHING)
        for leaves, more, less in ((True, after, before), (False, before, after)):
            by_case, by_ticket, by_human = (each - other for each, other in zip(more, less, strict=True))
            told = by_case - by_ticket, by_ticket, by_human - by_case - by_ticket
            for fields, needs in zip(told, _NEEDS, strict=True):
                if fields:
                    yield key, leaves, tuple(sorted(fields)), needs
