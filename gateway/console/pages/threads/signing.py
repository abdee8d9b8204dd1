"""The page on which a prepared decision is signed: by the passkey of its author, or by a second person."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.console.frame.clocks import clock_of
from gateway.console.frame.errors import fault_of
from gateway.console.frame.forms import Form, text_of
from gateway.console.frame.page import Page, To
from gateway.console.frame.records import as_written, record_rows
from gateway.console.frame.shapes import Banner, Clock, Row
from gateway.console.pages.threads.doing import once
from gateway.console.pages.threads.forms import Part, Sent, Writer, thread_path
from gateway.console.uploads.attached import file_row
from gateway.console.visits.door import Answer
from gateway.console.visits.visit import ConsoleParts, Visit
from gateway.desk.second_step.deciding import Waiting
from gateway.errors import Malformed, Refused
from gateway.language.catalogue import tell
from gateway.language.countries import with_country
from gateway.language.languages import Language
from gateway.language.terms import RECORD_TYPES, named
from gateway.model.handed.work import Sign
from gateway.signing import strict_json
from gateway.signing.passkeys.assertion import Assertion, browser_assertion
from gateway.views.desk.words import notice_words, reason_words
from gateway.views.search.lines import marking_text

_MOST_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class ReleasedView:
    """A record that leaves: its type, its fields, and the rules for who gets it."""

    title: str
    rows: Sequence[Row]
    marking: str


@dataclass(frozen=True, slots=True)
class SigningView:
    """Shows what leaves, and the form that signs it. `options` are for the passkey; empty where none is needed.

    `matter` and `work` are paths.
    """

    peer: str
    notices: Sequence[Banner]
    clock: Clock | None
    answer: Sequence[Row]
    records: Sequence[ReleasedView]
    parts: Sequence[Part]
    reason: str
    options: str
    matter: str
    work: str
    is_second: bool
    faults: Sequence[tuple[str, str]] = ()


class SigningPages:
    """The pages of decisions that wait for a passkey or a second person."""

    def __init__(self, parts: ConsoleParts) -> None:
        self._parts = parts

    async def show(self, visit: Visit) -> Page:
        """Return exactly what will leave, with the challenge over its bytes."""
        return await self._page(visit, Sent())

    async def sign(self, visit: Visit, form: Form) -> Answer:
        """Take the signature of the passkey, or the second person's decision."""
        work = visit.part("work")
        key = (await self._parts.desk.queue.work(visit.officer, work)).work.key

        async def run() -> None:
            reason = text_of(form, Sign, "reason")
            await self._parts.desk.decisions.sign(visit.actor, work, reason, _assertion(form))

        try:
            await once(self._parts, visit, form, run)
        except Refused as error:
            name = "reason" if error.where == "reason" else "page"
            return await self._page(visit, Sent.of(form, {name: fault_of(error, visit.language)}))
        return To(thread_path(key))

    async def _page(self, visit: Visit, sent: Sent) -> Page:
        desk, work = self._parts.desk, visit.part("work")
        found = await desk.decisions.waiting(visit.actor, work)
        await desk.reading.note(visit.officer, found.matter.work.key, "choice")
        view = _view(found, visit, sent)
        title = tell(visit.language, "The second decision" if view.is_second else "Sign what leaves")
        return Page("pages/threads/signing.html", title, view, 400 if sent.faults else 200)


def _assertion(form: Form) -> Assertion | None:
    """Return what the passkey signed, as the browser's script put it into the form; None without one."""
    text = form.one("assertion")
    if not text:
        return None
    said = strict_json.loads(text.encode("utf-8", "replace"), _MOST_BYTES)
    if not isinstance(said, dict):
        raise Malformed("the passkey's answer cannot be read", code="bad-request", where="assertion")
    return browser_assertion(said)


def _view(found: Waiting, visit: Visit, sent: Sent) -> SigningView:
    language, work, writer = visit.language, found.matter.work, Writer(visit.language, sent)
    is_second = bool(found.first)
    reason = writer.of(Sign, "reason")
    return SigningView(
        peer=with_country(work.key.peer, language),
        notices=_notices(found, language),
        clock=clock_of(work, visit.now_us, language),
        answer=_answer(found, language),
        records=tuple(_released(record, language) for record in found.records),
        parts=(reason,) if is_second else (),
        reason="" if is_second else found.reason,
        options=json.dumps(found.options) if found.options is not None else "",
        matter=thread_path(work.key),
        work=f"/desk/work/{work.id}",
        is_second=is_second,
        faults=tuple(sent.faults.items()),
    )


def _notices(found: Waiting, language: Language) -> tuple[Banner, ...]:
    if not found.first:
        return ()
    title = tell(language, "{person} has decided. A second person decides as well.", person=found.first)
    return (Banner(title, as_written(found.reason), "info"),)


def _answer(found: Waiting, language: Language) -> tuple[Row, ...]:
    reply = found.reply
    rows = [Row(tell(language, "Answer"), (notice_words("reply", reply.code.value, language),))]
    if reply.reason:
        rows.append(Row(tell(language, "Why it is refused"), (reason_words(reply.reason, language),)))
    if reply.text:
        rows.append(Row(tell(language, "Words for the other side"), as_written(reply.text)))
    if found.attachments:
        rows.append(file_row(found.attachments, language))
    return tuple(rows)


def _released(record: dict[str, object], language: Language) -> ReleasedView:
    kind, fields, marking = str(record["type"]), record["fields"], record["marking"]
    assert isinstance(fields, dict)
    assert isinstance(marking, dict)
    return ReleasedView(
        named(kind, RECORD_TYPES, language), record_rows(fields, kind, language), marking_text(marking, language)
    )
