"""The page of a review, a finding or a counterpart's incident: what it is about, and the form that ends it."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from gateway.clock import rfc3339
from gateway.console.frame.errors import fault_of
from gateway.console.frame.forms import Form, text_of
from gateway.console.frame.page import Page, To
from gateway.console.frame.shapes import Button, Link, Row, Tag
from gateway.console.pages.oversight.freezes import freeze_link
from gateway.console.pages.oversight.shown import TEMPLATE, MatterView, row
from gateway.console.pages.threads.doing import once
from gateway.console.pages.threads.forms import ActForm, Sent, Writer, headline
from gateway.console.visits.door import Answer
from gateway.console.visits.visit import ConsoleParts, Visit
from gateway.desk.oversight.reviewing import Looked
from gateway.errors import Malformed, Refused
from gateway.language.catalogue import Sentences, tell
from gateway.language.countries import with_country
from gateway.language.dates import moment
from gateway.language.languages import Language
from gateway.language.terms import OFFENCES, PURPOSES, QUERIES, named
from gateway.model.desk.codes import FindingResult, ReviewResult
from gateway.model.desk.notices import Notice, Service
from gateway.model.desk.work import WorkKind
from gateway.model.handed.incidents import EndIncident
from gateway.model.handed.work import Settle
from gateway.ports.desk_uses import WorkItem
from gateway.views.desk.incidents import news_words
from gateway.views.desk.reviews import RESULTS, SETTLED, WHAT, rule_words
from gateway.views.desk.words import why_not_words, work_words
from gateway.views.search.fields import field_name
from gateway.views.search.lines import value_text

C = TypeVar("C", bound=StrEnum)
_RESULT, _TEXT = "matter-result", "matter-text"


def matter_path(work_id: str) -> str:
    """Return the address of the page of a review, a finding or an incident."""
    return f"/desk/work/{work_id}/matter"


class MatterPages:
    """Makes the pages of reviews, findings and incidents, and takes their forms."""

    def __init__(self, parts: ConsoleParts) -> None:
        self._parts = parts

    async def show(self, visit: Visit) -> Page:
        """Return what the work is about, once the entry of this look is durable."""
        return await self._page(visit, Sent())

    async def end(self, visit: Visit, form: Form) -> Answer:
        """Do the work."""
        try:
            await once(self._parts, visit, form, lambda: self._end(visit, form))
        except Refused as error:
            name = _TEXT if error.where == "text" else error.where if error.where in form.fields else "page"
            return await self._page(visit, Sent.of(form, {name: fault_of(error, visit.language)}))
        return To("/desk")

    async def _end(self, visit: Visit, form: Form) -> None:
        desk = self._parts.desk
        item = await desk.queue.work(visit.officer, visit.part("work"))
        if item.work.key.peer != self._parts.member:
            await desk.incidents.acknowledge(visit.actor, item.work.id, text_of(form, EndIncident, "text", _TEXT))
            return
        text = text_of(form, Settle, "text", _TEXT)
        if item.work.kind is WorkKind.REVIEW:
            await desk.reviews.review(visit.actor, item.work.id, _code(ReviewResult, form), text)
        else:
            await desk.reviews.settle(visit.actor, item.work.id, _code(FindingResult, form), text)

    async def _page(self, visit: Visit, sent: Sent) -> Page:
        desk, language = self._parts.desk, visit.language
        item = await desk.queue.work(visit.officer, visit.part("work"))
        title = headline(work_words(item.work.kind.value, language))
        if item.refusal:
            lead = f"{tell(language, 'Not by you:')} {why_not_words(item.refusal, language)}"
            return Page(TEMPLATE, title, MatterView(lead=lead, back="/desk"))
        writer = Writer(language, sent)
        if item.work.kind is WorkKind.INCIDENT and item.work.key.peer != self._parts.member:
            view = _of_counterpart(await desk.incidents.taken(visit.actor, item.work.id), item, writer)
        else:
            view = _of_ours(await desk.reviews.look(visit.actor, item.work.id), item, writer)
        return Page(TEMPLATE, title, view, 400 if sent.faults else 200)


def _of_counterpart(notice: Notice, item: WorkItem, writer: Writer) -> MatterView:
    body, language = notice.body, writer.language
    assert isinstance(body, Service)
    since = moment(rfc3339(body.since_us), language) if body.since_us else ""
    rows = (
        *row(tell(language, "What has happened"), body.text),
        *row(tell(language, "Since"), since),
        *row(tell(language, "Office"), notice.head.requester.office),
    )
    parts = (writer.of(EndIncident, "text", place=_TEXT),)
    button = Button(tell(language, "Acknowledge it"), kind="first")
    form = ActForm("matter", "", matter_path(item.work.id), parts, (button,), folded=False)
    lead = f"{with_country(notice.head.sender, language)}: {news_words(body.code.value, language)}"
    return _view(item, writer, lead, rows, form)


def _of_ours(found: Looked, item: WorkItem, writer: Writer) -> MatterView:
    language = writer.language
    words: Sentences = RESULTS if item.work.kind is WorkKind.REVIEW else SETTLED
    parts = (
        writer.one_of(Settle, "result", writer.told(words), place=_RESULT, draw="radio"),
        writer.of(Settle, "text", place=_TEXT),
    )
    button = Button(tell(language, "Write it down"), kind="first")
    form = ActForm("matter", "", matter_path(item.work.id), parts, (button,), folded=False)
    lead = headline(tell(language, WHAT[found.what]))
    links = (freeze_link(found.person, item.work.id, language),) if found.person and found.what == "finding" else ()
    return _view(item, writer, lead, _facts(found, language), form, links)


def _view(
    item: WorkItem, writer: Writer, lead: str, rows: tuple[Row, ...], form: ActForm, links: tuple[Link, ...] = ()
) -> MatterView:
    language = writer.language
    is_done = bool(item.work.done_us)
    return MatterView(
        tags=(Tag(tell(language, "done"), "done"),) if is_done else (),
        lead=lead,
        rows=rows,
        links=links,
        forms=() if is_done else (form,),
        faults=tuple(writer.sent.faults.items()),
        back="/desk",
    )


def _facts(found: Looked, language: Language) -> tuple[Row, ...]:
    first, last = (moment(rfc3339(at), language) if at else "" for at in (found.time_us, found.last_us))
    why = " · ".join(filter(None, (named(found.purpose, PURPOSES, language), named(found.offence, OFFENCES, language))))
    return (
        *row(tell(language, "What was found"), rule_words(found.rule, found.title, language) if found.rule else ""),
        *row(tell(language, "Country"), with_country(found.member, language) if found.member else ""),
        *row(tell(language, "Officer"), found.person),
        *row(tell(language, "Office"), found.office),
        *row(tell(language, "When"), first if last in ("", first) else f"{first} – {last}"),
        *row(tell(language, "Why"), why if found.purpose else ""),
        *row(tell(language, "Case"), found.case or found.ticket),
        *row(tell(language, "Question"), named(found.kind, QUERIES, language) if found.kind else ""),
        *(
            Row(field_name(name, language), (value_text(value, language, field=name),))
            for name, value in found.question.items()
            if value not in ("", [], None)
        ),
        *row(tell(language, "References"), ", ".join((*found.searches, *found.works))),
    )


def _code(kind: type[C], form: Form) -> C:
    try:
        return kind(form.one(_RESULT))
    except ValueError:
        raise Malformed("choose one of the answers", code="bad-outcome", where=_RESULT) from None
