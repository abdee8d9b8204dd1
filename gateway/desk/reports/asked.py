"""The sources `<member>.desk.reports.<agency>`: reports that an agency of ours has published, as others ask for them.

They are in the desk's own database, so that only a process which holds that answers from them. What reports say is
held in memory and compared there: a report that the asker may not learn of costs what none costs. A report that is
withdrawn or over is not found from the next question on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

import msgspec

from adapters.base import MAX_CANDIDATES, Budget
from gateway.clock import HOUR_US, Clock
from gateway.desk.acting.home import Stand
from gateway.desk.reports.checks import places_of
from gateway.desk.reports.values import REPORTS, SOURCE, OwnReport
from gateway.desk.reports.wanted import asked_keys
from gateway.errors import Malformed, Unavailable, Unknown
from gateway.matching.method_reports import PLACES, RECORD_TYPE, report_keys, report_match, says
from gateway.model.desk.threads import ThreadKey
from gateway.model.hit import Candidate, SearchResult, SourceRecord
from gateway.model.marking import Marking, Onward, SubjectCategory, UseCode
from gateway.model.names import MemberId
from gateway.model.query import Query, QueryKind, ReportQuery
from gateway.model.strictness import Strictness
from gateway.ports.desk import DeskStore, ReportLibrary
from gateway.ports.sources import CLASSES_CHANGED, RecordClass, SourceDescription, View

KIND = "reports on methods"
_KEPT_HOURS = (12_960, 8_760, 4_320, 2_160, 720, 168, 24, 1)
"""For how long a copy may be kept, at most until its report is over: few times, so that few markings are decided on."""


class StandingReport(msgspec.Struct, frozen=True):
    """A report of ours that stands, with the keys by which it is found."""

    report: OwnReport
    places: tuple[str, ...]
    keys: frozenset[str]


class Shelf:
    """The reports of ours that stand, as the library has them now. Thread-safe."""

    def __init__(self, member: MemberId, store: DeskStore, rows: ReportLibrary) -> None:
        self.member = member
        self._store = store
        self._rows = rows
        self._lock = threading.Lock()
        self._mark = (0, 0)
        self._held: dict[ThreadKey, tuple[int, StandingReport]] = {}

    def reports(self) -> Sequence[StandingReport]:
        """Return the reports, those that were added last first. It reads the store where the library has changed."""
        with self._lock:
            mark = self._rows.mark(self.member)
            if mark != self._mark:
                self._read()
                self._mark = mark
            return [held for _, held in self._held.values()]

    def _read(self) -> None:
        found: dict[ThreadKey, tuple[int, StandingReport]] = {}
        for row in self._rows.of(self.member):
            known = self._held.get(row.key)
            if known is not None and known[0] == row.added_us:
                found[row.key] = known
            elif (held := self._opened(row.key)) is not None:
                found[row.key] = row.added_us, held
        self._held = found

    def _opened(self, key: ThreadKey) -> StandingReport | None:
        """Return a report; None for one that is there no more. Raises where it cannot be read now."""
        try:
            report = REPORTS.read(self._store.thread(key))
        except Unknown:
            return None
        if report.stand is not Stand.PUBLISHED:
            return None
        places = tuple(places_of(report.fields))
        return StandingReport(report, places, frozenset(report_keys(report.fields, places)))


class PublishedReports:
    """A `Source` over the reports of one agency. `served` are the agencies that have one. Thread-safe."""

    def __init__(
        self, shelf: Shelf, agency: str, served: Collection[str], clock: Clock, members: Callable[[], Collection[str]]
    ) -> None:
        self._shelf = shelf
        self._agency = agency
        self._served = served
        self._clock = clock
        self._members = members
        self._id = source_id(shelf.member, agency)

    def describe(self) -> SourceDescription:
        """Return the source's description."""
        return SourceDescription(self._id, self._agency, KIND, frozenset({QueryKind.REPORT}), frozenset({RECORD_TYPE}))

    def search(self, query: Query, deadline: float, strictness: Strictness = Strictness.USUAL) -> SearchResult:
        """Return the reports that a question finds: those for all countries first, then those added last.

        Raises `Malformed`, `TimedOut`, and `Unavailable` where a report cannot be read now.
        """
        del strictness
        return self.search_among(self._live(), query, deadline)

    def search_among(
        self, reports: Iterable[tuple[StandingReport, Marking]], query: Query, deadline: float
    ) -> SearchResult:
        """Return `search` among some of the reports."""
        if not isinstance(query, ReportQuery):
            raise Malformed("this source has reports only", code="bad-query", where="query")
        groups, budget, match = asked_keys(query), Budget(self._clock, deadline), report_match(query)
        found = []
        for held, marking in reports:
            budget.check()
            if not any(map(held.keys.isdisjoint, groups)) and says(query, held.report.fields, held.places):
                candidate = Candidate(self._id, held.report.id, RECORD_TYPE, match, marking)
                found.append((bool(held.report.wanted), candidate))
        ordered = [candidate for _, candidate in sorted(found, key=lambda one: one[0])]
        return SearchResult(tuple(ordered[:MAX_CANDIDATES]), len(ordered) > MAX_CANDIDATES)

    def fetch(self, key: str, record_type: str, deadline: float) -> SourceRecord:
        """Return a report as it stands now. Raises `Unknown` when it was withdrawn, or is over."""
        del deadline
        for held, marking in self._live():
            if (held.report.id, RECORD_TYPE) == (key, record_type):
                return SourceRecord(
                    self._id,
                    key,
                    RECORD_TYPE,
                    f"{self._shelf.member}.{self._agency}",
                    dict(held.report.fields),
                    marking,
                    search={PLACES: held.places},
                )
        raise Unknown("the source has no such record", code="unknown-record")

    def classes(self) -> list[RecordClass]:
        """Return every combination of attributes that a report has now."""
        return list(dict.fromkeys(_class_of(marking) for _, marking in self._live()))

    def within(self, view: View) -> SeenReports:
        """Return the reports as an asker sees them."""
        return SeenReports(self, view)

    def seen(self, view: View) -> Iterator[tuple[StandingReport, Marking]]:
        """Yield the reports that a view shows. Raises `Unavailable` where it has not decided on all."""
        for held, marking in self._live():
            if _class_of(marking) not in view.decided:
                raise Unavailable("a report of another class came up", code=CLASSES_CHANGED, where=self._id)
            if _class_of(marking) in view.seen and held.report.id not in view.without:
                yield held, marking

    def health(self) -> str:
        """Return an empty text: the source is a part of the node."""
        return ""

    def _live(self) -> Iterator[tuple[StandingReport, Marking]]:
        """Yield the agency's reports that stand now, each with its marking.

        Raises `Unavailable` where an agency has reports and no source: its silence would be read as no hit.
        """
        reports, now_us = self._shelf.reports(), self._clock.now_us()
        strange = {held.report.author.agency for held in reports}.difference(self._served)
        if strange:
            raise Unavailable(
                "reports of `{agency}` are not asked for yet",
                code="source-failed",
                where=self._id,
                remedy="ask again in a minute: this process has not taken up its key yet (`liaison cert status`)",
                agency=min(strange),
            )
        everybody = frozenset(self._members())
        for held in reports:
            hours = next((each for each in _KEPT_HOURS if now_us + each * HOUR_US <= held.report.until_us), 0)
            if hours and held.report.author.agency == self._agency:
                yield held, _marking(held.report, everybody, hours)


class SeenReports:
    """The reports of an agency as an asker sees them."""

    def __init__(self, whole: PublishedReports, view: View) -> None:
        self.whole = whole
        self._view = view

    def describe(self) -> SourceDescription:
        """Return the source's description."""
        return self.whole.describe()

    def search(self, query: Query, deadline: float, strictness: Strictness = Strictness.USUAL) -> SearchResult:
        """Return the reports that the asker may learn of (`ClassedSource.within`)."""
        del strictness
        return self.whole.search_among(self.whole.seen(self._view), query, deadline)

    def fetch(self, key: str, record_type: str, deadline: float) -> SourceRecord:
        """Return a report as it stands now. Raises `Unknown` when it was withdrawn, or is over."""
        return self.whole.fetch(key, record_type, deadline)

    def health(self) -> str:
        """Return an empty text: the source is a part of the node."""
        return self.whole.health()


def _class_of(marking: Marking) -> RecordClass:
    return RECORD_TYPE, marking, SubjectCategory.UNKNOWN


def source_id(member: MemberId, agency: str) -> str:
    """Return the id of the source of an agency's reports."""
    return f"{member}.{SOURCE}.{agency}"


def _marking(report: OwnReport, everybody: frozenset[str], hours: int) -> Marking:
    """Return the handling rules of a report: those under which it was sent, for the members that its author named."""
    return Marking(
        level=report.level,
        use=frozenset({UseCode.LAW_ENFORCEMENT}),
        releasable_to=frozenset(report.wanted) or everybody,
        onward=Onward.SAME_COUNTRY,
        purposes=frozenset({report.purpose}),
        keep_hours=hours,
    )
