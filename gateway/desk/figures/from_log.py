"""Take from the statistics of the log what the figures of a month need: questions, refusals, records, marks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.audit.entries.entry import Entry
from gateway.audit.reading.opened import Opened
from gateway.audit.statistics.statistics import Stats
from gateway.desk.figures.tally import OURS, THEIRS, Tally
from gateway.ports.entries import events

_OURS = {
    "asked": ("question", "sent"),
    "late": ("question", "late"),
    "silent": ("question", "silent"),
    "too-many": ("question", "too-many"),
    "received-outcome": ("question", ""),
    "received-refusal": ("refusal", ""),
    "received-type": ("record", ""),
    "received-hit-only": ("hit-only", ""),
    "mark": ("mark", ""),
    "denied": ("denied", ""),
    "alarm": ("alarm", ""),
    "key-destroyed": ("erasure-of-persons", ""),
}
_THEIRS = {
    "served": ("question", "sent"),
    "served-outcome": ("question", ""),
    "served-refusal": ("refusal", ""),
    "served-type": ("record", ""),
    "served-hit-only": ("hit-only", ""),
    "turned-away": ("turned-away", ""),
}
"""The measures of the log, each with that of the figures and its value; an empty one is the log's own."""

_ASKED = events.kinds(events.RECEIVED, events.LATE, events.SILENT, events.TOO_MANY, events.ABANDONED)
_SERVED = events.kinds(events.ANSWERED, events.REFUSED)


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose figures are counted: with one counterpart or (`peer` empty) with all, of one office of ours or of all.

    `facing` is the office of theirs that is counted with `office`.
    """

    peer: str = ""
    office: str = ""
    facing: str = ""


def with_peer(scope: Scope) -> Callable[[Entry], bool]:
    """Return what tells by the public part of an entry whether it can belong to the figures: the others stay closed."""
    return lambda entry: not scope.peer or entry.peer == scope.peer


def entries_of(scope: Scope) -> Callable[[Opened], bool]:
    """Return what tells whether an entry of the log belongs to the figures.

    The entry of an answer to us does not name our office: the one of its question does, and comes before it.
    """
    asked: set[str] = set()

    def belongs(opened: Opened) -> bool:
        entry, private = opened.entry, opened.private or {}
        if private.get("thread") or (scope.peer and entry.peer != scope.peer):
            return False
        if not scope.office:
            return True
        if entry.kind == events.ASKED.kind and private.get("office") == scope.office:
            asked.add(entry.exchange_id)
            return True
        if entry.kind == events.DESK_ACT.kind:
            return bool(private.get("office") == scope.office)
        if entry.kind in _ASKED:
            known = entry.exchange_id in asked
            asked.discard(entry.exchange_id)
            return known
        requester = private.get("requester")
        is_theirs = isinstance(requester, list) and len(requester) > 1 and requester[1] == scope.facing
        return bool(scope.facing) and entry.kind in _SERVED and is_theirs

    return belongs


def add_log(tally: Tally, stats: Stats) -> None:
    """Add what the log shows."""
    for cell, number in stats.counts.items():
        for side, table in ((OURS, _OURS), (THEIRS, _THEIRS)):
            if cell.measure in table:
                measure, value = table[cell.measure]
                tally.count(measure, value or cell.value, side, number)
