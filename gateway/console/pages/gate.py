"""The gate: ask with one field, under the purpose and the ticket that the shift remembers."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from msgspec import structs
from starlette.routing import Route

from gateway.clock import from_us
from gateway.console.frame.errors import fault_of
from gateway.console.frame.forms import Form, field_of
from gateway.console.frame.navigation import OPEN_TO
from gateway.console.frame.page import Page, To
from gateway.console.frame.shapes import Banner, Field, Hidden, Option
from gateway.console.gate.understood import (
    MOST,
    Kind,
    Understood,
    counterparts_by_rule,
    parted,
    read_as,
    shown_document,
    understood,
)
from gateway.console.login.sessions import remember
from gateway.console.visits.door import Answer, Door
from gateway.console.visits.visit import ConsoleParts, Counterpart, Visit
from gateway.errors import Malformed, Refused
from gateway.language.catalogue import Sentences, tell
from gateway.language.countries import country, with_country
from gateway.language.languages import Language
from gateway.language.terms import OFFENCES, PURPOSES, SUBJECTS
from gateway.model.handed.searches import SearchCommand
from gateway.model.handed.tokens import MAX_TOKEN
from gateway.model.names import MemberId, reference
from gateway.model.purpose import Offence, Purpose
from gateway.model.search import Search
from gateway.ports.sessions import Carried, Remembered
from gateway.views.desk.misuse import told_of

PATH = "/gate"
BETWEEN = "~"
"""Stands between the ids of the searches of one question, in the path of their page."""

_OTHER_READINGS = tuple(kind for kind in Kind if kind is not Kind.ZONE)
_READINGS: Sentences = {"": "as it looks", **{kind: SUBJECTS[kind] for kind in _OTHER_READINGS}}


@dataclass(frozen=True, slots=True)
class GateView:
    """The form of the gate. `faults` are pairs of a field's name and what is wrong with it.

    `hidden` holds a token that was scanned first; `told` says so, or what is wrong with it.
    """

    asked: Field
    reading: Sequence[Option]
    purpose: Sequence[Option]
    offence: Sequence[Option]
    ticket: Field
    case: Field
    to: Sequence[Option]
    faults: Sequence[tuple[str, str]] = ()
    folded: bool = True
    hidden: Sequence[Hidden] = ()
    told: Banner | None = None


@dataclass(frozen=True, slots=True)
class _Sent:
    """Keeps what was sent, so that a page with a fault shows it again."""

    asked: str = ""
    reading: str = ""
    ticket: str = ""
    case: str = ""
    to: tuple[str, ...] = ()
    token: str = ""


def gate_routes(door: Door, parts: ConsoleParts) -> list[Route]:
    """Return the routes of the gate."""
    gate, roles = _Gate(parts), tuple(OPEN_TO[PATH])
    return [door.get(PATH, gate.show, roles), door.post(PATH, gate.ask, roles)]


class _Gate:
    def __init__(self, parts: ConsoleParts) -> None:
        self._parts = parts

    async def show(self, visit: Visit) -> Page:
        """Return the empty form."""
        remembered = visit.remembered
        return self._page(visit, remembered, _Sent(ticket=remembered.ticket, case=remembered.case))

    async def ask(self, visit: Visit, form: Form) -> Answer:
        """Begin the searches of a question, and go to the page of their answers.

        A token alone is kept for the question that comes next. It is checked beside the answers, and hides none.
        """
        remembered, sent = visit.remembered, _sent(form)
        try:
            token, question = parted(sent.asked)
            sent = replace(sent, token=(token or sent.token)[: MAX_TOKEN + 1])  # one more than any token has is none
            if token and not question:
                return await self._scanned(visit, form, replace(sent, asked=""))
            remembered = _remembered(form, sent)
            said = _understood(replace(sent, asked=question), visit)
            searches = await self._begin(visit, form, remembered, said, sent)
        except Refused as error:
            return self._refused(visit, remembered, sent, error)
        carried = await self._carried(visit, said, sent, searches) if sent.token else None
        await remember(self._parts.login, visit.who.session, structs.replace(remembered, carried=carried))
        return To(f"{PATH}/{BETWEEN.join(search.id for search in searches)}")

    async def _scanned(self, visit: Visit, form: Form, sent: _Sent) -> Page:
        """Return the form with a token that was scanned before any question, or with what is wrong with it."""
        why = structs.replace(visit.remembered, purpose=form.one("purpose"), offence=form.one("offence"))
        fault = await self._parts.desk.tokens.alone(sent.token)
        if fault is not None:
            return self._page(
                visit, why, replace(sent, token=""), told=Banner(told_of(fault, visit.language), tone="warn")
            )
        text = tell(visit.language, "The token is scanned. Now scan the document that the person shows.")
        return self._page(visit, why, sent, told=Banner(text))

    async def _carried(self, visit: Visit, said: Understood, sent: _Sent, searches: Sequence[Search]) -> Carried:
        """Return the token of a question for the page of its answers. Where a document is named, it is checked here."""
        number, issuer = shown_document(said.queries)
        if number:
            check = self._parts.desk.tokens.scan
            await asyncio.gather(*(check(visit.actor, each.id, sent.token, number, issuer) for each in searches))
        return Carried(sent.token, tuple(search.id for search in searches), number, issuer)

    async def _begin(
        self, visit: Visit, form: Form, why: Remembered, said: Understood, sent: _Sent
    ) -> Sequence[Search]:
        asked = [
            SearchCommand(
                query=query,
                to=self._asked_members(visit, said, sent, str(query.kind)),
                purpose=Purpose(why.purpose),
                offence=Offence(why.offence),
                case=why.case,
                ticket=why.ticket,
                idempotency_key=_key(form, why, f"{query!r} {sent.to}"),
            )
            for query in said.queries
        ]
        begin = self._parts.searches.begin
        return await asyncio.gather(*(begin(visit.officer, command, _ended) for command in asked))

    def _asked_members(self, visit: Visit, said: Understood, sent: _Sent, kind: str) -> tuple[MemberId, ...]:
        """Return whom to ask: those who were ticked; else those whom our office faces, and whom the question names."""
        known = self._parts.counterparts()
        if sent.to:
            chosen = [each.member for each in known if each.member in sent.to]
        else:
            named = counterparts_by_rule(said.queries)
            chosen = [each.member for each in known if _is_concerned(each, visit.officer.office, named)]
            chosen = chosen or [each.member for each in known]
        takers = {each.member for each in known if not each.queries or kind in each.queries}
        asked = tuple(member for member in chosen if member in takers) or tuple(chosen)
        if not asked:
            raise Malformed("no counterpart can be asked now", code="no-counterpart", where="to")
        return asked

    def _refused(self, visit: Visit, why: Remembered, sent: _Sent, error: Refused) -> Page:
        # The gate has one field for a name and the birth behind it.
        name = error.where if error.where in ("asked", "ticket", "case", "to", "birth") else "asked"
        fault = (name if name != "birth" else "asked", fault_of(error, visit.language))
        return self._page(visit, why, sent, (fault,))

    def _page(
        self,
        visit: Visit,
        why: Remembered,
        sent: _Sent,
        faults: Sequence[tuple[str, str]] = (),
        told: Banner | None = None,
    ) -> Page:
        language, wrong = visit.language, dict(faults)
        view = GateView(
            asked=Field(
                "asked",
                tell(language, "Scan, or type a name, a number, a plate or a container"),
                sent.asked,
                hint=tell(language, "A name with the birth date behind it finds more: {example}", example=_EXAMPLE),
                fault=wrong.get("asked", ""),
                required=True,
                most=MOST + MAX_TOKEN,
            ),
            reading=[
                Option(code, tell(language, text), chosen=code == sent.reading) for code, text in _READINGS.items()
            ],
            purpose=_options(PURPOSES, why.purpose, visit.officer.purposes, language),
            offence=_options(OFFENCES, why.offence, frozenset(OFFENCES), language),
            ticket=field_of(SearchCommand, "ticket", language, sent.ticket, wrong.get("ticket", "")),
            case=field_of(SearchCommand, "case", language, sent.case, wrong.get("case", "")),
            to=[_counterpart(each, sent, language) for each in self._parts.counterparts()],
            faults=tuple(faults),
            folded=bool(sent.ticket or sent.case) and not faults,
            hidden=(Hidden("token", sent.token),) if sent.token else (),
            told=told,
        )
        title = tell(language, "Gate")
        return Page("pages/gate.html", title, view, 400 if faults else 200)


_EXAMPLE = "SOMCHAI JAIDEE 1984-03-02"


def _sent(form: Form) -> _Sent:
    asked, reading, token = form.one("asked"), form.one("reading"), form.one("token")
    return _Sent(asked, reading, form.one("ticket").strip(), form.one("case").strip(), form.all("to"), token)


def _remembered(form: Form, sent: _Sent) -> Remembered:
    """Return what the shift asks under. Raises `Malformed` for unknown words or a bad ticket."""
    try:
        purpose, offence = Purpose(form.one("purpose")), Offence(form.one("offence"))
    except ValueError:
        raise Malformed("choose a purpose and an offence of the lists", code="bad-search", where="asked") from None
    case = reference(sent.case, "case") if sent.case else ""
    ticket = reference(sent.ticket, "ticket") if sent.ticket else ""
    if not case and not ticket:
        raise Malformed("a case or ticket number is required", code="missing-case", where="ticket")
    return Remembered(purpose.value, offence.value, case, ticket)


def _understood(sent: _Sent, visit: Visit) -> Understood:
    """Return what is asked for. Raises `Malformed` for a text that says nothing."""
    today = from_us(visit.now_us).date()
    if sent.reading in _OTHER_READINGS:
        return read_as(Kind(sent.reading), sent.asked, today)
    return understood(sent.asked, today)


def _is_concerned(each: Counterpart, office: str, named: Sequence[str]) -> bool:
    return office in each.faced_by or country(each.member, Language.EN) in {
        country(code, Language.EN) for code in named
    }


def _key(form: Form, why: Remembered, asked: str) -> str:
    """Return the idempotency key of a question: the same form with the same words asks once, with others anew."""
    return hashlib.sha256(f"{form.id} {why!r} {asked}".encode()).hexdigest()


def _ended(_search_id: str, _error: BaseException | None) -> None:
    """Nothing waits for the end of a search: its page reads it."""


def _options(words: Sentences, chosen: str, open_to: frozenset[str], language: Language) -> list[Option]:
    return [
        Option(code, tell(language, text), chosen=code == chosen) for code, text in words.items() if code in open_to
    ]


def _counterpart(each: Counterpart, sent: _Sent, language: Language) -> Option:
    return Option(each.member, with_country(each.member, language), chosen=each.member in sent.to)
