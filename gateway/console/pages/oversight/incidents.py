"""The pages of incidents of ours: tell all counterparts of one, and see who has acknowledged it."""

from __future__ import annotations

from gateway.clock import rfc3339
from gateway.console.frame.errors import fault_of
from gateway.console.frame.forms import Form, text_of
from gateway.console.frame.page import Page, To, later_pages
from gateway.console.frame.shapes import Button, Cell, Link, Row, Table, Tag, Task, Tone
from gateway.console.pages.oversight.shown import TEMPLATE, MatterView, row
from gateway.console.pages.threads.doing import once
from gateway.console.pages.threads.forms import ActForm, Sent, Writer, headline
from gateway.console.visits.door import Answer
from gateway.console.visits.visit import ConsoleParts, Visit
from gateway.desk.oversight.values import IncidentItem, IncidentStand, Standing
from gateway.errors import Malformed, Refused
from gateway.language.catalogue import tell
from gateway.language.countries import with_country
from gateway.language.dates import moment
from gateway.language.languages import Language
from gateway.model.handed.incidents import EndIncident, NewsCode, TellMore, TellNews
from gateway.model.names import exchange_id
from gateway.views.desk.incidents import NEWS, STANDINGS, news_words

PATH = "/incidents"
_TEXT, _CODE = "incident-text", "incident-code"
_TONES: dict[Standing, Tone] = {
    Standing.ACKNOWLEDGED: "done",
    Standing.DELIVERED: "info",
    Standing.WAITING: "warn",
    Standing.NOT_TAKEN: "danger",
}


class IncidentPages:
    """Makes the pages of incidents of ours, and takes their forms."""

    def __init__(self, parts: ConsoleParts) -> None:
        self._parts = parts

    async def all(self, visit: Visit) -> Page:
        """Return the incidents of ours, with the form that tells of a new one."""
        return await self._all(visit, Sent())

    async def tell(self, visit: Visit, form: Form) -> Answer:
        """Tell all counterparts of an incident."""
        try:
            await once(self._parts, visit, form, lambda: self._tell(visit, form))
        except Refused as error:
            return await self._all(visit, Sent.of(form, {_field(error, form): fault_of(error, visit.language)}))
        return To(PATH)

    async def show(self, visit: Visit) -> Page:
        """Return one incident of ours."""
        return await self._one(visit, Sent())

    async def change(self, visit: Visit, form: Form) -> Answer:
        """Tell more of an incident, or its end."""
        try:
            await once(self._parts, visit, form, lambda: self._change(visit, form))
        except Refused as error:
            return await self._one(visit, Sent.of(form, {_field(error, form): fault_of(error, visit.language)}))
        return To(f"{PATH}/{visit.part('incident')}")

    async def _tell(self, visit: Visit, form: Form) -> None:
        try:
            code = NewsCode(form.one(_CODE))
        except ValueError:
            raise Malformed("choose one of the answers", code="bad-outcome", where=_CODE) from None
        await self._parts.desk.incidents.tell(visit.actor, TellNews(text_of(form, TellNews, "text", _TEXT), code))

    async def _change(self, visit: Visit, form: Form) -> None:
        incidents, name = self._parts.desk.incidents, exchange_id(visit.part("incident"))
        if form.one("do") == "close":
            await incidents.close(visit.actor, name, text_of(form, EndIncident, "text", _TEXT))
        else:
            await incidents.add(visit.actor, name, text_of(form, TellMore, "text", _TEXT))

    async def _all(self, visit: Visit, sent: Sent) -> Page:
        language, writer = visit.language, Writer(visit.language, sent)
        found = await self._parts.desk.incidents.all(visit.actor, over=True, after=visit.query("after"))
        codes = {code.value: tell(language, NEWS[code.value]) for code in NewsCode}
        parts = (
            writer.one_of(TellNews, "code", codes, NewsCode.INCIDENT.value, place=_CODE, draw="radio"),
            writer.of(TellNews, "text", place=_TEXT),
        )
        send = Button(tell(language, "Tell all counterparts now"), kind="first")
        title = tell(language, "Tell of an incident")
        form = ActForm("tell", title, PATH, parts, (send,), open=writer.has_fault(parts) or not found.items)
        view = MatterView(
            lead=tell(language, "Partners must know of a security incident within 24 hours."),
            tasks=tuple(_task(item, language) for item in found.items),
            pages=later_pages(PATH, found.next, language),
            forms=(form,),
            faults=tuple(sent.faults.items()),
        )
        return Page(TEMPLATE, tell(language, "Incidents"), view, 400 if sent.faults else 200)

    async def _one(self, visit: Visit, sent: Sent) -> Page:
        language, name = visit.language, exchange_id(visit.part("incident"))
        item = await self._parts.desk.incidents.show(visit.actor, name)
        incident = item.incident
        title = headline(news_words(incident.code.value, language))
        view = MatterView(
            tags=(_counted(item, language),),
            rows=_said(item, language),
            table=_table(item, language),
            forms=(_form(item, Writer(language, sent)),) if item.may_tell else (),
            faults=tuple(sent.faults.items()),
            back=PATH,
        )
        return Page(TEMPLATE, title, view, 400 if sent.faults else 200)


def _field(error: Refused, form: Form) -> str:
    return _TEXT if error.where == "text" else error.where if error.where in form.fields else "page"


def _counted(item: IncidentItem, language: Language) -> Tag:
    told = tell(language, "{count} of {all} have acknowledged it", count=item.acknowledged, all=len(item.stands))
    return Tag(told, "done" if item.acknowledged == len(item.stands) else "warn")


def _task(item: IncidentItem, language: Language) -> Task:
    incident = item.incident
    link = Link(f"{PATH}/{incident.id}", news_words(incident.code.value, language))
    over = (Tag(news_words("RESUMED", language), "quiet"),) if incident.is_over else ()
    return Task(link, (moment(rfc3339(incident.told_us), language),), tags=(_counted(item, language), *over))


def _said(item: IncidentItem, language: Language) -> tuple[Row, ...]:
    words = item.incident.words
    since = moment(rfc3339(words[0].since_us), language)
    told = (row(news_words(word.code.value, language), word.text) for word in words)
    return (*row(tell(language, "Since"), since), *(one for rows in told for one in rows))


def _table(item: IncidentItem, language: Language) -> Table:
    heads = (tell(language, "Country"), tell(language, "State"), tell(language, "When"), tell(language, "Words"))
    return Table(
        tell(language, "Who has acknowledged it"), heads, tuple(_stand_row(one, language) for one in item.stands)
    )


def _stand_row(stand: IncidentStand, language: Language) -> tuple[Cell | str, ...]:
    return (
        with_country(stand.member, language),
        Cell(tell(language, STANDINGS[stand.standing.value]), tone=_TONES[stand.standing]),
        moment(rfc3339(stand.time_us), language) if stand.time_us else "",
        stand.text,
    )


def _form(item: IncidentItem, writer: Writer) -> ActForm:
    language = writer.language
    parts = (writer.of(TellMore, "text", place=_TEXT),)
    buttons = (
        Button(tell(language, "Tell all of them"), "do", "more", "first"),
        Button(tell(language, "It is over: tell all of them"), "do", "close"),
    )
    return ActForm("more", "", f"{PATH}/{item.incident.id}", parts, buttons, folded=False)
