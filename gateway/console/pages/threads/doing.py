"""Do what a person sends from the page of a thread. A second press of the same form changes nothing."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import StrEnum
from typing import TypeVar

from adapters.values.dates import western_digits
from gateway.console.frame.errors import fault_of
from gateway.console.frame.forms import Form
from gateway.console.frame.page import To
from gateway.console.pages.threads.forms import Sent, thread_path
from gateway.console.pages.threads.page import ThreadPages
from gateway.console.uploads.attached import BROUGHT
from gateway.console.visits.door import Answer, FormHandler
from gateway.console.visits.visit import ConsoleParts, Visit
from gateway.errors import Malformed, Refused
from gateway.model.desk.attachments import Attachment
from gateway.model.desk.notices import MAX_WORDS, Ask, Note, OutcomeCode, OutcomeReport, StatusCode
from gateway.model.desk.threads import ThreadKey, ThreadKind, ThreadState
from gateway.model.handed.asks import Reasons
from gateway.model.handed.basis import MAX_REASON
from gateway.model.names import identifier
from gateway.model.values import text_value

Act = Callable[[Visit, Form, ThreadKey], Awaitable[None]]
"""An act on a thread."""

C = TypeVar("C", bound=StrEnum)
_MAX_DIGITS = 9


async def once(
    parts: ConsoleParts,
    visit: Visit,
    form: Form,
    act: Callable[[], Awaitable[object]],
    files: Sequence[Attachment] = (),
) -> None:
    """Do something once for the same form with the same words and files.

    What was refused or broken off can be sent again.
    """
    fields = sorted((name, values) for name, values in form.fields.items() if name != BROUGHT)
    said = repr((visit.request.url.path, fields, [(each.name, each.root) for each in files])).encode()
    keys = parts.desk.keys
    async with keys.once(visit.actor, f"form {hashlib.sha256(said).hexdigest()}", said) as claim:
        if not claim.answer:
            await act()
            await asyncio.to_thread(keys.keep, claim, b"done")


def written(form: Form, name: str, most: int = MAX_WORDS, *, needed: bool = True) -> str:
    """Return the text of a field as one line, as notices have it. Raises `Malformed`, which names the field."""
    text = " ".join(form.one(name).split())
    if not text and needed:
        raise Malformed("write something here", code="text-missing", where=name)
    return text_value(text, name, most) if text else ""


class ThreadActs:
    """The acts on a thread and on its work: each ends on the page of the thread."""

    def __init__(self, parts: ConsoleParts, pages: ThreadPages) -> None:
        self._parts = parts
        self._pages = pages
        self.on_work: Mapping[str, Act] = {
            "take": self._take,
            "assign": self._assign,
            "pass-on": self._pass_on,
            "approve": self._approve,
            "read": self._read,
            "acknowledge": self._acknowledge,
            "comply": self._comply,
        }
        self.on_thread: Mapping[str, Act] = {
            "open": self._open,
            "clarify": self._clarify,
            "note": self._note,
            "withdraw": self._withdraw,
            "outcome": self._outcome,
            "not-same": self._not_same,
        }

    def of_work(self, act: Act) -> FormHandler:
        """Return the handler of an act on work."""

        async def handle(visit: Visit, form: Form) -> Answer:
            item = await self._parts.desk.queue.work(visit.officer, visit.part("work"))
            return await self._done(visit, form, item.work.key, act)

        return handle

    def of_thread(self, act: Act) -> FormHandler:
        """Return the handler of an act on a thread."""

        async def handle(visit: Visit, form: Form) -> Answer:
            key = await self._parts.desk.reading.key(visit.officer, visit.part("thread"), visit.part("peer"))
            return await self._done(visit, form, key, act)

        return handle

    async def _done(self, visit: Visit, form: Form, key: ThreadKey, act: Act) -> Answer:
        path = thread_path(key)
        try:
            await once(self._parts, visit, form, lambda: act(visit, form, key))
        except Refused as error:
            name = error.where if error.where in form.fields else "page"
            return await self._pages.page(
                visit, key.peer, key.thread_id, Sent.of(form, {name: fault_of(error, visit.language)})
            )
        if act == self._pass_on:
            return To("/desk")
        return To(f"{path}/package" if act == self._open else path)

    # ------------------------------------------------------------ work

    async def _take(self, visit: Visit, _form: Form, _key: ThreadKey) -> None:
        await self._parts.desk.queue.take(visit.officer, visit.part("work"))

    async def _assign(self, visit: Visit, form: Form, _key: ThreadKey) -> None:
        await self._parts.desk.queue.assign(visit.officer, visit.part("work"), form.one("assign-person"))

    async def _pass_on(self, visit: Visit, form: Form, _key: ThreadKey) -> None:
        work = visit.part("work")
        reason = written(form, f"pass-on-{work}-reason", MAX_REASON)
        await self._parts.desk.handing.pass_on(visit.actor, work, form.one(f"pass-on-{work}"), reason)

    async def _approve(self, visit: Visit, form: Form, _key: ThreadKey) -> None:
        desk = self._parts.desk
        item = await desk.queue.work(visit.officer, visit.part("work"))
        if form.one("do") == "approve":
            await desk.approve(visit.actor, item)
        else:
            await desk.decline(visit.actor, item, written(form, "decline-reason", MAX_REASON))

    async def _read(self, visit: Visit, _form: Form, _key: ThreadKey) -> None:
        await self._parts.desk.handing.note_read(visit.actor, visit.part("work"))

    async def _acknowledge(self, visit: Visit, form: Form, key: ThreadKey) -> None:
        answer = _code(StatusCode, form.one("acknowledge-answer"), "acknowledge-answer")
        text = written(form, "acknowledge-text", needed=False)
        reason = form.one("acknowledge-reason")
        if answer is StatusCode.NOT_EXECUTED and not reason:
            raise Malformed("choose the reason in law", code="missing-field", where="acknowledge-reason")
        if (await self._parts.desk.reading.after(key)).thread.kind is ThreadKind.ROOM:
            await self._parts.desk.rooms.answer(visit.actor, key, answer, text)
            return
        await self._parts.desk.taken_alerts.tell(
            visit.actor, key, answer, reason if answer is StatusCode.NOT_EXECUTED else "", text
        )

    async def _comply(self, visit: Visit, form: Form, _key: ThreadKey) -> None:
        objection, is_object = form.one("comply-objection"), form.one("do") == "object"
        if is_object and not objection:
            raise Malformed("choose the reason of the objection", code="missing-field", where="comply-objection")
        text = written(form, "comply-text", needed=False)
        code = identifier(objection, "comply-objection") if is_object else ""
        await self._parts.desk.compliance.comply(visit.actor, visit.part("work"), objection=code, text=text)

    # ------------------------------------------------------------ threads

    async def _open(self, visit: Visit, _form: Form, key: ThreadKey) -> None:
        await self._parts.desk.packages.open(visit.actor, key)

    async def _clarify(self, visit: Visit, form: Form, key: ThreadKey) -> None:
        desk = self._parts.desk
        facts = written(form, "clarify-facts")
        content = await desk.reading.thread(visit.officer, key.thread_id, key.peer)
        asks = (item.notice.body for item in reversed(content.notices) if item.notice is not None)
        ask = next((body for body in asks if isinstance(body, Ask)), None)
        if ask is None:
            raise Malformed("the question is erased", code="bad-ask", where="page")
        reasons = Reasons(
            facts=facts,
            urgency=content.item.thread.urgency,
            why_you=ask.why_you,
            link=ask.link,
            category=ask.category,
            held_until_us=ask.held_until_us,
        )
        await desk.packages.clarify(visit.actor, key, reasons)

    async def _note(self, visit: Visit, form: Form, key: ThreadKey) -> None:
        note = Note(visit.language.value, written(form, "note-text"))
        await self._parts.desk.packages.note(visit.actor, key, note)

    async def _withdraw(self, visit: Visit, form: Form, key: ThreadKey) -> None:
        desk, reason = self._parts.desk, written(form, "withdraw-reason", MAX_REASON)
        is_draft = (await desk.reading.after(key)).state is ThreadState.NEW
        act = desk.approvals.take_back if is_draft else desk.packages.withdraw
        await act(visit.actor, key, reason)

    async def _outcome(self, visit: Visit, form: Form, key: ThreadKey) -> None:
        desk = self._parts.desk
        outcome = OutcomeReport(
            _code(OutcomeCode, form.one("outcome-code"), "outcome-code"),
            written(form, "outcome-substance", 64, needed=False),
            _number(form, "outcome-grams"),
            _number(form, "outcome-units"),
            _number(form, "outcome-persons"),
            written(form, "outcome-text", needed=False),
        )
        kind = (await desk.reading.after(key)).thread.kind
        if kind is ThreadKind.ALERT:
            await desk.taken_alerts.report(visit.actor, key, outcome)
        elif kind is ThreadKind.OUTCOME:
            await desk.outcomes.again(visit.actor, key, outcome)
        else:
            await desk.packages.tell_outcome(visit.actor, key, outcome)

    async def _not_same(self, visit: Visit, form: Form, key: ThreadKey) -> None:
        await self._parts.desk.packages.not_same(visit.actor, key, written(form, "not-same-reason", MAX_REASON))


def _code(kind: type[C], value: str, field: str) -> C:
    try:
        return kind(value)
    except ValueError:
        raise Malformed("choose one of the answers", code="bad-outcome", where=field) from None


def _number(form: Form, name: str) -> int:
    """Return a whole number, in the digits of any script; 0 for none."""
    text = western_digits(form.one(name).strip())
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS):
        raise Malformed("write a whole number", code="bad-outcome", where=name)
    return int(text)
