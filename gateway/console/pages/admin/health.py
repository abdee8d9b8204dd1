"""Health: why the node is not ready, what the doctor found and how to mend it, and what waits for administrators."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from gateway.console.frame.shapes import Banner, Button, Hidden, Line, Link, Row, Tag, Text
from gateway.console.pages.admin.results import findings_section
from gateway.console.pages.admin.sections import PATH, Action, Section, at_us
from gateway.console.visits.visit import Visit
from gateway.errors import LiaisonError
from gateway.language.catalogue import tell
from gateway.language.countries import with_country
from gateway.language.languages import Language
from gateway.ops.console.administration import Administration
from gateway.ops.console.jobs import Job, JobKind
from gateway.ports.desk import Outbox, Work
from gateway.views.desk.words import work_words


async def health_sections(admin: Administration, visit: Visit) -> list[Section]:
    """Return the sections of health."""
    language = visit.language
    failing = await asyncio.to_thread(admin.failing)
    outboxes = await asyncio.to_thread(admin.store.outboxes)
    return [
        _now(admin.problems(), language),
        *_doctor(admin.jobs.last(JobKind.DOCTOR), language),
        _failing(failing, language),
        _outboxes(outboxes, language),
    ]


def _now(problems: Sequence[LiaisonError], language: Language) -> Section:
    title = tell(language, "The node now")
    if not problems:
        return Section(title, banners=(Banner(tell(language, "The node is ready."), tone="done"),))
    lines = []
    for error in problems:
        advice = (Text(f"→ {error.remedy}", "en"),) if error.remedy else ()
        lines.append(Line(error.code, Tag(tell(language, "not ready"), "danger"), (Text(error.message, "en"), *advice)))
    bad = Banner(tell(language, "The node is not ready: it takes no questions."), tone="danger")
    return Section(title, banners=(bad,), lines=tuple(lines))


def _doctor(job: Job | None, language: Language) -> list[Section]:
    """Return the button that begins an examination, how far it is, and the findings of the last one."""
    title = tell(language, "Examination")
    lead = tell(
        language,
        "It checks keys, clock, database, logs, sources, policy, documents and addresses, and changes nothing.",
    )
    button = Button(tell(language, "Examine now"), kind="first")
    begin = Action(f"{PATH}/jobs", (button,), (Hidden("kind", JobKind.DOCTOR.value),))
    if job is None:
        return [Section(title, lead, actions=(begin,))]
    by = Row(tell(language, "Begun"), (at_us(job.started_us, language), job.by))
    if job.runs:
        link = Link(f"{PATH}/jobs/{job.kind}", tell(language, "See how far it is"))
        return [Section(title, lead, rows=(by,), running=tell(language, "The examination runs."), links=(link,))]
    if job.failure:
        why = Row(tell(language, "It could not be done"), (Text(job.failure["message"], "en"),))
        return [Section(title, lead, rows=(by, why), actions=(begin,))]
    return [Section(title, lead, rows=(by,), actions=(begin,)), findings_section(job.result["findings"], language)]


def _failing(works: list[Work], language: Language) -> Section:
    title = tell(language, "Work for administrators")
    if not works:
        done = tell(language, "Nothing waits for administrators")
        return Section(title, empty=(done, tell(language, "A channel to people that fails would stand here.")))
    open_since = [(work, at_us(work.opened_us, language)) for work in works]
    lines = tuple(
        Line(
            work.notice_id.removeprefix("notify-") or work.kind.value,
            Tag(tell(language, "fails"), "danger")
            if work.notice_id.startswith("notify-")
            else Tag(work_words(work.kind.value, language), "warn"),
            (tell(language, "since {time}", time=since), _advice(work, language)),
        )
        for work, since in open_since
    )
    return Section(title, lines=lines)


def _advice(work: Work, language: Language) -> str:
    if work.notice_id.startswith("notify-"):
        return tell(language, "correct [notify] in node.toml")
    return tell(language, "files of notices wait or stay shut: look at [attachments] in node.toml, and at the disk")


def _outboxes(outboxes: list[Outbox], language: Language) -> Section:
    title = tell(language, "Notices that wait for delivery")
    rows = tuple(
        Row(
            with_country(each.peer, language),
            (
                tell(language, "notices: {count}", count=each.waiting),
                tell(language, "the oldest since {time}", time=at_us(each.oldest_us, language)),
            ),
            note=each.problem,
        )
        for each in outboxes
    )
    empty = (tell(language, "Nothing waits"), tell(language, "All notices have been delivered."))
    return Section(title, rows=rows, empty=None if rows else empty)
