"""The questions of an auditor: who saw this record, what did this officer do, and the others, each in a period."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.routing import Route

from gateway.audit.reading.inspection import MAX_REASON, Action
from gateway.audit.search.terms import ANY
from gateway.console.audit.period import period_fields, period_us
from gateway.console.audit.start import ROLES
from gateway.console.audit.tabs import PATH, tabs
from gateway.console.frame.errors import fault_of
from gateway.console.frame.forms import Form
from gateway.console.frame.page import Page, To
from gateway.console.frame.shapes import Field, Hidden, Link, Option
from gateway.console.visits.door import Answer, Door
from gateway.console.visits.visit import AuditParts, Visit
from gateway.errors import LiaisonError, Malformed, Misused, Refused
from gateway.language.catalogue import Sentences, tell
from gateway.language.countries import with_country
from gateway.language.languages import Language
from gateway.model.names import exchange_id
from gateway.model.values import text_value
from gateway.ops.audit.search_question import Search

ASK = f"{PATH}/ask"
_MOST = 120

QUESTIONS: Sentences = {
    "officer": "What did an officer do?",
    "record": "Who saw a record?",
    "person": "Who asked about a person?",
    "agreement": "How was an agreement used?",
    "refusals": "What was refused?",
    "case": "What was done in a case?",
    "exchange": "What stands in an exchange?",
}
"""The questions, by their names in the path."""

_FIELDS: Mapping[str, tuple[str, ...]] = {
    "officer": ("officer",),
    "record": ("record",),
    "person": ("name", "born", "number"),
    "agreement": ("agreement",),
    "refusals": ("refused",),
    "case": ("case",),
    "exchange": ("exchange",),
}
_LABELS: Sentences = {
    "officer": "Officer",
    "record": "Record",
    "name": "Name",
    "born": "Year or date of birth",
    "number": "Number of a document, plate or container",
    "agreement": "Agreement",
    "refused": "Reason of the refusal",
    "case": "Case or ticket number",
    "exchange": "Exchange",
    "reason": "Why you ask",
}
_HINTS: Sentences = {
    "officer": "The officer's id, such as th.o.1042",
    "record": "The record's key in the owner's source, or the reference of a hit",
    "name": "In any script; other spellings are found, too",
    "born": "1984, or 1984-03-02; with a name only",
    "refused": "A code such as quota; empty finds every refusal",
    "exchange": "The exchange id, as an entry or a print has it",
    "reason": "It stands in the log, with your signature",
}
_NEEDED: Sentences = {
    "born": "write the birth as 1984 or 1984-03-02",
    "number": "a number has a digit or a letter",
    "exchange": "an exchange id has 32 letters and digits",
    "since": "write the day as 2026-11-27",
    "until": "write the day as 2026-11-27",
}


@dataclass(frozen=True, slots=True)
class AskView:
    """One question as a form; the others are links."""

    tabs: Sequence[Link]
    questions: Sequence[Link]
    hidden: Sequence[Hidden]
    fields: Sequence[Field]
    period: Sequence[Field]
    peers: Sequence[Option]
    reason: Field
    faults: Sequence[tuple[str, str]] = ()


def ask_routes(door: Door, parts: AuditParts) -> list[Route]:
    """Return the routes of the questions."""
    ask = _Ask(parts)
    return [door.get(ASK, ask.show, ROLES), door.post(ASK, ask.prepare, ROLES)]


class _Ask:
    def __init__(self, parts: AuditParts) -> None:
        self._parts = parts

    async def show(self, visit: Visit) -> Page:
        """Return the form of the question that the query names."""
        await asyncio.to_thread(self._parts.acts.mandates.require, visit.officer.person)
        kind = visit.query("question")
        return self._page(visit, kind if kind in QUESTIONS else "officer", {})

    async def prepare(self, visit: Visit, form: Form) -> Answer:
        """Prepare the search, and go to the page where it is signed."""
        kind = form.one("question")
        if kind not in QUESTIONS:
            raise Malformed("there is no such question", code="bad-request", where="question")
        sent = {name: form.one(name).strip() for name in (*_FIELDS[kind], "since", "until", "peer", "reason")}
        try:
            search = self._search(kind, sent)
            reason = text_value(sent["reason"], "reason", MAX_REASON)
            detail = search.as_value()
            # A second press of the button prepares the same act; what was changed on the same page is another one.
            name = f"{form.id} {detail!r} {reason}"
            prepare = self._parts.acts.prepare
            prepared = await asyncio.to_thread(prepare, visit.officer.person, Action.SEARCH, reason, detail, name)
        except (Refused, Misused) as error:
            return self._page(visit, kind, sent, (_fault(error, kind, visit.language),))
        return To(f"{PATH}/sign/{prepared.name}")

    def _search(self, kind: str, sent: Mapping[str, str]) -> Search:
        if kind != "refusals" and not any(sent[name] for name in _FIELDS[kind]):
            raise Malformed("a value is missing", code="missing", where=_FIELDS[kind][0])
        peer = sent["peer"]
        if peer and peer not in self._parts.members():
            raise Malformed("there is no such country", code="bad-member", where="peer")
        if sent.get("exchange"):
            exchange_id(sent["exchange"])
        since_us, until_us = period_us(sent["since"], sent["until"])
        search = Search(
            officer=sent.get("officer", ""),
            case=sent.get("case", ""),
            agreement=sent.get("agreement", ""),
            refused=(sent["refused"] or ANY) if kind == "refusals" else "",
            record=sent.get("record", ""),
            names=_one(sent.get("name", "")),
            born=sent.get("born", ""),
            numbers=_one(sent.get("number", "")),
            peers=_one(peer),
            exchange_id=sent.get("exchange", ""),
            since_us=since_us,
            until_us=until_us,
        )
        search.check()
        return search

    def _page(self, visit: Visit, kind: str, sent: Mapping[str, str], faults: Sequence[tuple[str, str]] = ()) -> Page:
        language, wrong = visit.language, dict(faults)

        def field(name: str) -> Field:
            hint = tell(language, _HINTS[name]) if name in _HINTS else ""
            return Field(
                name,
                tell(language, _LABELS[name]),
                sent.get(name, ""),
                hint=hint,
                fault=wrong.get(name, ""),
                width="width-10" if name == "born" else "",
                most=MAX_REASON if name == "reason" else _MOST,
                required=name == "reason",
            )

        peers = [Option("", tell(language, "all"))]
        peers += [Option(name, with_country(name, language), chosen=name == sent.get("peer")) for name in self._members]
        view = AskView(
            tabs=tabs(ASK, language),
            questions=[
                Link(f"{ASK}?question={name}", tell(language, text), name == kind) for name, text in QUESTIONS.items()
            ],
            hidden=(Hidden("question", kind),),
            fields=[field(name) for name in _FIELDS[kind]],
            period=period_fields(sent.get("since", ""), sent.get("until", ""), wrong, language),
            peers=peers,
            reason=field("reason"),
            faults=tuple(faults),
        )
        return Page("audit/ask.html", tell(language, QUESTIONS[kind]), view, 400 if faults else 200)

    @property
    def _members(self) -> Sequence[str]:
        return self._parts.members()


def _fault(error: LiaisonError, kind: str, language: Language) -> tuple[str, str]:
    """Return the field that is wrong, and what is wanted in it."""
    where = error.where
    if isinstance(error, Misused):
        where = next((name for name in ("born", "number", "exchange") if name in error.message), _FIELDS[kind][0])
        text = tell(language, _NEEDED[where]) if where in _NEEDED else tell(language, "a value is missing")
        return where, text
    name = (
        where
        if where in _LABELS or where in _NEEDED
        else "exchange"
        if where.startswith("exchange")
        else _FIELDS[kind][0]
    )
    if name in _NEEDED and error.code != "missing":
        return name, tell(language, _NEEDED[name])
    return name, fault_of(error, language)


def _one(text: str) -> tuple[str, ...]:
    return (text,) if text else ()
