"""The routes of administration: its pages, and long work that runs as a job with a page of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from gateway.console.frame.events import EVENT_STREAM, merged_changes
from gateway.console.frame.forms import Form
from gateway.console.frame.navigation import OPEN_TO
from gateway.console.frame.page import Page, To
from gateway.console.frame.shapes import Link, Row
from gateway.console.pages.admin.health import health_sections
from gateway.console.pages.admin.keys import key_sections
from gateway.console.pages.admin.members import member_sections
from gateway.console.pages.admin.people import people_sections
from gateway.console.pages.admin.policy import MOST_DOCUMENT, SPANS, policy_sections
from gateway.console.pages.admin.results import result_sections
from gateway.console.pages.admin.sections import PATH, Section, admin_page, at_us
from gateway.console.pages.admin.settings import setting_sections
from gateway.console.pages.admin.sources import source_sections
from gateway.console.visits.door import Answer, Door
from gateway.console.visits.visit import ConsoleParts, Visit
from gateway.errors import Malformed, Unknown
from gateway.language.catalogue import Sentences, tell
from gateway.ops.console.administration import Administration
from gateway.ops.console.jobs import Job, JobKind

_OF_SOURCES = frozenset({JobKind.SAMPLE, JobKind.CHECK})
_OF_PROPOSALS = frozenset({JobKind.REVIEW, JobKind.REHEARSE})
_LEAST_REASON, _MOST_REASON = 3, 200

_TITLES: Sentences = {
    JobKind.DOCTOR: "Examination",
    JobKind.SAMPLE: "Masked sample",
    JobKind.CHECK: "Check of a mapping",
    JobKind.MATRIX: "Who gets what",
    JobKind.REVIEW: "What a proposed policy changes",
    JobKind.REHEARSE: "Rehearsal of a proposed policy",
}
_TAB_OF = {
    JobKind.DOCTOR: "",
    JobKind.SAMPLE: "/sources",
    JobKind.CHECK: "/sources",
    JobKind.MATRIX: "/policy",
    JobKind.REVIEW: "/policy",
    JobKind.REHEARSE: "/policy",
}

Sections = Callable[[Administration, Visit], Awaitable[list[Section]]]


def admin_routes(door: Door, parts: ConsoleParts) -> list[Route]:
    """Return the routes of administration."""
    pages, roles = _Admin(parts), tuple(OPEN_TO[PATH])
    shown: dict[str, Sections] = {
        "": health_sections,
        "/sources": source_sections,
        "/policy": policy_sections,
        "/keys": key_sections,
        "/members": pages.members,
        "/people": people_sections,
        "/settings": setting_sections,
    }
    return [
        *(door.get(f"{PATH}{tab}", pages.page(tab, sections), roles) for tab, sections in shown.items()),
        door.post(f"{PATH}/jobs", pages.begin, roles),
        door.post(f"{PATH}/policy/proposal", pages.propose, roles, MOST_DOCUMENT),
        door.get(f"{PATH}/jobs/{{kind}}", pages.job, roles),
        door.get(f"{PATH}/jobs/{{kind}}/events", pages.follow, roles),
    ]


class _Admin:
    def __init__(self, parts: ConsoleParts) -> None:
        self._parts = parts
        self._admin = parts.admin

    def page(self, tab: str, sections: Sections) -> Callable[[Visit], Awaitable[Answer]]:
        """Return the handler of a tab."""

        async def show(visit: Visit) -> Page:
            return admin_page(visit, tab, await sections(self._admin, visit))

        return show

    async def members(self, admin: Administration, visit: Visit) -> list[Section]:
        """Return the sections of members."""
        return member_sections((await self._parts.neighbours()).members, admin, visit)

    async def begin(self, visit: Visit, form: Form) -> Answer:
        """Begin an examination, a sample, a check or a matrix."""
        kind, source = _kind(form.one("kind")), form.one("source")
        if kind in _OF_PROPOSALS or (kind in _OF_SOURCES and source not in self._admin.source_ids()):
            raise Unknown("there is no such work", code="no-such-job", where="kind")
        given = {"source": source} if kind in _OF_SOURCES else {}
        self._admin.start(form.id, kind, visit.officer.person, given.get("source", ""), **given)
        return To(f"{PATH}/jobs/{kind}")

    async def propose(self, visit: Visit, form: Form) -> Answer:
        """Compare a proposed policy with the one in force, or decide again by it what was answered."""
        kind, document, reason = _kind(form.one("kind")), form.one("document").strip(), form.one("reason").strip()
        if kind not in _OF_PROPOSALS or form.one("since") not in SPANS:
            raise Unknown("there is no such work", code="no-such-job", where="kind")
        if not document:
            raise Malformed("paste the signed document", code="bad-request", where="document")
        if kind is JobKind.REHEARSE and not _LEAST_REASON <= len(reason) <= _MOST_REASON:
            raise Malformed("say why you rehearse it, in 3 to 200 characters", code="bad-request", where="reason")
        given = {"document": document, "since": form.one("since"), "reason": reason}
        self._admin.start(form.id, kind, visit.officer.person, **given)
        return To(f"{PATH}/jobs/{kind}")

    async def job(self, visit: Visit) -> Page:
        """Return how far a job is, or what came of it."""
        kind, language = _kind(visit.part("kind")), visit.language
        title, back = tell(language, _TITLES[kind]), Link(f"{PATH}{_TAB_OF[kind]}", tell(language, "Back"))
        job = self._admin.jobs.last(kind)
        if job is None:
            none = (
                tell(language, "No result here"),
                tell(language, "Begin it again: results go when the node restarts."),
            )
            return admin_page(visit, _TAB_OF[kind], [Section(title, empty=none, links=(back,))], title)
        head = Section(
            job.subject or title,
            rows=tuple(_rows(job, visit)),
            running=tell(language, "It runs. This page shows the result by itself.") if job.runs else "",
            links=(back,),
        )
        live = f"{PATH}/jobs/{kind}/events" if job.runs else ""
        results = [] if job.runs else result_sections(job, language, visit.query("of"))
        return admin_page(visit, _TAB_OF[kind], [head, *results], title, live)

    async def follow(self, visit: Visit) -> Response:
        """Stream that a job has ended."""
        return StreamingResponse(merged_changes([self._changes(_kind(visit.part("kind")))]), media_type=EVENT_STREAM)

    async def _changes(self, kind: JobKind) -> AsyncIterator[object]:
        while (job := self._admin.jobs.last(kind)) is not None and job.runs:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._admin.jobs.changed(), 5)
        yield kind


def _rows(job: Job, visit: Visit) -> list[Row]:
    language = visit.language
    rows = [Row(tell(language, "Begun"), (at_us(job.started_us, language), job.by))]
    if not job.runs:
        rows.append(Row(tell(language, "Ended"), (at_us(job.ended_us, language),)))
    return rows


def _kind(name: str) -> JobKind:
    if name not in list(JobKind):
        raise Unknown("there is no such work", code="no-such-job", where="kind")
    return JobKind(name)
