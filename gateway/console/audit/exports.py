"""Exports: have the logs exported under the mandate, fetch the export, delete it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from gateway.audit.reading.inspection import MAX_REASON, Action
from gateway.clock import rfc3339, rfc3339_s, to_us
from gateway.console.audit.period import period_fields, period_us
from gateway.console.audit.running import JobView, job_view
from gateway.console.audit.start import ROLES
from gateway.console.audit.tabs import PATH, tabs
from gateway.console.frame.errors import problem_of
from gateway.console.frame.forms import Form
from gateway.console.frame.page import Page, To
from gateway.console.frame.shapes import Field, Link
from gateway.console.visits.door import Answer, Door
from gateway.console.visits.visit import AuditParts, Visit
from gateway.errors import Refused, Unknown
from gateway.host.aside import aside
from gateway.language.catalogue import tell
from gateway.language.dates import moment
from gateway.language.languages import Language
from gateway.model.values import text_value
from gateway.ops.mandate.acts import Announced
from gateway.ops.mandate.kept_exports import (
    KEPT_US,
    KeptExport,
    export_name,
    export_named,
    kept_exports,
    packed,
    remove_export,
)
from gateway.ops.mandate.long_work import export_logs

EXPORTS = f"{PATH}/exports"


@dataclass(frozen=True, slots=True)
class ExportLine:
    """An export that can be fetched or deleted, with its size in MB and the time until which it is kept."""

    name: str
    made: str
    size: str
    until: str


@dataclass(frozen=True, slots=True)
class ExportsView:
    """The form of an export, the job that makes one, and those that are there."""

    tabs: Sequence[Link]
    period: Sequence[Field]
    reason: Field
    faults: Sequence[tuple[str, str]]
    job: JobView | None
    lines: Sequence[ExportLine]


def exports_routes(door: Door, parts: AuditParts) -> list[Route]:
    """Return the routes of exports."""
    exports = _Exports(parts)
    return [
        door.get(EXPORTS, exports.show, ROLES),
        door.post(EXPORTS, exports.prepare, ROLES),
        door.get(f"{EXPORTS}/{{name}}/file", exports.fetch, ROLES),
        door.post(f"{EXPORTS}/remove", exports.remove, ROLES),
    ]


def begin_export(parts: AuditParts, visit: Visit, said: Announced) -> str:
    """Begin an export whose entry is written, and return the path of its page."""
    person, inspection = visit.officer.person, said.inspection
    bounds = [_us(str(inspection.detail.get(name, ""))) for name in ("since", "until")]
    out = parts.exports / export_name(person, inspection.id)
    arguments = (parts.folder, out, *bounds, said.held.appointment.data)
    known = parts.jobs.of(person, "export")
    if known is None or known.about != out.name:
        parts.jobs.begin(
            person, "export", lambda job: aside(export_logs, arguments, job.progress, job.wanted), out.name
        )
    return EXPORTS


class _Exports:
    def __init__(self, parts: AuditParts) -> None:
        self._parts = parts

    async def show(self, visit: Visit) -> Page:
        """Return the form, and the exports that are there."""
        return await self._page(visit, {})

    async def prepare(self, visit: Visit, form: Form) -> Answer:
        """Prepare an export, and go to the page where it is signed."""
        sent = {name: form.one(name).strip() for name in ("since", "until", "reason")}
        try:
            since_us, until_us = period_us(sent["since"], sent["until"])
            text_value(sent["reason"], "reason", MAX_REASON)
        except Refused as error:
            return await self._page(visit, sent, error)
        detail = {
            "since": rfc3339(since_us) if since_us else "",
            "until": rfc3339(until_us) if until_us else "",
        }
        name = f"{form.id} {detail!r} {sent['reason']}"
        prepare = self._parts.acts.prepare
        prepared = await asyncio.to_thread(prepare, visit.officer.person, Action.EXPORT, sent["reason"], detail, name)
        return To(f"{PATH}/sign/{prepared.name}")

    async def fetch(self, visit: Visit) -> Response:
        """Return an export as a tar file, while the mandate is in force."""
        person = visit.officer.person
        await asyncio.to_thread(self._parts.acts.mandates.require, person)
        item = await asyncio.to_thread(export_named, self._parts.exports, person, visit.part("name"))
        if not item.is_own:
            raise Unknown("there is no such export", code="no-such-export", where="exports")
        headers = {"content-disposition": f'attachment; filename="{item.name}.tar"'}
        return StreamingResponse(_stream(item), headers=headers, media_type="application/x-tar")

    async def remove(self, visit: Visit, form: Form) -> Answer:
        """Delete an export; one that is gone is no error."""
        for item in await asyncio.to_thread(kept_exports, self._parts.exports, visit.officer.person):
            if item.name == form.one("name"):
                await asyncio.to_thread(remove_export, item)
        return To(EXPORTS)

    async def _page(self, visit: Visit, sent: dict[str, str], error: Refused | None = None) -> Page:
        language, person = visit.language, visit.officer.person
        await asyncio.to_thread(self._parts.acts.mandates.require, person)
        faults = {error.where: problem_of(error, language).text} if error is not None else {}
        own = [item for item in await asyncio.to_thread(kept_exports, self._parts.exports, person) if item.is_own]
        job = self._parts.jobs.of(person, "export")
        view = ExportsView(
            tabs=tabs(EXPORTS, language),
            period=period_fields(sent.get("since", ""), sent.get("until", ""), faults, language),
            reason=Field(
                "reason",
                tell(language, "Why you export"),
                sent.get("reason", ""),
                hint=tell(language, "It stands in the log, with your signature"),
                fault=faults.get("reason", ""),
                required=True,
                most=MAX_REASON,
            ),
            faults=tuple(faults.items()),
            job=job_view(job, language),
            lines=[_line(item, language) for item in own],
        )
        live = f"{PATH}/jobs/{job.id}/events" if job is not None and not job.is_over else ""
        return Page("audit/exports.html", tell(language, "Exports"), view, 400 if faults else 200, live=live)


def _line(item: KeptExport, language: Language) -> ExportLine:
    made, until = (moment(rfc3339_s(us), language) for us in (item.made_us, item.made_us + KEPT_US))
    return ExportLine(item.name, made, f"{item.size / 1e6:,.1f}", until)


async def _stream(item: KeptExport) -> AsyncIterator[bytes]:
    parts = packed(item.folder)
    try:
        while part := await asyncio.to_thread(next, parts, b""):
            yield part
    finally:
        # A browser may leave amid a download: what reads the folder is closed here, and in a thread, as it was read.
        await asyncio.to_thread(parts.close)


def _us(text: str) -> int:
    return to_us(datetime.fromisoformat(text)) if text else 0
