"""Do what a person sends from the page of a thread. A second press of the same form changes nothing."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence

from gateway.console.frame.errors import fault_of
from gateway.console.frame.forms import Form, text_of
from gateway.console.frame.page import To
from gateway.console.pages.alerts.outcome import read_outcome
from gateway.console.pages.threads.forms import Sent, thread_path
from gateway.console.pages.threads.page import ThreadPages
from gateway.console.uploads.attached import BROUGHT
from gateway.console.visits.door import Answer, FormHandler
from gateway.console.visits.visit import ConsoleParts, Visit
from gateway.errors import Malformed, Refused
from gateway.model.desk.attachments import Attachment
from gateway.model.desk.notices import Ask, Note, StatusCode
from gateway.model.desk.threads import ThreadKey, ThreadKind, ThreadState
from gateway.model.handed.asks import Reasons
from gateway.model.handed.changes import Comply
from gateway.model.handed.work import GiveReason, Mark, PassOn, React, WriteNote
from gateway.model.names import identifier

Act = Callable[[Visit, Form, ThreadKey], Awaitable[None]]
"""An act on a thread."""


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
    # Without the ids of files: a file that is sent again has another id, and is the same by its root.
    fields = sorted((name, values) for name, values in form.fields.items() if name != BROUGHT)
    said = repr((visit.request.url.path, fields, [(each.name, each.root) for each in files])).encode()
    keys = parts.desk.keys
    async with keys.once(visit.actor, f"form {hashlib.sha256(said).hexdigest()}", said) as claim:
        if not claim.answer:
            await act()
            await asyncio.to_thread(keys.keep, claim, b"done")


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
        # The work is another agency's now, and this person may not read its thread any more.
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
        reason = text_of(form, PassOn, "reason", f"pass-on-{work}-reason")
        await self._parts.desk.handing.pass_on(visit.actor, work, form.one(f"pass-on-{work}"), reason)

    async def _approve(self, visit: Visit, form: Form, _key: ThreadKey) -> None:
        desk = self._parts.desk
        item = await desk.queue.work(visit.officer, visit.part("work"))
        if form.one("do") == "approve":
            await desk.approve(visit.actor, item)
        else:
            await desk.decline(visit.actor, item, text_of(form, GiveReason, "reason", "decline-reason"))

    async def _read(self, visit: Visit, _form: Form, _key: ThreadKey) -> None:
        await self._parts.desk.handing.note_read(visit.actor, visit.part("work"))

    async def _acknowledge(self, visit: Visit, form: Form, key: ThreadKey) -> None:
        answer = _status(form.one("acknowledge-answer"))
        text = text_of(form, React, "text", "acknowledge-text")
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
        text = text_of(form, Comply, "text", "comply-text")
        code = identifier(objection, "comply-objection") if is_object else ""
        await self._parts.desk.compliance.comply(visit.actor, visit.part("work"), objection=code, text=text)

    # ------------------------------------------------------------ threads

    async def _open(self, visit: Visit, _form: Form, key: ThreadKey) -> None:
        await self._parts.desk.packages.open(visit.actor, key)

    async def _clarify(self, visit: Visit, form: Form, key: ThreadKey) -> None:
        desk = self._parts.desk
        facts = text_of(form, Reasons, "facts", "clarify-facts")
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
        note = Note(visit.language.value, text_of(form, WriteNote, "text", "note-text"))
        await self._parts.desk.packages.note(visit.actor, key, note)

    async def _withdraw(self, visit: Visit, form: Form, key: ThreadKey) -> None:
        desk, reason = self._parts.desk, text_of(form, GiveReason, "reason", "withdraw-reason")
        is_draft = (await desk.reading.after(key)).state is ThreadState.NEW
        act = desk.approvals.take_back if is_draft else desk.packages.withdraw
        await act(visit.actor, key, reason)

    async def _outcome(self, visit: Visit, form: Form, key: ThreadKey) -> None:
        desk = self._parts.desk
        outcome = read_outcome(form)
        kind = (await desk.reading.after(key)).thread.kind
        if kind is ThreadKind.ALERT:
            await desk.taken_alerts.report(visit.actor, key, outcome)
        elif kind is ThreadKind.OUTCOME:
            await desk.outcomes.again(visit.actor, key, outcome)
        else:
            await desk.packages.tell_outcome(visit.actor, key, outcome)

    async def _not_same(self, visit: Visit, form: Form, key: ThreadKey) -> None:
        await self._parts.desk.packages.not_same(visit.actor, key, text_of(form, Mark, "reason", "not-same-reason"))


def _status(value: str) -> StatusCode:
    try:
        return StatusCode(value)
    except ValueError:
        raise Malformed("choose one of the answers", code="bad-outcome", where="acknowledge-answer") from None
