"""Follow up a hit in two taps: the form comes filled in from the search, and its sending asks a supervisor."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gateway.console.frame.errors import fault_of
from gateway.console.frame.forms import label_of
from gateway.console.frame.page import Page, To
from gateway.console.frame.shapes import Banner, Field, Link, Option
from gateway.console.pages.threads.forms import Part, Sent, Writer, thread_path
from gateway.console.pages.threads.reasons import FIELDS, OFFICE, office_part, read_office, read_reasons, reason_parts
from gateway.console.uploads.attached import FILES, Attached, FilesPart, files_part
from gateway.console.uploads.file_form import FileForm
from gateway.console.visits.door import Answer
from gateway.console.visits.visit import ConsoleParts, Visit
from gateway.errors import Refused, Unknown
from gateway.language.catalogue import tell
from gateway.language.countries import with_country
from gateway.language.languages import Language
from gateway.language.terms import PURPOSES, RECORD_TYPES, named
from gateway.model.handed.asks import FollowUp, with_files
from gateway.model.purpose import Purpose
from gateway.records.types import RECORD_TYPES as RECORD_KINDS
from gateway.views.search.fields import field_name, search_value
from gateway.views.search.lines import hit_title
from gateway.views.words.code_words import raised

PATH = "/follow-up/{search}/{member}/{hit}"
_NAMES = frozenset({*FIELDS, OFFICE, "fields", "purpose"})


@dataclass(frozen=True, slots=True)
class AskView:
    """A form that asks a counterpart: what is always shown, and what is folded."""

    first: Sequence[str]
    lead: Sequence[str]
    notices: Sequence[Banner]
    parts: Sequence[Part]
    more: Sequence[Part]
    more_open: bool
    files: FilesPart
    back: Link
    action: str
    faults: Sequence[tuple[str, str]] = ()


class FollowUpPages:
    """The pages of follow-ups to hits."""

    def __init__(self, parts: ConsoleParts) -> None:
        self._parts = parts

    async def show(self, visit: Visit) -> Page:
        """Return the form, filled in from the search of this officer."""
        return await self._page(visit, Sent(), files_part(visit.language))

    async def ask(self, visit: Visit) -> Answer:
        """Draft the follow-up, and go to its thread; the same form again goes to the same thread."""
        sent = await FileForm.read(visit.request)
        form, attached = sent.form, Attached(self._parts.desk, visit.actor, sent)
        try:
            reasons = read_reasons(form, self._parts.member, visit.now_us)
            command = FollowUp(
                search_id=visit.part("search"),
                peer=visit.part("member"),
                hit=_number(visit),
                reasons=reasons,
                fields=form.all("fields"),
                purpose=Purpose(form.one("purpose")) if form.one("purpose") in set(Purpose) else None,
                to_office=read_office(form, self._parts.offices().get(visit.part("member"), ())),
            )
            command = with_files(command, await attached.take())
            claim = await asyncio.to_thread(self._parts.desk.keys.claim, visit.actor, form.id, repr(command).encode())
            drafted = await self._parts.desk.drafting.follow_up(visit.actor, command, claim.name)
        except Refused as error:
            name, fault = attached.field(place_of(error, _NAMES)), fault_of(error, visit.language)
            files = await attached.part(visit.language, fault if name == FILES else "")
            return await self._page(visit, Sent.of(form, {name: fault}), files)
        return To(thread_path(drafted.key))

    async def _page(self, visit: Visit, sent: Sent, files: FilesPart) -> Page:
        search_id, member, number, language = visit.part("search"), visit.part("member"), _number(visit), visit.language
        search = await self._parts.searches.get(visit.officer, search_id)
        value, plain = search_value(search, language), search_value(search, Language.EN)
        hit = _hit(value, member, number)
        compared = await self._parts.desk.marks.compared(visit.officer, search_id, member, number)
        facts = _facts(_hit(plain, member, number), compared)
        writer = Writer(language, sent)
        reasons = reason_parts(writer, facts)
        office = office_part(writer, {member: self._parts.offices().get(member, ())})
        first = (*reasons.first, _wanted(hit, writer), office)
        view = AskView(
            first=raised(hit, language),
            lead=(hit_title(hit, language),),
            notices=(),
            parts=first,
            more=(_purpose(visit, writer), *reasons.more),
            more_open=writer.has_fault(reasons.more),
            files=files,
            back=Link(f"/gate/{search_id}", tell(language, "Back to the answers")),
            action=visit.request.url.path,
            faults=tuple(sent.faults.items()),
        )
        title = tell(language, "Ask {peer} for more", peer=with_country(member, language))
        return Page("pages/threads/ask.html", title, view, 400 if sent.faults else 200)


def place_of(error: Refused, names: frozenset[str]) -> str:
    """Return the field beside which a refusal is shown; what is about no field stands at the facts."""
    name = {"held_until": "held", "case": "case", "to": "to"}.get(error.where, error.where)
    return name if name in names else "facts"


def _number(visit: Visit) -> int:
    text = visit.part("hit")
    if not (text.isascii() and text.isdigit() and len(text) <= 4):
        raise Unknown("this search has no such hit", code="no-such-hit", where="hit")
    return int(text)


def _hit(value: dict[str, Any], member: str, number: int) -> dict[str, Any]:
    for line in value["lines"]:
        if line["member"] == member and number < len(line["hits"]):
            found: dict[str, Any] = line["hits"][number]
            return found
    raise Unknown("this search has no such hit", code="no-such-hit", where="hit")


def _facts(hit: dict[str, Any], compared: str) -> str:
    """Return what is known already, in English, which both sides read: what matched, and what was compared."""
    said = f"At the crossing: {hit_title(hit, Language.EN)}."
    return f"{said} Compared: {compared}." if compared else said


def _wanted(hit: dict[str, Any], writer: Writer) -> Part:
    """Return the fields of the record's type; those that the hit did not bring are ticked."""
    language, kind = writer.language, hit["record_type"]
    known = set(hit["record"]["fields"]) if hit["record"] else set()
    names = list(RECORD_KINDS[kind].fields) if kind in RECORD_KINDS else []
    ticked = set(writer.sent.values.get("fields", ())) if writer.sent.values else set(names) - known
    options = tuple(
        Option(
            name,
            field_name(name, language),
            tell(language, "known from the hit") if name in known else "",
            chosen=name in ticked,
        )
        for name in names
    )
    label = label_of(FollowUp, "fields", language)
    kind_words = named(kind, RECORD_TYPES, language)
    return Part("boxes", Field("fields", f"{label}: {kind_words}", fault=writer.fault("fields")), options)


def _purpose(visit: Visit, writer: Writer) -> Part:
    words = {"": tell(writer.language, "as the question had it")}
    words |= {code: text for code, text in writer.told(PURPOSES).items() if code in visit.officer.purposes}
    return writer.one_of(FollowUp, "purpose", words)
