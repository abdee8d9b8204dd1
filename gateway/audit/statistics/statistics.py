"""Statistics that a node's logs can give (domain, section 4.2): by month and counterpart, without personal data.

Counts are exact here. `published` turns them into those that may be shown outside: small counts are hidden, and the
others are rounded, so that no small one can be worked out from a sum.
"""

from __future__ import annotations

import statistics
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from gateway.audit.reading.opened import Opened, OpenedLogs, hits_of
from gateway.audit.statistics.consents import ConsentNotices, within
from gateway.audit.statistics.period import period_of
from gateway.audit.statistics.uptime import Uptime
from gateway.clock import DAY_US, from_us
from gateway.model.exchange import Outcome
from gateway.ports.entries import events
from gateway.ports.journal import LogName

SMALLEST: Final = 5
"""Counts below this one are hidden, and the others are rounded to a multiple of it."""

OTHER: Final = "other"
FOLDED: Final = frozenset({"served-agency", "received-refusal", "notice-turned-down"})
"""Measures whose values a counterpart chooses: one that is rare in its month could point to a person."""

UNKNOWN: Final = "erased"
"""The value that stands for erased content."""

LOST: Final = "lost"
"""The value that stands for content under a key whose file is gone."""

Progress = Callable[[int, int], None]
"""Called with the number of entries that were read, and of all."""

_Place = tuple[str, str, str, str]
"""A cell while it is counted: a tuple is hashed sooner."""

_STEP = 8_192
_MS: Final = 1_000
_MAX_WAITING = 100_000
"""Questions whose answer is looked for at one time; older ones count as without an answer."""


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """The subject of a count: a measure (`MEASURES`) in a month, with one counterpart or none, for one value or all."""

    month: str
    counterpart: str
    measure: str
    value: str = ""


MEASURES: Final[dict[str, str]] = {
    "asked": "questions sent",
    "asked-purpose": "questions sent, by purpose",
    "asked-offence": "questions sent, by offence",
    "asked-agency": "questions sent, by own agency",
    "asked-query": "questions sent, by what was looked for",
    "received": "answers that came in time",
    "late": "answers that came late",
    "silent": "questions without an answer that was accepted",
    "not-accepted": "answers that did not verify here, and connections that our node refused, by reason; their "
    "questions are among those without an answer",
    "too-many": "questions that the counterpart turned away unread, beyond a limit of its own",
    "abandoned": "questions whose answer was not waited for, since the node stopped",
    "received-outcome": "answers received, by outcome",
    "received-partial": "answers received that lack some sources, by outcome",
    "received-refusal": "refusals received, by reason",
    "received-type": "records received, by type",
    "received-hit-only": "hits received without a record, by type",
    "served": "questions received",
    "served-purpose": "questions received, by purpose",
    "served-offence": "questions received, by offence",
    "served-agency": "questions received, by the counterpart's agency",
    "served-query": "questions received, by what was looked for",
    "served-outcome": "questions received, by outcome",
    "served-partial": "answers given that lack some sources, by outcome",
    "served-refusal": "refusals given, by reason",
    "served-type": "records given, by type",
    "served-hit-only": "hits given without a record, by type",
    "notice-sent": "notices to be delivered, by type",
    "notice-delivered": "notices that the counterpart took, by type",
    "notice-turned-down": "notices that the counterpart refused, by reason",
    "notice-undelivered": "notices whose time was over before they were taken, by type",
    "notice-taken": "notices taken, by type",
    "notice-refused": "notices refused, by reason",
    "repeated": "repeated questions and notices, given the stored answer",
    "own": "questions to own agencies alone, by outcome",
    "own-partial": "questions to own agencies of which some sources did not answer, by outcome",
    "denied": "questions not allowed at home, by reason",
    "onward-allowed": "onward uses allowed, by use",
    "onward-refused": "onward uses refused, by reason",
    "consent-asked": "owners asked for consent, by use",
    "consent-received": "owners' words on consent, by state",
    "consent-requested": "requests for consent received, by use",
    "consent-decided": "requests for consent decided, by decision",
    "consent-time": "requests for consent decided, by time taken",
    "copy-deleted": "copies of received records deleted, by ground",
    "key-destroyed": "month keys destroyed (erasure), by ground",
    "mark": "hits that our officers compared, by what they said",
    "suspend": "suspensions, by scope",
    "source-failed": "failures of sources, by source",
    "alarm": "alarms, by reason",
    "turned-away": "minutes in which requests were turned away beyond a limit, by limit",
}
"""Every measure, with what it counts."""

DAILY: Final = frozenset(
    {"asked", "received", "late", "silent", "too-many", "received-outcome", "served", "served-outcome"}
)
"""Measures that are counted by days, too: they say how the work of a month was spread."""

_LISTED = {
    events.DENIED.kind: "code",
    events.ONWARD_ALLOWED.kind: "use",
    events.ONWARD_REFUSED.kind: "code",
    events.CONSENT_ASKED.kind: "use",
    events.CONSENT_RECEIVED.kind: "state",
    events.COPY_DELETED.kind: "ground",
    events.KEY_DESTROYED.kind: "ground",
    events.SUSPEND.kind: "scope",
    events.SOURCE_FAILED.kind: "source",
    events.ALARM.kind: "code",
    events.TURNED_AWAY.kind: "code",
}
"""Kinds of entries that are one measure each, by one member of their private part."""


_NOTICES = {
    events.ASKED.kind: "notice-sent",
    events.RECEIVED.kind: "notice-delivered",
    events.ANSWERED.kind: "notice-taken",
    events.SILENT.kind: "notice-undelivered",
}
"""The measure of each kind of entry of a notice, by the type of the notice."""


@dataclass(frozen=True, slots=True)
class AnswerTime:
    """The times that a counterpart took, from the entry of the question to that of the answer, in milliseconds."""

    month: str
    counterpart: str
    answers: int
    median_ms: int
    p95_ms: int


@dataclass(slots=True)
class Stats:
    """Exact counts, by months and by days (`DAILY`; a day takes the place of the month).

    `sizes` are the entries that were read of each log; `uptime` is of the node.
    """

    counts: Counter[Cell] = field(default_factory=Counter)
    days: Counter[Cell] = field(default_factory=Counter)
    answer_times: list[AnswerTime] = field(default_factory=list)
    uptime: Uptime = field(default_factory=Uptime)
    sizes: dict[str, int] = field(default_factory=dict)


def collect(
    logs: OpenedLogs,
    since_us: int = 0,
    until_us: int = 0,
    progress: Progress | None = None,
    wanted: Callable[[Opened], bool] = lambda _: True,
) -> Stats:
    """Count the `wanted` entries from `since_us` until before `until_us` (0: no limit).

    Raises `Contradicted`, `Malformed`.
    """
    stats, counting = Stats(uptime=Uptime(since_us, until_us)), _Counting()
    bounds = {log: period_of(logs, log, since_us, until_us) for log in logs.logs()}
    total = sum(stop - start for start, stop in bounds.values())
    done = 0
    for log, (start, stop) in sorted(bounds.items(), key=_operations_first):
        for first in range(start, stop, _STEP):
            last = min(stop, first + _STEP)
            for opened in logs.rows(log, first, last):
                entry = opened.entry
                if log.startswith(LogName.OPERATIONS):
                    stats.uptime.operation(entry.kind, entry.time_us)
                else:
                    stats.uptime.exchange(entry.time_us)
                is_within = since_us <= entry.time_us and not 0 < until_us <= entry.time_us
                if is_within and wanted(opened):
                    counting.add(opened)
            done += last - first
            if progress is not None:
                progress(done, total)
        stats.sizes[log] = stop - start
    stats.counts, stats.days = counting.cells()
    stats.answer_times = list(counting.times())
    return stats


def _operations_first(item: tuple[str, tuple[int, int]]) -> tuple[bool, str]:
    return not item[0].startswith(LogName.OPERATIONS), item[0]


class _Counting:
    """One pass over entries."""

    def __init__(self) -> None:
        self._counts: Counter[_Place] = Counter()
        self._days: Counter[_Place] = Counter()
        self._asked: dict[str, int] = {}
        self._requested: dict[str, int] = {}
        self._consents = ConsentNotices(self._count)
        self._times: dict[tuple[str, str], array[int]] = {}

    def add(self, opened: Opened) -> None:
        entry = opened.entry
        if _member(opened, "thread"):
            self._notice(opened)
            return
        match entry.kind:
            case events.ASKED.kind:
                self._question(opened, "asked")
                self._asked[entry.exchange_id] = entry.time_us
                if len(self._asked) > _MAX_WAITING:
                    del self._asked[next(iter(self._asked))]
            case events.RECEIVED.kind | events.LATE.kind:
                self._received(opened)
            case events.SILENT.kind | events.TOO_MANY.kind | events.ABANDONED.kind:
                self._count(opened, entry.kind)
                if _member(opened, "outcome") == Outcome.NOT_ACCEPTED:
                    self._by(opened, "not-accepted", "code")
                self._asked.pop(entry.exchange_id, None)
            case events.ANSWERED.kind | events.REFUSED.kind:
                self._served(opened)
            case events.DUPLICATE.kind:
                self._count(opened, "repeated")
            case events.CONSENT_REQUESTED.kind | events.CONSENT_DECIDED.kind:
                self._consent(opened)
            case events.DESK_ACT.kind if _member(opened, "act") == "mark":
                content = _member(opened, "content")
                self._count(opened, "mark", _text(content.get("verdict") if isinstance(content, dict) else "", opened))
            case events.OWN.kind:
                sources = _member(opened, "sources")
                self._outcome(
                    opened, "own", "own-partial", sources.get("missing") if isinstance(sources, dict) else None
                )
            case kind if kind in _LISTED:
                self._by(opened, kind, _LISTED[kind])

    def cells(self) -> tuple[Counter[Cell], Counter[Cell]]:
        """Return the counts by months, and those by days."""
        return _cells(self._counts), _cells(self._days)

    def times(self) -> Iterator[AnswerTime]:
        """Yield answer times by month and counterpart."""
        for (month, peer), values in sorted(self._times.items()):
            ordered = sorted(values)
            p95 = ordered[min(len(ordered) - 1, len(ordered) * 95 // 100)]
            yield AnswerTime(month, peer, len(ordered), int(statistics.median(ordered)), p95)

    # ------------------------------------------------------------ exchanges

    def _question(self, opened: Opened, side: str) -> None:
        self._count(opened, side)
        self._by(opened, f"{side}-purpose", "purpose")
        self._by(opened, f"{side}-offence", "offence")
        self._by(opened, f"{side}-query", "query")
        requester = _member(opened, "requester")
        agency = requester[2] if isinstance(requester, list) and len(requester) > 2 else _member(opened, "agency")
        self._count(opened, f"{side}-agency", _text(agency, opened))

    def _received(self, opened: Opened) -> None:
        entry = opened.entry
        self._count(opened, entry.kind)
        self._outcome(opened, "received-outcome", "received-partial", _member(opened, "missing"))
        if _member(opened, "refusal"):
            self._by(opened, "received-refusal", "refusal")
        self._records(opened, "received")
        asked_us = self._asked.pop(entry.exchange_id, None)
        if asked_us is not None:
            place = (_month_and_day(asked_us // DAY_US)[0], entry.peer)
            self._times.setdefault(place, array("Q")).append(max(0, entry.time_us - asked_us) // _MS)

    def _served(self, opened: Opened) -> None:
        self._question(opened, "served")
        if opened.entry.kind == events.REFUSED.kind:
            self._count(opened, "served-outcome", "refused")
            self._by(opened, "served-refusal", "code")
            return
        self._outcome(opened, "served-outcome", "served-partial", _member(opened, "missing"))
        self._records(opened, "served")

    def _notice(self, opened: Opened) -> None:
        """Count the entry of a notice. An erased one counts as a question, since only its private part tells."""
        kind = opened.entry.kind
        if kind == events.REFUSED.kind:
            self._by(opened, "notice-refused", "code")
        elif kind == events.RECEIVED.kind and _member(opened, "refusal"):
            self._by(opened, "notice-turned-down", "refusal")
        elif kind in _NOTICES:
            self._by(opened, _NOTICES[kind], "notice")
        self._consents.add(opened)

    def _outcome(self, opened: Opened, measure: str, partial: str, missing: object) -> None:
        """Count an answer by outcome, and one that lacks some sources once more; a no hit of an older version could."""
        self._by(opened, measure, "outcome")
        if missing and _member(opened, "outcome") not in (Outcome.NOT_SEARCHED, Outcome.SUSPENDED):
            self._by(opened, partial, "outcome")

    def _records(self, opened: Opened, side: str) -> None:
        if _member(opened, "hits"):
            for hit in hits_of(opened.answer):
                self._count(opened, f"{side}-{'type' if hit.record else 'hit-only'}", hit.record_type)

    def _consent(self, opened: Opened) -> None:
        consent = _text(_member(opened, "consent"), opened)
        if opened.entry.kind == events.CONSENT_REQUESTED.kind:
            self._by(opened, "consent-requested", "use")
            self._requested[consent] = opened.entry.time_us
            return
        granted = _member(opened, "granted")
        said = "granted" if granted else "refused"
        self._count(opened, "consent-decided", _text(None if granted is None else said, opened))
        requested_us = self._requested.pop(consent, None)
        if requested_us is not None:
            self._count(opened, "consent-time", within(opened.entry.time_us - requested_us))

    # ------------------------------------------------------------ cells

    def _by(self, opened: Opened, measure: str, member: str) -> None:
        self._count(opened, measure, _text(_member(opened, member), opened))

    def _count(self, opened: Opened, measure: str, value: str = "") -> None:
        entry = opened.entry
        month, day = _month_and_day(entry.time_us // DAY_US)
        self._counts[month, entry.peer, measure, value] += 1
        if measure in DAILY:
            self._days[day, entry.peer, measure, value] += 1


def published(counts: Counter[Cell]) -> dict[Cell, int]:
    """Return the counts that may be shown outside: -1 stands for one to four, and the rest are multiples of five.

    Where a counterpart chooses the values, those that are rare in their month stand under `other`.
    """
    folded: Counter[Cell] = Counter()
    for cell, count in counts.items():
        rare = cell.measure in FOLDED and count < SMALLEST
        folded[Cell(cell.month, cell.counterpart, cell.measure, OTHER if rare else cell.value)] += count
    return {cell: rounded(count) for cell, count in folded.items()}


def rounded(count: int) -> int:
    """Return a count rounded to the next multiple of `SMALLEST`; -1 for one that is too small to be shown."""
    if 0 < count < SMALLEST:
        return -1
    return (count + SMALLEST // 2) // SMALLEST * SMALLEST


def _cells(counts: Counter[_Place]) -> Counter[Cell]:
    return Counter({Cell(*place): number for place, number in counts.items()})


@lru_cache(maxsize=64)
def _month_and_day(days: int) -> tuple[str, str]:
    """Return the month and the day that begins so many days after the first of 1970."""
    day = f"{from_us(days * DAY_US):%Y-%m-%d}"
    return day[:7], day


def _member(opened: Opened, name: str) -> Any:
    return None if opened.private is None else opened.private.get(name)


def _text(value: Any, opened: Opened) -> str:
    if opened.private is None:
        return LOST if opened.lost else UNKNOWN
    return value if isinstance(value, str) and value else "none"
