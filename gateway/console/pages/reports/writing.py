"""Write a report: a form, each place in it that may tell who a person is, who would get it, and handing it in."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.routing import Route

from gateway.console.frame.errors import fault_of
from gateway.console.frame.forms import Form, field_of, label_of
from gateway.console.frame.page import Page, To
from gateway.console.frame.shapes import Banner, Field, Hidden, Option, Row, Text
from gateway.console.pages.reports.told import PATH, field_rows, own_rows
from gateway.console.visits.door import Answer, Door
from gateway.console.visits.render import NAMES
from gateway.console.visits.visit import ConsoleParts, Visit
from gateway.desk.reports.values import Draft, Trace
from gateway.errors import Malformed, Refused
from gateway.language.catalogue import Sentences, tell
from gateway.language.languages import Language
from gateway.language.terms import OFFENCES, PURPOSES
from gateway.model.desk.work import Role
from gateway.model.handed.reports import WriteReport
from gateway.model.marking import Level
from gateway.model.names import reference
from gateway.model.purpose import Offence, Purpose
from gateway.records import codes
from gateway.views.desk.reports import trace_words
from gateway.views.search.fields import field_name

WRITE = f"{PATH}/write"
_ROLES = (Role.OFFICER,)
_ONCE = re.compile(r"[A-Za-z0-9_-]{22}", re.ASCII)
_AREAS = ("method", "concealment", "indicators", "route")
_LINES = ("period", "price")
_ABOUT = ("case",)
"""Says what an officer reads beside the fields of a report."""

_HINTS: Sentences = {
    "method": "How it is done, without who does it.",
    "indicators": "One on each line: what an officer can notice.",
    "route": "One place on each line, in order: its name, a UN/LOCODE or the id of a crossing point.",
    "period": "2026, 2026-03 or 2026-03/2026-05",
}
_LEVELS: Sentences = {"OFFICIAL": "for law enforcement", "OPEN": "anybody may read it"}
_LISTS: Mapping[str, Sentences] = {"offence": OFFENCES, "purpose": PURPOSES, "level": _LEVELS}
_USUAL = {"purpose": "INVESTIGATION", "level": "OFFICIAL", "offence": "NARC", "lang": "en"}
_CHOICES = ("offence", "purpose", "lang", "level")


@dataclass(frozen=True, slots=True)
class WriteView:
    """The form of a report."""

    areas: Sequence[Field]
    lines: Sequence[Field]
    choices: Sequence[tuple[str, str, Sequence[Option]]]
    faults: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class DraftView:
    """A report as it would be handed in: what it says, who gets it, and what could not be looked at."""

    banners: Sequence[Banner]
    rows: Sequence[Row]
    facts: Sequence[Row]
    carried: Sequence[Hidden]


def writing_routes(door: Door, parts: ConsoleParts) -> list[Route]:
    """Return the routes by which a report is written. They come before those of one report, whose path fits as well."""
    writing = _Writing(parts)
    return [door.get(WRITE, writing.show, _ROLES), door.post(WRITE, writing.go_on, _ROLES)]


class _Writing:
    def __init__(self, parts: ConsoleParts) -> None:
        self._parts = parts

    async def show(self, visit: Visit) -> Page:
        """Return the empty form, with the offence and purpose of this shift."""
        remembered = visit.remembered
        sent = {"offence": remembered.offence, "purpose": remembered.purpose, "lang": visit.language.value}
        return _form_page(visit, sent)

    async def go_on(self, visit: Visit, form: Form) -> Answer:
        """Show the report as it would be handed in, show the form again with what is wrong, or hand the report in."""
        sent = {name: form.one(name) for name in (*_AREAS, *_LINES, *_ABOUT, *_CHOICES)}
        if form.one("step") == "change":
            return _form_page(visit, sent)
        try:
            command = _command(sent)
            if form.one("step") == "send":
                return await self._handed_in(visit, form, sent, command)
            draft = await self._parts.desk.own_reports.check(visit.actor, command)
        except Refused as error:
            name = error.where.removeprefix("fields.").removeprefix("ModusOperandiReport.")
            place = name if name in sent else "method"
            return _form_page(visit, sent, ((place, fault_of(error, visit.language)),))
        if draft.traces:
            return _form_page(visit, sent, _trace_faults(draft.traces, command.fields, visit.language))
        view = _draft_view(draft, sent, _once(form), visit.language)
        return Page("pages/reports/draft.html", tell(visit.language, "Read it before it is handed in"), view)

    async def _handed_in(self, visit: Visit, form: Form, sent: Mapping[str, str], command: WriteReport) -> To:
        """Hand the report in; the same form again leads to the same report."""
        desk = self._parts.desk
        asked = msgspec.json.encode(sorted(sent.items()))
        claim = await asyncio.to_thread(desk.keys.claim, visit.actor, f"report {_once(form)}", asked)
        return To(f"{PATH}/{await desk.own_reports.publish(visit.actor, command, claim.name)}")


def _command(sent: Mapping[str, str]) -> WriteReport:
    """Return the report as a value of the desk. Raises `Malformed`."""
    fields: dict[str, Any] = {name: sent[name].strip() for name in ("method", "concealment", *_LINES)}
    fields["indicators"] = _each_line(sent["indicators"])
    fields["route"] = [_place(line) for line in _each_line(sent["route"])]
    try:
        offence, purpose, level = Offence(sent["offence"]), Purpose(sent["purpose"]), Level(sent["level"])
    except ValueError:
        raise Malformed("choose one of the list", code="bad-report", where="offence") from None
    if sent["lang"] not in [language.value for language in Language]:
        raise Malformed("choose one of the list", code="bad-report", where="lang")
    case = reference(sent["case"].strip(), "case") if sent["case"].strip() else ""
    return WriteReport(fields, sent["lang"], purpose, offence, level, case)


def _each_line(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()][:64]


def _place(text: str) -> dict[str, str]:
    if text in codes.crossing_points():
        return {"crossing": text}
    return {"unlocode": text} if text in codes.unlocodes() else {"name": text}


def _trace_faults(found: Sequence[Trace], fields: Mapping[str, Any], language: Language) -> tuple[tuple[str, str], ...]:
    """Return what in the form may tell who a person is, each beside its field and with the words that it is about."""
    return tuple((_field_of(one), f"{_words_of(one, fields)}: {trace_words(one.kind, language)}") for one in found)


def _field_of(trace: Trace) -> str:
    return trace.field.partition(".")[0]


def _words_of(trace: Trace, fields: Mapping[str, Any]) -> str:
    """Return the words that a trace is about, as its author wrote them."""
    value: Any = fields
    for part in trace.field.split("."):
        value = value[int(part)] if isinstance(value, list) else value[part]
    return f"“{str(value)[trace.start : trace.end]}”"


def _once(form: Form) -> str:
    """Return the id of the form in which the report was filled in: it stays the same until the report is handed in."""
    return form.one("once") if _ONCE.fullmatch(form.one("once")) else form.id


def _form_page(visit: Visit, sent: Mapping[str, str], faults: tuple[tuple[str, str], ...] = ()) -> Page:
    language = visit.language
    wrong: dict[str, str] = {}
    for name, fault in faults:
        wrong[name] = f"{wrong[name]} · {fault}" if name in wrong else fault

    def field(name: str) -> Field:
        hint = tell(language, _HINTS[name]) if name in _HINTS else ""
        return Field(name, field_name(name, language), sent.get(name, ""), hint, wrong.get(name, ""), most=2_000)

    view = WriteView(
        areas=[field(name) for name in _AREAS],
        lines=[*(field(name) for name in _LINES), _case(sent, wrong, language)],
        choices=_choices(sent, language),
        faults=faults,
    )
    return Page("pages/reports/write.html", tell(language, "Write a report"), view, 400 if faults else 200)


def _case(sent: Mapping[str, str], wrong: Mapping[str, str], language: Language) -> Field:
    return field_of(WriteReport, "case", language, sent.get("case", ""), wrong.get("case", ""))


def _choices(sent: Mapping[str, str], language: Language) -> list[tuple[str, str, Sequence[Option]]]:
    words = {name: {code: tell(language, text) for code, text in of.items()} for name, of in _LISTS.items()}
    own: dict[str, Text | str] = {one.value: Text(name, one.value) for one, name in NAMES.items()}
    return [
        _choice("offence", words["offence"], sent, language),
        _choice("purpose", words["purpose"], sent, language),
        _choice("level", words["level"], sent, language),
        _choice("lang", own, sent, language),
    ]


def _choice(
    name: str, words: Mapping[str, Text | str], sent: Mapping[str, str], language: Language
) -> tuple[str, str, list[Option]]:
    chosen = sent.get(name) or _USUAL[name]
    return (
        name,
        label_of(WriteReport, name, language),
        [Option(code, text, chosen=code == chosen) for code, text in words.items()],
    )


def _draft_view(draft: Draft, sent: Mapping[str, str], once: str, language: Language) -> DraftView:
    banners = []
    if draft.unchecked:
        title = tell(language, "The names of {source} could not be looked for", source=", ".join(draft.unchecked))
        banners.append(Banner(title, (), "warn"))
    if not draft.report.to:
        banners.append(
            Banner(tell(language, "No other country gets it: it stands in our own library only"), (), "warn")
        )
    return DraftView(
        banners=banners,
        rows=field_rows(draft.report.fields, draft.report.lang, language),
        facts=own_rows(draft.report, language),
        carried=[Hidden("once", once), *(Hidden(name, value) for name, value in sent.items())],
    )
