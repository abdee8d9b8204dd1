"""Name the tables, columns and rows of a pack, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.audit.statistics.statistics import OTHER
from gateway.desk.figures.pack import Pack, Table
from gateway.desk.figures.tally import OURS, THEIRS
from gateway.language.catalogue import Sentences, tell
from gateway.language.countries import with_country
from gateway.language.languages import Language
from gateway.language.sentences import refusal
from gateway.language.terms import ACTIONS, RECORD_TYPES
from gateway.views.desk.words import (
    ABOUT,
    CHANGES,
    OUTCOMES,
    REPLIES,
    SERVICES,
    URGENCIES,
    reason_words,
)

TITLES: Sentences = {
    "question": "Questions and their answers",
    "refusal": "Questions refused, by reason",
    "record": "Records given with an answer, by type",
    "hit-only": "Hits given without a record, by type",
    "reply": "Requests answered, by answer",
    "reply-refused": "Requests refused, by reason",
    "about": "Requests to the desk, by what they are about",
    "follow-up": "Hits that were followed up",
    "extension": "Extensions of retention",
    "error": "Errors told to the owner of a record",
    "mark": "Hits that officers compared",
    "outcome": "What came of it",
    "outcome-asked": "Questions for an outcome",
    "service": "Outages and other words of a node",
    "turned-away": "Minutes in which questions beyond a quota were turned away",
    "saved": "Hours that answers saved",
    "denied": "Questions not allowed at home, by reason",
    "alarm": "Alarms, by reason",
    "erasure-of-persons": "Month keys destroyed (erasure), by ground",
    "availability": "Availability of the node",
}

COLUMNS: Sentences = {
    "asked": "asked",
    "in-clock": "in the time of its class",
    "within-8h": "within 8 hours",
    "within-3d": "within 3 days",
    "within-7d": "within 7 days",
    "later": "later than 7 days",
    "waiting": "not answered",
    "taken-back": "taken back",
    "share-in-clock": "share in time",
    "median": "median, hours",
    "alert": "raised",
    "alert-acknowledged": "acknowledged",
    "alert-hit": "with a hit",
    "alert-not-executed": "not executed",
    "change": "told",
    "change-erased": "erased",
    "change-objected": "objected to",
    "count": "count",
    "kg": "kilograms",
    "pieces": "pieces",
    "percent": "percent",
    "hours": "hours",
    "outages": "outages",
}

_QUESTIONS: Sentences = {
    "sent": "questions sent",
    "hit": "hit",
    "no_hit": "no hit",
    "partial": "partial",
    "not_searched": "not searched",
    "refused": "refused",
    "suspended": "suspended",
    "late": "answered late",
    "silent": "without an answer",
    "too-many": "turned away as too many",
}
_FOLLOWED: Sentences = {
    "disclosed": "with disclosure",
    "undisclosed": "without disclosure",
    "waiting": "not answered yet",
}
_STATES: Sentences = {"granted": "granted", "refused": "refused", "waiting": "not answered yet", "settled": "settled"}
_MARKS: Sentences = {"SAME": "the same", "NOT_SAME": "not the same", "CANNOT_TELL": "cannot tell"}
_ASKED: Sentences = {"answered": "answered", "unanswered": "not answered yet"}
_SAVED: Sentences = {"answered": "questions with a hit or no hit"}
_NODE: Sentences = {"node": "part of the month in which the node ran"}
_REST: Sentences = {"erased": "erased", "lost": "its key is lost", OTHER: "others", "none": "none"}

_ROWS: Mapping[str, Sentences] = {
    "question": _QUESTIONS,
    "ask": URGENCIES,
    "record": RECORD_TYPES,
    "hit-only": RECORD_TYPES,
    "reply": REPLIES,
    "about": ABOUT,
    "follow-up": _FOLLOWED,
    "extension": _STATES,
    "error": _STATES,
    "mark": _MARKS,
    "outcome": OUTCOMES,
    "alert": ACTIONS,
    "change": CHANGES,
    "outcome-asked": _ASKED,
    "service": SERVICES,
    "saved": _SAVED,
    "availability": _NODE,
}
_REASONS = frozenset({"refusal", "denied", "alarm", "turned-away"})

ABOUT_OURS: Sentences = {
    "ask": "Requests of {country}, by urgency",
    "seized": "Seizures told by {country}, by substance",
    "alert": "Alerts of {country}, by what is to be done",
    "change": "Corrections and withdrawals by {country}",
}
"""Titles of tables that stand for one side; the country is whose it is."""


class Words:
    """The words of one pack in one language."""

    def __init__(self, pack: Pack, language: Language) -> None:
        self._pack = pack
        self._language = language

    def title(self, table: Table) -> str:
        """Return the title of a table."""
        if table.side and table.name in ABOUT_OURS:
            return tell(self._language, ABOUT_OURS[table.name], country=self.side(table.side))
        return tell(self._language, TITLES[table.name])

    def side(self, side: str) -> str:
        """Return whose something is: a country, or all others."""
        member = self._pack.member if side.startswith(OURS) else self._pack.peer
        return with_country(member, self._language) if member else tell(self._language, "the others")

    def column(self, column: str) -> str:
        """Return the heading of a column."""
        if column in (OURS, THEIRS):
            return self.side(column)
        if column.endswith("-persons"):
            return tell(self._language, "persons, {country}", country=self.side(column))
        return tell(self._language, COLUMNS[column])

    def row(self, table: Table, value: str) -> str:
        """Return the value of a row in words; a code that is not known as it is."""
        known = _ROWS.get(table.name, {})
        if value in known:
            return tell(self._language, known[value])
        if value in _REST:
            return tell(self._language, _REST[value])
        if table.name in _REASONS:
            return refusal(value, "", self._language) or value
        return reason_words(value, self._language) if table.name == "reply-refused" else value

    def notes(self) -> list[str]:
        """Return how the figures were made, one thought each."""
        language, pack = self._language, self._pack
        hidden = (
            tell(language, "Exact counts: for own use, not to be passed on.")
            if pack.exact
            else tell(language, "Counts under five are hidden, and the others are rounded to five.")
        )
        saved = tell(
            language,
            "Hours saved: each question with a hit or no hit is reckoned as {minutes} minutes of work by hand.",
            minutes=pack.minutes,
        )
        return [
            tell(
                language,
                "A request belongs to the month in which it was written, an outcome to that in which it was told.",
            ),
            tell(
                language,
                "Times are those that both sides signed, so both sides count the same of requests and outcomes.",
            ),
            hidden,
            saved,
        ]
