"""Ask without a hit: a question with a topic, or a form from capital to capital, whose fields are data."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.console.frame.errors import fault_of
from gateway.console.frame.forms import Form, written
from gateway.console.frame.page import Page, To
from gateway.console.frame.shapes import Banner, Link, Task
from gateway.console.pages.threads.follow_up import AskView, place_of
from gateway.console.pages.threads.forms import Part, Sent, Writer, thread_path
from gateway.console.pages.threads.reasons import FIELDS, OFFICE, office_part, read_office, read_reasons, reason_parts
from gateway.console.uploads.attached import FILES, Attached, FilesPart, files_part
from gateway.console.uploads.file_form import FileForm
from gateway.console.visits.door import Answer
from gateway.console.visits.visit import ConsoleParts, Visit
from gateway.desk.forms.catalogue import FieldType, FormField, form_named, forms, topics
from gateway.desk.forms.catalogue import Form as Pattern
from gateway.errors import Malformed, Refused
from gateway.language.catalogue import Sentences, tell
from gateway.language.countries import with_country
from gateway.language.terms import OFFENCES, PURPOSES
from gateway.model.desk.notices import Ask, Notice
from gateway.model.desk.work import Role
from gateway.model.handed.asks import Question, with_files
from gateway.model.names import member_id, reference
from gateway.model.purpose import Offence, Purpose
from gateway.ports.desk_uses import NoticeItem
from gateway.views.forms.printed import FormView, form_view

ASKERS = frozenset({Role.OFFICER, Role.CENTRAL_AUTHORITY})
"""The roles that ask; the use cases decide who asks what."""

QUESTION = "question"
_NAMES = frozenset({*FIELDS, OFFICE, "to", "topic", "purpose", "offence", "case", "ticket"})
_VALUE = "value-"
_HINTS: Sentences = {
    "date": "2026, 2026-11 or 2026-11-28",
    "country": "the code of a country, such as VNM",
    "number": "a whole number",
}
_FAULT = "this does not fit, or is missing"


@dataclass(frozen=True, slots=True)
class PrintedView:
    """A form that was asked, to be printed, and the path of its thread."""

    form: FormView
    matter: str


class QuestionPages:
    """The pages of questions and forms."""

    def __init__(self, parts: ConsoleParts) -> None:
        self._parts = parts

    async def choose(self, visit: Visit) -> Page:
        """Return what can be asked."""
        language = visit.language
        tasks = [
            Task(
                Link(f"/ask/{QUESTION}", tell(language, "A question to the desk of a neighbour")),
                (tell(language, "in a case of yours, without a hit"),),
            )
        ]
        tasks += [
            Task(
                Link(f"/ask/{form.id}", form.title[language.value]), (tell(language, "a form from capital to capital"),)
            )
            for form in forms().values()
        ]
        return Page("pages/threads/choose.html", tell(language, "Ask another country"), tasks)

    async def show(self, visit: Visit) -> Page:
        """Return an empty form."""
        return self._page(visit, _pattern(visit), Sent(), files_part(visit.language))

    async def ask(self, visit: Visit) -> Answer:
        """Draft what is asked, and go to its thread; the same form again goes to the same thread."""
        pattern, sent = _pattern(visit), await FileForm.read(visit.request)
        form, attached = sent.form, Attached(self._parts.desk, visit.actor, sent)
        try:
            command = with_files(self._command(visit, form, pattern), await attached.take())
            claim = await asyncio.to_thread(self._parts.desk.keys.claim, visit.actor, form.id, repr(command).encode())
            drafted = await self._parts.desk.drafting.question(visit.actor, command, claim.name)
        except Refused as error:
            faults = {attached.field(name): fault for name, fault in _faults(error, form, pattern, visit).items()}
            files = await attached.part(visit.language, faults.get(FILES, ""))
            return self._page(visit, pattern, Sent.of(form, faults), files)
        return To(thread_path(drafted.key))

    async def printed(self, visit: Visit) -> Page:
        """Return a form that was asked, as it is printed, once the entry of this reading is durable."""
        desk, language = self._parts.desk, visit.language
        content = await desk.reading.thread(visit.officer, visit.part("thread"), visit.part("peer"))
        notice = next(filter(None, map(_asking, content.notices)), None)
        if notice is None:
            raise Malformed("this notice is no form", code="unknown-form", where="notice")
        view = PrintedView(form_view(notice, language), visit.request.url.path.removesuffix("/form"))
        return Page("pages/threads/printed.html", view.form.title, view, printed=notice.head.notice_id)

    def _command(self, visit: Visit, form: Form, pattern: Pattern | None) -> Question:
        if not form.one("to"):
            raise Malformed("choose whom to ask", code="no-counterpart", where="to")
        purpose, offence = form.one("purpose"), form.one("offence")
        if purpose not in set(Purpose) or offence not in set(Offence):
            raise Malformed("choose a purpose and an offence of the lists", code="bad-ask", where="purpose")
        case, ticket = form.one("case").strip(), form.one("ticket").strip()
        return Question(
            peer=member_id(form.one("to")),
            reasons=read_reasons(form, self._parts.member, visit.now_us),
            purpose=Purpose(purpose),
            offence=Offence(offence),
            topic="" if pattern is not None else form.one("topic"),
            form=pattern.id if pattern is not None else "",
            values=_values(form, pattern) if pattern is not None else (),
            case=reference(case, "case") if case else "",
            ticket=reference(ticket, "ticket") if ticket else "",
            to_office=read_office(form, self._parts.offices().get(form.one("to"), ())),
        )

    def _page(self, visit: Visit, pattern: Pattern | None, sent: Sent, files: FilesPart) -> Page:
        language, writer = visit.language, Writer(visit.language, sent)
        reasons = reason_parts(writer, has_clock=pattern is None)
        known = self._parts.counterparts()
        members = {"": "–"} | {one.member: with_country(one.member, language) for one in known}
        offices = {member: names for member, names in self._parts.offices().items() if member in members}
        about = _field_parts(pattern, writer) if pattern is not None else (_topic(writer),)
        title = pattern.title[language.value] if pattern is not None else tell(language, "Ask a question")
        banner = () if known else (Banner(tell(language, "no counterpart can be asked now"), tone="warn"),)
        view = AskView(
            first=(),
            lead=(),
            notices=banner,
            parts=(
                writer.one_of(Question, "to", members),
                office_part(writer, offices),
                *about,
                *reasons.first,
                *_why(visit, writer),
            ),
            more=reasons.more,
            more_open=writer.has_fault(reasons.more),
            files=files,
            back=Link("/ask", tell(language, "Ask another country")),
            action=visit.request.url.path,
            faults=tuple(sent.faults.items()),
        )
        return Page("pages/threads/ask.html", title, view, 400 if sent.faults else 200)


def _pattern(visit: Visit) -> Pattern | None:
    """Return the form that the path names; None for a question."""
    name = visit.part("what")
    return None if name == QUESTION else form_named(name)


def _asking(item: NoticeItem) -> Notice | None:
    return item.notice if item.notice is not None and isinstance(item.notice.body, Ask) else None


def _topic(writer: Writer) -> Part:
    labels = {name: topic.label[writer.language.value] for name, topic in topics().items()}
    return writer.one_of(Question, "topic", labels)


def _why(visit: Visit, writer: Writer) -> tuple[Part, ...]:
    """Return the purpose, the offence and the case, as the shift remembers them."""
    language, remembered = writer.language, visit.remembered
    purposes = {code: text for code, text in writer.told(PURPOSES).items() if code in visit.officer.purposes}
    return (
        writer.one_of(Question, "purpose", purposes, remembered.purpose),
        writer.one_of(Question, "offence", writer.told(OFFENCES), remembered.offence),
        writer.of(Question, "case", remembered.case, hint=tell(language, "needed: nothing is asked without a case")),
        writer.of(Question, "ticket", remembered.ticket),
    )


def _field_parts(pattern: Pattern, writer: Writer) -> tuple[Part, ...]:
    return tuple(_field_part(field, writer) for field in pattern.fields)


def _field_part(field: FormField, writer: Writer) -> Part:
    language, name = writer.language, f"{_VALUE}{field.code}"
    label = field.label[language.value]
    if not field.required:
        label = tell(language, "{label} (may be left empty)", label=label)
    if field.type is FieldType.CODE:
        empty = {} if field.required else {"": "–"}
        return writer.choice(name, label, empty | {code: words[language.value] for code, words in field.codes.items()})
    hint = tell(language, _HINTS[field.type.value]) if field.type.value in _HINTS else ""
    draw = writer.area if field.type is FieldType.TEXT and field.most > 120 else writer.line
    return draw(name, label, hint=hint, most=field.most)


def _values(form: Form, pattern: Pattern) -> tuple[tuple[str, str], ...]:
    said = ((field.code, written(form, f"{_VALUE}{field.code}", field.most, needed=False)) for field in pattern.fields)
    return tuple(sorted((code, _coded(code, value, pattern.fields)) for code, value in said if value))


def _coded(code: str, value: str, fields: Iterable[FormField]) -> str:
    """Return a value as the form takes it: the code of a country in capitals."""
    is_country = any(field.code == code and field.type is FieldType.COUNTRY for field in fields)
    return value.upper() if is_country else value


def _faults(error: Refused, form: Form, pattern: Pattern | None, visit: Visit) -> dict[str, str]:
    """Return what is wrong, beside its field; a fault of a form's value names the field."""
    if pattern is not None and error.where == "values":
        field = f"{_VALUE}{error.facts.get('field', '')}"
        told = tell(visit.language, _FAULT)
        return {field: told} if field in form.fields else {"facts": fault_of(error, visit.language)}
    name = error.where if error.where in form.fields else place_of(error, _NAMES)
    return {name: fault_of(error, visit.language)}
