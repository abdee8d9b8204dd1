"""Verify the logs, and compare two exports: as jobs, with the results as the verifier gives them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from starlette.routing import Route

from gateway.audit.verify.findings import SAID, Check, Report, State
from gateway.audit.verify.reconcile_exports import Reconciled
from gateway.clock import rfc3339_s
from gateway.console.audit.running import JobView, job_view
from gateway.console.audit.start import ROLES
from gateway.console.audit.tabs import PATH, tabs
from gateway.console.frame.errors import fault_of
from gateway.console.frame.forms import Form
from gateway.console.frame.jobs import Job, Work
from gateway.console.frame.page import Page, To
from gateway.console.frame.shapes import Banner, Cell, Link, Option, Table, Text, Tone
from gateway.console.uploads.file_form import FileForm
from gateway.console.visits.door import Answer, Door
from gateway.console.visits.visit import AuditParts, Visit
from gateway.errors import Malformed, Overloaded, Refused
from gateway.host.aside import aside
from gateway.language.catalogue import Sentences, tell
from gateway.language.countries import with_country
from gateway.language.dates import moment
from gateway.language.languages import Language
from gateway.ops.mandate.brought_export import LIMITS, PLACE, take_export
from gateway.ops.mandate.kept_exports import KeptExport, export_named, kept_exports
from gateway.ops.mandate.long_work import compare_exports, verify_logs
from gateway.views.sheet_words import STATES

CHECK = f"{PATH}/check"

_HEADS: Sentences = {"check": "What is checked", "result": "Result", "where": "Where", "why": "Why"}
_COMPARED: Sentences = {"between": "Between", "exchange": "Exchange", "blamed": "Contradicted", "why": "Why"}
_VERDICTS: Sentences = {
    State.PROVED: "Everything that was checked is proved.",
    State.CONTRADICTED: "The evidence contradicts itself: what it says cannot be relied on.",
    State.NOT_PROVABLE: "Nothing is contradicted, and not everything is provable.",
}
_TONES: dict[State, Tone] = {State.PROVED: "done", State.CONTRADICTED: "danger", State.NOT_PROVABLE: "warn"}


@dataclass(frozen=True, slots=True)
class CheckedView:
    """The result of a job: a verdict, tables of findings, and the verifier's notes."""

    verdict: Banner
    tables: Sequence[Table]
    notes: Sequence[Text] = ()


@dataclass(frozen=True, slots=True)
class CheckView:
    """Both jobs, each with its form, its progress and its result.

    `exports` are all that can be compared, `own` those of our logs, with which one that is brought is compared: it has
    `most_mb` at the most. An administrator puts exports into `folder`.
    """

    tabs: Sequence[Link]
    job: JobView | None
    checked: CheckedView | None
    folder: str
    exports: Sequence[Option]
    own: Sequence[Option]
    most_mb: str
    fault: str
    compare_job: JobView | None
    compared: CheckedView | None
    follow: str
    follow_compare: str


def check_routes(door: Door, parts: AuditParts) -> list[Route]:
    """Return the routes of the checks."""
    check = _Check(parts)
    return [
        door.get(CHECK, check.show, ROLES),
        door.post(f"{CHECK}/verify", check.verify, ROLES),
        door.post(f"{CHECK}/compare", check.compare, ROLES),
        door.upload(f"{CHECK}/bring", check.bring, ROLES),
    ]


class _Check:
    def __init__(self, parts: AuditParts) -> None:
        self._parts = parts
        self._coming: set[str] = set()

    async def show(self, visit: Visit) -> Page:
        """Return the checks that were made, or that run."""
        return await self._page(visit)

    async def _page(self, visit: Visit, fault: str = "") -> Page:
        person, language = visit.officer.person, visit.language
        job, compared = (self._parts.jobs.of(person, kind) for kind in ("verify", "compare"))
        exports = await asyncio.to_thread(kept_exports, self._parts.exports, person)
        view = CheckView(
            tabs=tabs(CHECK, language),
            job=job_view(job, language),
            checked=_checked(job.result, job, language) if job and job.result is not None else None,
            folder=f"{self._parts.exports.name}/",
            exports=[_option(item, language) for item in exports],
            own=[_option(item, language) for item in exports if not item.brought_from],
            most_mb=f"{LIMITS.size // 1_000_000:,}",
            fault=fault,
            compare_job=job_view(compared, language),
            compared=_compared(compared.result, language) if compared and compared.result is not None else None,
            follow=_follow(job),
            follow_compare=_follow(compared),
        )
        return Page("audit/check.html", tell(language, "Verify"), view, 400 if fault else 200)

    async def verify(self, visit: Visit, form: Form) -> Answer:
        """Begin to verify the logs."""
        folder = self._parts.folder
        self._begin(visit, "verify", form, lambda job: aside(verify_logs, (folder,), job.progress, job.wanted))
        return To(CHECK)

    async def compare(self, visit: Visit, form: Form) -> Answer:
        """Begin to compare two exports."""
        person = visit.officer.person
        names = (form.one("one"), form.one("other"))
        one, other = [await asyncio.to_thread(export_named, self._parts.exports, person, name) for name in names]
        return self._compared(visit, form, one.folder, other.folder)

    async def bring(self, visit: Visit) -> Answer:
        """Take the other country's export, and begin to compare it with the one that was chosen, if there is any."""
        person, parts = visit.officer.person, self._parts
        # Before the body is read: without a mandate not a byte of it is kept.
        await asyncio.to_thread(parts.acts.mandates.require, person)
        sent = await FileForm.read(visit.request)
        if (known := parts.jobs.of(person, "compare")) is not None and known.about == sent.form.id:
            return To(CHECK)
        chosen = sent.form.one("with")
        one = await asyncio.to_thread(export_named, parts.exports, person, chosen) if chosen else None
        try:
            other = await self._brought(person, sent)
        except Refused as error:
            return await self._page(visit, fault_of(error, visit.language))
        return self._compared(visit, sent.form, one.folder, other) if one is not None else To(CHECK)

    async def _brought(self, person: str, sent: FileForm) -> Path:
        """Keep the export that a person brings. Raises `Refused`, also while another one of theirs comes or is read."""
        if person in self._coming or _runs(self._parts.jobs.of(person, "compare")):
            raise Overloaded(
                "an export of yours is being read: wait until that is over", code="files-at-once", where=PLACE
            )
        self._coming.add(person)
        try:
            async for _, data in sent.files():
                return await take_export(data, self._parts.exports, person)
        finally:
            self._coming.discard(person)
        raise Malformed("choose a file", code="text-missing", where=PLACE)

    def _compared(self, visit: Visit, form: Form, one: Path, other: Path) -> To:
        arguments = (self._parts.folder, one, other)
        self._begin(visit, "compare", form, lambda job: aside(compare_exports, arguments, job.progress, job.wanted))
        return To(CHECK)

    def _begin(self, visit: Visit, kind: str, form: Form, work: Work) -> None:
        known = self._parts.jobs.of(visit.officer.person, kind)
        if known is None or known.about != form.id:  # a form that comes twice begins one job
            self._parts.jobs.begin(visit.officer.person, kind, work, form.id)


def _runs(job: Job | None) -> bool:
    return job is not None and not job.is_over


def _follow(job: Job | None) -> str:
    return f"{PATH}/jobs/{job.id}/events" if job is not None and not job.is_over else ""


def _option(item: KeptExport, language: Language) -> Option:
    if item.brought_from:
        country = with_country(item.brought_from, language)
        return Option(item.name, tell(language, "{country}, brought by you", country=country))
    hint = tell(language, "made here") if item.is_own else ""
    return Option(item.name, f"{item.name} ({hint})" if hint else item.name)


def _state(exit_code: int) -> State:
    return {0: State.PROVED, 1: State.CONTRADICTED}.get(exit_code, State.NOT_PROVABLE)


def _checked(report: Report, job: Job, language: Language) -> CheckedView:
    state = _state(report.exit_code)
    sizes = ", ".join(
        tell(language, "{count} entries of {log}", count=f"{size:,}", log=log) for log, size in report.sizes.items()
    )
    lines = [tell(language, "verified {time}", time=moment(rfc3339_s(job.ended_us), language)), sizes]
    if (first := report.first_bad) is not None:
        lines.append(tell(language, "the first bad entry is {index} of {log}", index=first[1], log=first[0]))
    verdict = Banner(tell(language, _VERDICTS[state]), tuple(lines), _TONES[state])
    return CheckedView(verdict, [_findings(report, language)], [Text(note, "en") for note in report.notes])


def _findings(report: Report, language: Language) -> Table:
    """Return what is not proved one by one, then what is proved, once for each check."""
    rows = []
    for item in report.unproved():
        where = item.log if item.index is None else f"{item.log} · {item.index}"
        rows.append(_row(item.check, item.state, where, Cell(Text(item.text, "en")), language))
    for check, log, state, count in report.untold_groups():
        if state is not State.PROVED:
            text = tell(language, "{count} more of the same kind", count=f"{count:,}")
            rows.append(_row(check, state, log, text, language))
    for check, _, logs in report.proved():
        rows.append(_row(check, State.PROVED, ", ".join(logs), "", language))
    heads = tuple(tell(language, head) for head in _HEADS.values())
    return Table(tell(language, "What was checked"), heads, tuple(rows))


def _row(check: Check, state: State, where: str, text: Cell | str, language: Language) -> tuple[Cell | Text | str, ...]:
    said = f"{int(check)}. {tell(language, SAID[check.name])}"
    return said, Cell(tell(language, STATES[state]), tone=_TONES[state]), where, text


def _compared(found: Reconciled, language: Language) -> CheckedView:
    state = _state(found.exit_code)
    lines, tables = [], []
    for member, report in found.reports.items():
        said = tell(language, STATES[_state(report.exit_code)])
        lines.append(
            tell(
                language,
                "the export of {member} for itself: {state}",
                member=with_country(member, language),
                state=said,
            )
        )
        if report.exit_code:
            tables.append(_findings(report, language))
    if (comparison := found.comparison) is not None:
        told = tell(
            language,
            "{agreed} exchanges agree, {outside} lie outside the time that both cover",
            agreed=f"{comparison.agreed:,}",
            outside=f"{comparison.outside:,}",
        )
        lines.append(told)
        rows = tuple(
            (
                Cell(Text(f"{item.asker} → {item.answerer}")),
                item.exchange_id,
                with_country(item.blamed, language) if item.blamed else "",
                Cell(Text(f"{item.fault}: {item.text}", "en")),
            )
            for item in comparison.findings
        )
        heads = tuple(tell(language, head) for head in _COMPARED.values())
        tables += [Table(tell(language, "What does not agree"), heads, rows)] if rows else []
    return CheckedView(Banner(tell(language, _VERDICTS[state]), tuple(lines), _TONES[state]), tables)
