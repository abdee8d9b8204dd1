"""The page of a decision: what is released, field by field, or another answer; then the person's passkey signs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from gateway.console.frame.clocks import clock_of
from gateway.console.frame.errors import fault_of, problem_of
from gateway.console.frame.forms import Form, text_of, written
from gateway.console.frame.page import Page, To
from gateway.console.frame.records import foreign
from gateway.console.frame.shapes import Banner, Clock, Link, Row, Text
from gateway.console.pages.threads.doing import once
from gateway.console.pages.threads.facts import ask_rows, held_clock, subject
from gateway.console.pages.threads.forms import Part, Sent, Writer, thread_path
from gateway.console.uploads.attached import FILES, Attached, FilesPart, files_part
from gateway.console.uploads.file_form import FileForm
from gateway.console.visits.door import Answer
from gateway.console.visits.visit import ConsoleParts, Visit
from gateway.desk.second_step.deciding import Choice, Matter
from gateway.errors import Forbidden, Malformed, Refused, Stale, Unavailable
from gateway.language.catalogue import Sentences, tell
from gateway.language.countries import with_country
from gateway.language.languages import Language
from gateway.language.sentences import refusal
from gateway.language.terms import RECORD_TYPES, named
from gateway.model.desk.notices import About, ReplyCode
from gateway.model.handed.asks import Decide
from gateway.records.types import RECORD_TYPES as RECORD_KINDS
from gateway.views.desk.words import REFUSED_FOR, REPLIES
from gateway.views.search.fields import field_name, told_fields
from gateway.views.search.lines import marking_text

_OTHERS = ("CLARIFY", "NOTHING_HELD", "PASSED_ON", "NEEDS_COURT", "REFUSED")
_GIVES: Sentences = {
    "hit": "give the fields that are ticked",
    "consent": "give the consent that is asked for",
    "question": "answer in words",
}
_TEXT_NEEDED = frozenset({ReplyCode.CLARIFY, ReplyCode.REFUSED})


@dataclass(frozen=True, slots=True)
class FieldBox:
    """A field of the record: ticked when it goes. One that policy keeps back has no value, and cannot be ticked."""

    name: str
    label: str
    values: tuple[Text | str, ...]
    hint: str
    chosen: bool
    disabled: bool


@dataclass(frozen=True, slots=True)
class DecisionView:
    """The ask, the record behind it, and the form of the answer."""

    notices: Sequence[Banner]
    clock: Clock | None
    held: Clock | None
    rows: Sequence[Row]
    record: str
    boxes: Sequence[FieldBox]
    boxes_fault: str
    marking: str
    answer: Part
    parts: Sequence[Part]
    files: FilesPart
    back: Link
    action: str
    faults: Sequence[tuple[str, str]] = ()


class DecisionPages:
    """The pages of decisions on asks of counterparts."""

    def __init__(self, parts: ConsoleParts) -> None:
        self._parts = parts

    async def show(self, visit: Visit) -> Page:
        """Return the ask, and what policy lets this person release, once the entry of looking at it is durable."""
        return await self._page(visit, Sent(), files_part(visit.language))

    async def decide(self, visit: Visit) -> Answer:
        """Decide; go where the passkey is touched, or back to the thread."""
        work, sent = visit.part("work"), await FileForm.read(visit.request)
        form, attached = sent.form, Attached(self._parts.desk, visit.actor, sent)
        state = ""

        async def run() -> None:
            nonlocal state
            state = (await self._parts.desk.decisions.decide(visit.actor, command)).state

        try:
            command = _command(work, form)
            command = replace(command, attachments=await attached.take())
            await once(self._parts, visit, form, run, command.attachments)
        except Refused as error:
            place = error.where if error.where in ("answer", "fields", "code", "text", "reason") else "answer"
            name, fault = attached.field(place), fault_of(error, visit.language)
            files = await attached.part(visit.language, fault if name == FILES else "")
            return await self._page(visit, Sent.of(form, {name: fault}), files)
        if state == "passkey":
            return To(f"/desk/work/{work}/sign")
        key = (await self._parts.desk.queue.work(visit.officer, work)).work.key
        return To(thread_path(key))

    async def _page(self, visit: Visit, sent: Sent, files: FilesPart) -> Page:
        desk, work_id = self._parts.desk, visit.part("work")
        matter = await desk.decisions.matter(visit.actor, work_id)
        choice, problem = None, ""
        if matter.ask.about is About.HIT:
            await desk.reading.note(visit.officer, matter.work.key, "choice")
            try:
                choice = await desk.decisions.choice(visit.actor, work_id)
            except (Stale, Unavailable, Forbidden) as error:
                told = problem_of(error, visit.language)
                problem = told.text
        else:
            await desk.reading.note(visit.officer, matter.work.key, "read")
        view = _view(matter, choice, problem, visit, sent, files)
        peer = with_country(matter.work.key.peer, visit.language)
        title = tell(visit.language, "Decide what {peer} is told", peer=peer)
        # The path back ends with the thread's id of 32 signs: it is what a print of this page names.
        return Page("pages/threads/decision.html", title, view, 400 if sent.faults else 200, "", view.back.href[-32:])


def _command(work: str, form: Form) -> Decide:
    """Return the decision that a form says. Raises `Malformed` for what is missing, beside its field."""
    try:
        answer = ReplyCode(form.one("answer"))
    except ValueError:
        raise Malformed("choose an answer", code="bad-decision", where="answer") from None
    gives = answer is ReplyCode.RELEASED
    if answer is ReplyCode.REFUSED and form.one("code") not in REFUSED_FOR:
        raise Malformed("choose why it is refused", code="bad-decision", where="code")
    return Decide(
        work=work,
        answer=answer,
        reason=text_of(form, Decide, "reason"),
        fields=form.all("fields") if gives and "record" in form.fields else None,
        code=form.one("code") if answer is ReplyCode.REFUSED else "",
        text=written(form, "text", needed=answer in _TEXT_NEEDED),
        challenge=True,
    )


def _view(
    matter: Matter, choice: Choice | None, problem: str, visit: Visit, sent: Sent, files: FilesPart
) -> DecisionView:
    language, work, ask = visit.language, matter.work, matter.ask
    writer = Writer(language, sent)
    boxes = _boxes(choice, writer) if choice is not None else ()
    can_give = ask.about is not About.HIT or any(not box.disabled for box in boxes)
    return DecisionView(
        notices=_notices(choice, problem, language),
        clock=clock_of(work, visit.now_us, language),
        held=held_clock(ask, visit.now_us, language),
        rows=ask_rows(ask, matter.asked.notice.head, language),
        record=_record(choice, language),
        boxes=boxes,
        boxes_fault=writer.fault("fields"),
        marking=marking_text(choice.marking, language) if choice is not None and can_give else "",
        answer=_answers(matter, writer, can_give=can_give),
        parts=_parts(writer),
        files=files,
        back=Link(thread_path(work.key), subject(ask, language)),
        action=f"/desk/work/{work.id}/decide",
        faults=tuple(sent.faults.items()),
    )


def _record(choice: Choice | None, language: Language) -> str:
    if choice is None:
        return ""
    kind = named(choice.fresh.hit.record_type, RECORD_TYPES, language)
    count, total = len(choice.fresh.fields), len(choice.fresh.record.fields)
    return tell(language, "{type}: a human may release {count} of {total} fields", type=kind, count=count, total=total)


def _notices(choice: Choice | None, problem: str, language: Language) -> tuple[Banner, ...]:
    found = []
    if problem:
        found.append(Banner(tell(language, "The record cannot be released now: {why}", why=problem), tone="warn"))
    if choice is not None and choice.code:
        why = refusal(choice.code, "", language) or choice.code
        title = tell(language, "policy lets a human release nothing of it: {code}", code=why)
        found.append(Banner(title, tone="warn"))
    if choice is not None and choice.two:
        names = ", ".join(field_name(name, language) for name in choice.two)
        title = tell(language, "Two persons decide on these fields: {names}", names=names)
        found.append(Banner(title, tone="info"))
    return tuple(found)


def _boxes(choice: Choice, writer: Writer) -> tuple[FieldBox, ...]:
    """Return the record field by field, in the order of its type; those that policy keeps back without their values."""
    fresh, language = choice.fresh, writer.language
    kind, allowed = fresh.hit.record_type, set(fresh.fields)
    values = {name: shown for name, _, shown in told_fields(_open(choice), kind, language)}
    order = list(RECORD_KINDS[kind].fields) if kind in RECORD_KINDS else list(fresh.record.fields)
    ticked = set(writer.sent.values.get("fields", ())) if writer.sent.values else set(choice.default)
    return tuple(
        FieldBox(
            name=name,
            label=field_name(name, language),
            values=tuple(foreign(value) for value in values.get(name, ())),
            hint=_hint(name, choice, language),
            chosen=name in ticked and name in allowed,
            disabled=name not in allowed,
        )
        for name in order
        if name in fresh.record.fields
    )


def _open(choice: Choice) -> Mapping[str, Any]:
    return {name: choice.fresh.record.fields[name] for name in choice.fresh.fields}


def _hint(name: str, choice: Choice, language: Language) -> str:
    if name not in choice.fresh.fields:
        return tell(language, "policy keeps it back: no human may release it for this purpose")
    hints = [tell(language, "two persons")] if name in choice.two else []
    if choice.wanted and name not in choice.wanted:
        hints.append(tell(language, "not asked for"))
    return ", ".join(hints)


def _answers(matter: Matter, writer: Writer, *, can_give: bool) -> Part:
    language, about = writer.language, matter.ask.about
    gives = _GIVES.get(about.value, _GIVES["question"])
    options = {"RELEASED": tell(language, gives)} if can_give else {}
    options |= {code: tell(language, REPLIES[code]) for code in _OTHERS}
    return writer.one_of(Decide, "answer", options, draw="radio")


def _parts(writer: Writer) -> tuple[Part, ...]:
    language = writer.language
    return (
        writer.one_of(Decide, "code", {"": "–"} | writer.told(REFUSED_FOR)),
        writer.of(Decide, "text", hint=tell(language, "needed to ask back, to refuse, and to answer a question")),
        writer.of(Decide, "reason", hint=tell(language, "the other side does not see it")),
    )
