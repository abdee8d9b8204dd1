"""The result of a question: the entries that fit, newest first, each of which can be opened."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as changed
from typing import Any

from starlette.routing import Route

from gateway.audit.entries.entry import Entry
from gateway.audit.reading.inspection import Action
from gateway.audit.reading.opened import Opened
from gateway.clock import rfc3339_s
from gateway.console.audit.running import JobView, job_view, reason_of
from gateway.console.audit.sign import detail_rows
from gateway.console.audit.start import ROLES
from gateway.console.audit.tabs import PATH, tabs
from gateway.console.frame.jobs import Job
from gateway.console.frame.page import Page
from gateway.console.frame.records import as_written, foreign
from gateway.console.frame.shapes import Banner, Cell, Link, Row, Table
from gateway.console.visits.door import Door
from gateway.console.visits.visit import AuditParts, Visit
from gateway.errors import Malformed
from gateway.host.aside import aside
from gateway.language.catalogue import Sentences, tell
from gateway.language.countries import with_country
from gateway.language.dates import moment
from gateway.language.languages import Language
from gateway.language.terms import OFFENCES, PURPOSES
from gateway.ops.audit.search import Result, add_to_index, find_announced
from gateway.ops.audit.search_question import search_of
from gateway.ops.homes.open_home import Written
from gateway.ops.mandate.acts import Announced, place_name
from gateway.views.sheet_words import KINDS, OUTCOMES

MANY = 8_192
"""Entries that are added to the search index while the auditor waits; for more there is a page with the progress."""

_PAGE = 50
_ALIKE = 200
"""Entries of one moment that are read beside a page."""

_AGAIN_US = 60_000_000
"""The time after which a job that failed is begun again."""

_HEADS: Sentences = {"time": "Time", "what": "What", "with": "With", "who": "Officer", "said": "What it says"}

_CURSOR = re.compile(r"([0-9]{1,17})~([a-z]+)-([0-9]{1,6})-([0-9]{1,15})", re.ASCII)

Place = tuple[int, str, int]
"""The place of an entry in a result: time, log, index."""


@dataclass(frozen=True, slots=True)
class FoundView:
    """Shows what was asked, how many entries fit, and a page of them; `at` is the entry of the question."""

    tabs: Sequence[Link]
    at: Written
    asked: Sequence[Row]
    count: Banner
    notes: Sequence[str]
    table: Table
    more: tuple[Link, ...]
    job: JobView | None = None


@dataclass(frozen=True, slots=True)
class _Read:
    said: Announced
    entries: Sequence[tuple[str, Opened]]
    result: Result | None
    before: Place | None
    more: bool


def found_routes(door: Door, parts: AuditParts) -> list[Route]:
    """Return the route of results."""
    found = _Found(parts)
    return [door.get(f"{PATH}/found/{{entry}}", found.show, ROLES)]


class _Found:
    def __init__(self, parts: AuditParts) -> None:
        self._parts = parts

    async def show(self, visit: Visit) -> Page:
        """Return a page of the entries that fit, once the question has its entry."""
        before = _cursor(visit.query("before"))
        said = await asyncio.to_thread(
            self._parts.acts.announced, visit.officer.person, visit.part("entry"), Action.SEARCH
        )
        job = self._index_job(visit)
        read = None if job is not None else await asyncio.to_thread(self._read, said, before)
        if read is None:
            job = job or self._begin_index(visit)
            read = _Read(said, (), None, before, False)
        title = tell(visit.language, "What was found")
        view = _view(visit, read, job)
        live = f"{PATH}/jobs/{job.id}/events" if job is not None else ""
        return Page("audit/found.html", title, view, live=live, printed=said.name)

    def _index_job(self, visit: Visit) -> Job | None:
        """Return the job that brings the search index up to date, while it runs and shortly after it has failed."""
        job = self._parts.jobs.of(visit.officer.person, "index")
        if job is None or (job.is_over and not (job.error and visit.now_us - job.ended_us < _AGAIN_US)):
            return None
        return job

    def _begin_index(self, visit: Visit) -> Job:
        folder = self._parts.folder
        return self._parts.jobs.begin(
            visit.officer.person, "index", lambda job: aside(add_to_index, (folder,), job.progress, job.wanted)
        )

    def _read(self, said: Announced, before: Place | None) -> _Read | None:
        search = search_of(said.inspection.detail)
        if before is not None:
            # Entries of the moment of the last one shown are read again, since some of them may stand on the next page;
            # those that were shown are left out by their place.
            search = changed(search, until_us=min(search.until_us or before[0] + 1, before[0] + 1))
        limit = _PAGE + (_ALIKE if before is not None else 0)
        result = find_announced(self._parts.folder, search, limit, said.at, said.held.mandate, MANY)
        if result is None:
            return None
        entries = [item for item in result.found.entries if before is None or _place(item) < before]
        more = result.found.count > len(result.found.entries) or len(entries) > _PAGE
        return _Read(said, entries[:_PAGE], result, before, more)


def _view(visit: Visit, read: _Read, job: Job | None) -> FoundView:
    language, said = visit.language, read.said
    here = f"{PATH}/found/{said.name}"
    more = list[Link]()
    if read.more and read.entries:
        time_us, log, index = _place(read.entries[-1])
        more.append(Link(f"{here}?before={time_us}~{place_name(Written(log, index))}", tell(language, "Older entries")))
    if read.before is not None:
        more.append(Link(here, tell(language, "The newest entries")))
    return FoundView(
        tabs=tabs(f"{PATH}/ask", language),
        at=said.at,
        asked=(
            *detail_rows(said.inspection.detail, language),
            Row(tell(language, "Why you ask"), as_written(said.inspection.reason)),
        ),
        count=_count(read, language),
        notes=tuple(_notes(read.result, language)) if read.result is not None else (),
        table=_table(visit, read),
        more=tuple(more),
        job=job_view(job, language),
    )


def _count(read: _Read, language: Language) -> Banner:
    if read.before is not None:
        before = moment(rfc3339_s(read.before[0]), language)
        return Banner(tell(language, "Entries until {time}", time=before))
    count = read.result.found.count if read.result is not None else 0
    if count:
        return Banner(tell(language, "{count} entries fit", count=f"{count:,}"))
    lines = (tell(language, "Try another spelling or a longer period. Your mandate may not reach so far."),)
    return Banner(tell(language, "No entry fits"), lines, "quiet")


def _notes(result: Result, language: Language) -> list[str]:
    notes = []
    if result.reasons:
        counted = ", ".join(f"{reason_of(code, language)} {count:,}" for code, count in result.reasons.items())
        notes.append(tell(language, "By reason: {reasons}", reasons=counted))
    if result.found.closed:
        told = tell(
            language, "{count} entries of this time are erased or closed: nobody can search them",
            count=f"{result.found.closed:,}",
        )  # fmt: skip
        notes.append(told)
    if result.found.lost:
        told = tell(language, "{count} of these lie under keys that are lost", count=f"{result.found.lost:,}")
        notes.append(told)
    for log, first in result.pruned.items():
        notes.append(tell(language, "{log} is pruned below {index}: nobody can search before it", log=log, index=first))
    return notes


def _table(visit: Visit, read: _Read) -> Table:
    language = visit.language
    rows = tuple(_row(log, opened, read.said, language) for log, opened in read.entries)
    return Table("", tuple(tell(language, head) for head in _HEADS.values()), rows)


def _row(log: str, opened: Opened, said: Announced, language: Language) -> tuple[Cell | str, ...]:
    entry, private = opened.entry, opened.private or {}
    place = place_name(Written(log, entry.index))
    return (
        Cell(moment(rfc3339_s(entry.time_us), language), f"{PATH}/open/{place}?from={said.name}"),
        kind_of(entry, language),
        with_country(entry.peer, language) if entry.peer else "",
        Cell(foreign(str(private.get("officer") or private.get("auditor") or ""))),
        Cell(foreign(" · ".join(_said(private, language)))),
    )


def kind_of(entry: Entry, language: Language) -> str:
    """Return what an entry tells of, in words where it is an exchange, else as its code."""
    return tell(language, KINDS[entry.kind]) if entry.kind in KINDS else entry.kind


def _said(private: Mapping[str, Any], language: Language) -> list[str]:
    codes = [(words, str(private.get(name) or "")) for name, words in _WORDS]
    told = [tell(language, words[code]) for words, code in codes if code in words]
    told += [str(private[name]) for name in ("case", "ticket", "agreement", "by") if private.get(name)]
    if code := str(private.get("code") or private.get("refusal") or ""):
        told.append(reason_of(code, language))
    return told


_WORDS = (("outcome", OUTCOMES), ("purpose", PURPOSES), ("offence", OFFENCES))


def _place(item: tuple[str, Opened]) -> Place:
    log, opened = item
    return opened.entry.time_us, log, opened.entry.index


def _cursor(text: str) -> Place | None:
    if not text:
        return None
    found = _CURSOR.fullmatch(text)
    if found is None:
        raise Malformed("there is no such page of the result", code="bad-request", where="before")
    time, log, number, index = found.groups()
    return int(time), f"{log}/{int(number)}", int(index)
