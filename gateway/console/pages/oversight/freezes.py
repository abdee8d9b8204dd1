"""The pages of frozen accounts: those that are frozen or are to be, and the one that a second person decides on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import urlencode

from gateway.clock import rfc3339
from gateway.console.frame.errors import fault_of
from gateway.console.frame.forms import Form, text_of
from gateway.console.frame.page import Page, To, later_pages
from gateway.console.frame.records import as_written
from gateway.console.frame.shapes import Button, Hidden, Link, Table, Tag, Task, Text, Tone
from gateway.console.pages.oversight.shown import TEMPLATE, MatterView
from gateway.console.pages.threads.doing import once
from gateway.console.pages.threads.forms import ActForm, Sent, Writer
from gateway.console.visits.door import Answer
from gateway.console.visits.own_matter import WORK
from gateway.console.visits.visit import ConsoleParts, Visit
from gateway.desk.oversight.frozen import Freeze, Stage
from gateway.errors import Refused
from gateway.language.catalogue import tell
from gateway.language.dates import moment
from gateway.language.languages import Language
from gateway.model.desk.threads import ThreadKey
from gateway.model.desk.work import Role
from gateway.model.handed.freezes import AskFreeze, LiftFreeze
from gateway.model.handed.work import Approve
from gateway.model.names import ExchangeId, MemberId, exchange_id
from gateway.views.desk.freezes import stage_words

PATH = "/freezes"
_PERSON, _REASON, _WORK = "person", "reason", "work"
_TONES: dict[Stage, Tone] = {
    Stage.ASKED: "warn",
    Stage.FROZEN: "danger",
    Stage.LIFTING: "danger",
    Stage.LIFTED: "done",
    Stage.DECLINED: "quiet",
}


def freeze_link(person: str, work: str, language: Language) -> Link:
    """Return the link by which a finding leads to the form that asks for a freezing."""
    return Link(
        f"{PATH}?{urlencode({_PERSON: person, _WORK: work})}", tell(language, "Ask that this account is frozen")
    )


class FreezePages:
    """Makes the pages of frozen accounts, and takes their forms."""

    def __init__(self, parts: ConsoleParts) -> None:
        self._parts = parts

    async def all(self, visit: Visit) -> Page:
        """Return the accounts, with the form that asks for a freezing."""
        return await self._all(visit, Sent())

    async def ask(self, visit: Visit, form: Form) -> Answer:
        """Ask that an account is frozen."""

        async def act() -> None:
            command = AskFreeze(form.one(_PERSON).strip(), text_of(form, AskFreeze, _REASON), visit.query(_WORK))
            await self._parts.desk.freezes.ask(visit.actor, command)

        return await self._done(visit, form, act, self._all, PATH)

    async def show(self, visit: Visit) -> Page:
        """Return the freezing of one account."""
        return await self._one(visit, Sent())

    async def decide(self, visit: Visit, form: Form) -> Answer:
        """Approve or decline what another person asked for."""
        freezes, key = self._parts.desk.freezes, ThreadKey(MemberId(self._parts.member), _id(visit))

        async def act() -> None:
            if form.one("do") == "approve":
                await freezes.approve_work(visit.actor, key, form.one(WORK))
            else:
                await freezes.decline_work(visit.actor, key, text_of(form, LiftFreeze, _REASON), form.one(WORK))

        return await self._done(visit, form, act, self._one, f"{PATH}/{visit.part('freeze')}")

    async def lift(self, visit: Visit, form: Form) -> Answer:
        """Ask that an account is free again."""

        async def act() -> None:
            await self._parts.desk.freezes.lift(visit.actor, _id(visit), text_of(form, LiftFreeze, _REASON))

        return await self._done(visit, form, act, self._one, f"{PATH}/{visit.part('freeze')}")

    async def _done(
        self,
        visit: Visit,
        form: Form,
        act: Callable[[], Awaitable[None]],
        page: Callable[[Visit, Sent], Awaitable[Page]],
        path: str,
    ) -> Answer:
        try:
            await once(self._parts, visit, form, act)
        except Refused as error:
            name = error.where if error.where in (_PERSON, _REASON) else _REASON
            return await page(visit, Sent.of(form, {name: fault_of(error, visit.language)}))
        return To(path)

    async def _all(self, visit: Visit, sent: Sent) -> Page:
        language, writer, is_over = visit.language, Writer(visit.language, sent), visit.query("list") == "over"
        found = await self._parts.desk.freezes.all(visit.actor, over=is_over, limit=100, after=visit.query("after"))
        over = Link(f"{PATH}?list=over", tell(language, "Those that are over, as well"))
        view = MatterView(
            lead=tell(language, "A frozen account can do nothing. Freezing it takes two persons, and so does its end."),
            tasks=tuple(_task(one, language) for one in found.items),
            pages=(*later_pages(PATH, found.next, language, list=visit.query("list")), *(() if is_over else (over,))),
            forms=(_ask_form(visit, writer, is_open=not found.items),),
            faults=tuple(sent.faults.items()),
        )
        return Page(TEMPLATE, tell(language, "Frozen accounts"), view, 400 if sent.faults else 200)

    async def _one(self, visit: Visit, sent: Sent) -> Page:
        language, writer = visit.language, Writer(visit.language, sent)
        one = await self._parts.desk.freezes.show(visit.actor, _id(visit))
        finding = Link(f"/desk/work/{one.work}/matter", tell(language, "The finding that led to it"))
        view = MatterView(
            tags=(_tag(one, language),),
            table=_table(one, language),
            links=(finding,) if one.work and Role.SECURITY_OFFICER in visit.roles else (),
            forms=_forms(one, visit, writer),
            faults=tuple(sent.faults.items()),
            back=PATH,
        )
        title = tell(language, "Account of {person}", person=one.person)
        return Page(TEMPLATE, title, view, 400 if sent.faults else 200)


def _id(visit: Visit) -> ExchangeId:
    return exchange_id(visit.part("freeze"))


def _tag(one: Freeze, language: Language) -> Tag:
    return Tag(stage_words(one.stage.value, language), _TONES[one.stage])


def _task(one: Freeze, language: Language) -> Task:
    asked, last = one.steps[0], one.steps[-1]
    about: tuple[Text | str, ...] = (*as_written(asked.reason), moment(rfc3339(last.time_us), language))
    return Task(Link(f"{PATH}/{one.id}", one.person), about, tags=(_tag(one, language),))


def _table(one: Freeze, language: Language) -> Table:
    heads = (tell(language, "When"), tell(language, "Person"), tell(language, "State"), tell(language, "Why"))
    rows = tuple(
        (
            moment(rfc3339(step.time_us), language),
            step.by,
            stage_words(step.stage.value, language),
            *(as_written(step.reason) or ("",)),
        )
        for step in one.steps
    )
    return Table(tell(language, "Who did what"), heads, rows)


def _ask_form(visit: Visit, writer: Writer, *, is_open: bool) -> ActForm:
    language, person, work = writer.language, visit.query(_PERSON), visit.query(_WORK)
    parts = (
        writer.of(AskFreeze, _PERSON, person, hint=tell(language, "such as {example}", example="th.o.1042")),
        writer.of(AskFreeze, _REASON),
    )
    send = Button(tell(language, "Ask that it is frozen"), kind="danger")
    action = f"{PATH}?{urlencode({_PERSON: person, _WORK: work})}" if work else PATH
    opened = is_open or bool(person) or writer.has_fault(parts)
    return ActForm("ask", tell(language, "Ask that an account is frozen"), action, parts, (send,), open=opened)


def _forms(one: Freeze, visit: Visit, writer: Writer) -> tuple[ActForm, ...]:
    """Return the form that decides, for another person than the one who asked, or the one that asks for the end."""
    language, path = writer.language, f"{PATH}/{one.id}"
    if one.waits:
        if one.steps[-1].by == visit.officer.person:
            return ()
        parts = (writer.of(Approve, _REASON),)
        free = one.stage is Stage.LIFTING
        yes = tell(language, "Approve: it is free again") if free else tell(language, "Approve: it is frozen at once")
        buttons = (
            Button(yes, "do", "approve", "first" if free else "danger"),
            Button(tell(language, "Decline"), "do", "decline"),
        )
        return (
            ActForm("decide", "", f"{path}/decide", parts, buttons, folded=False, hidden=(Hidden(WORK, one.approval),)),
        )
    if one.stage is not Stage.FROZEN:
        return ()
    parts = (writer.of(LiftFreeze, _REASON),)
    send = Button(tell(language, "Ask that it is free again"), kind="first")
    title = tell(language, "Free it again")
    return (ActForm("lift", title, f"{path}/lift", parts, (send,), open=writer.has_fault(parts)),)
