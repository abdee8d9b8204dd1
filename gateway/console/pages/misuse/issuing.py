"""The list of tokens of the person's agency, and the form by which a new one is issued."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from gateway.clock import HOUR_US, SECOND_US, rfc3339
from gateway.console.frame.errors import fault_of
from gateway.console.frame.forms import Form
from gateway.console.frame.navigation import TOKENS
from gateway.console.frame.page import Page, To, later_pages
from gateway.console.frame.records import as_written
from gateway.console.frame.shapes import Button, Field, Link, Option, Tag, Task
from gateway.console.pages.threads.forms import ActForm, Part, Sent, Writer
from gateway.console.visits.door import Answer
from gateway.console.visits.visit import ConsoleParts, Visit
from gateway.desk.misuse.issuing import IssuedToken
from gateway.errors import Malformed, Refused
from gateway.language.catalogue import tell
from gateway.language.countries import with_country
from gateway.language.dates import moment
from gateway.language.languages import Language
from gateway.language.terms import RECORD_TYPES
from gateway.model.desk.work import WorkKind
from gateway.model.handed.tokens import MAX_DOCUMENTS, HeldDocument, IssueToken
from gateway.ports.desk_uses import WorkItem, WorkQuery

_WORK, _PAPERS, _CONSENT, _AGREES, _HOLDS = "work", "documents", "consent", "agrees", "until"
_FIELDS = (_WORK, _PAPERS, _CONSENT, _AGREES, _HOLDS)
_OF_ERRORS = {"number": _PAPERS, "issuer": _PAPERS, "query.number": _PAPERS}
"""The field that an error is shown at, where the error names a part of it."""

_DAYS = ("30", "90", "180", "365")
_USUAL = "180"
_MOST_TEXT = 200
_READ, _WORKS = 1_000, 50
"""Work that is looked at for the form, and work that it names: the newest."""


@dataclass(frozen=True, slots=True)
class TokensView:
    """The tokens, and the form of a new one where there is work for it."""

    tasks: Sequence[Task]
    pages: Sequence[Link]
    form: ActForm | None
    faults: Sequence[tuple[str, str]]


class IssuePages:
    """Makes the list, and takes its form."""

    def __init__(self, parts: ConsoleParts) -> None:
        self._parts = parts

    async def show(self, visit: Visit) -> Page:
        """Return the tokens of the person's agency that are in their time."""
        return await self._page(visit, Sent())

    async def issue(self, visit: Visit, form: Form) -> Answer:
        """Issue a token, and show it; the same form again leads to the same token."""
        desk = self._parts.desk
        try:
            command = _command(form, visit.now_us)
            asked = msgspec.json.encode((command.work, command.documents, command.consent, form.one(_HOLDS)))
            claim = await asyncio.to_thread(desk.keys.claim, visit.actor, f"token {form.id}", asked)
            made = await desk.misuse.issue(visit.actor, command, claim.name)
        except Refused as error:
            place = _OF_ERRORS.get(error.where, error.where if error.where in _FIELDS else _WORK)
            return await self._page(visit, Sent.of(form, {place: fault_of(error, visit.language)}))
        return To(f"{TOKENS}/{made.said.id}")

    async def _page(self, visit: Visit, sent: Sent) -> Page:
        desk, language = self._parts.desk, visit.language
        tokens = await desk.misuse.all(visit.actor, after=visit.query("after"))
        works = await self._works(visit)
        view = TokensView(
            tasks=[_task(one, visit) for one in tokens.items],
            pages=later_pages(TOKENS, tokens.next, language),
            form=_form(works, visit.query(_WORK), not tokens.items, Writer(language, sent)) if works else None,
            faults=tuple(sent.faults.items()),
        )
        title = tell(language, "Tokens “not this person”")
        return Page("pages/misuse/list.html", title, view, 400 if sent.faults else 200)

    async def _works(self, visit: Visit) -> list[WorkItem]:
        """Return the newest work of telling two persons apart that this person may do, done or not."""
        wanted = WorkQuery(kinds=(WorkKind.DISTINGUISH,), all=True, done=True, limit=_READ)
        found = [
            item
            for item in await self._parts.desk.queue.works(visit.officer, wanted)
            if item.refusal in ("", "assigned-to-another")
        ]
        return sorted(found, key=lambda item: -item.work.opened_us)[:_WORKS]


def until_words(one: IssuedToken, language: Language) -> str:
    """Return until when a token holds, in words."""
    return tell(language, "until {time}", time=moment(rfc3339(one.said.expires * SECOND_US), language))


def type_words(one: IssuedToken, language: Language) -> str:
    """Return the type of the record that a token is about, in words."""
    return tell(language, RECORD_TYPES[one.said.record_type])


def _task(one: IssuedToken, visit: Visit) -> Task:
    language = visit.language
    gone = (Tag(tell(language, "withdrawn"), "quiet"),) if one.withdrawn_us else ()
    link = Link(f"{TOKENS}/{one.said.id}", f"{type_words(one, language)} {one.record}")
    return Task(link, (until_words(one, language), *as_written(one.consent)), tags=gone)


def _form(works: Sequence[WorkItem], chosen: str, is_open: bool, writer: Writer) -> ActForm:
    language = writer.language
    kinds = {item.work.id: _work_words(item, language) for item in works}
    days = {each: tell(language, "{count} days", count=each) for each in _DAYS}
    agrees = Option("1", tell(language, "The person agrees to carry it, and knows what it says"))
    parts = (
        writer.one_of(IssueToken, _WORK, kinds, chosen),
        writer.area(
            _PAPERS,
            tell(language, "The documents of the person, one a line, each with its country"),
            hint=tell(language, "such as {example}; at most four", example="P4471209 THA"),
            most=_MOST_TEXT,
        ),
        writer.of(IssueToken, _CONSENT),
        Part("boxes", Field(_AGREES, tell(language, "Consent"), fault=writer.fault(_AGREES)), (agrees,)),
        writer.one_of(IssueToken, _HOLDS, days, _USUAL),
    )
    send = Button(tell(language, "Issue it"), kind="first")
    opened = is_open or bool(chosen) or writer.has_fault(parts)
    return ActForm("issue", tell(language, "Issue a token"), TOKENS, parts, (send,), open=opened)


def _work_words(item: WorkItem, language: Language) -> str:
    """Return which work it is: who found it, when, and the end of its id, since two can be of one minute."""
    work = item.work
    told = moment(rfc3339(work.opened_us), language)
    return f"{with_country(work.key.peer, language)}, {told} ({work.id.rpartition('.')[2][:8]})"


def _command(form: Form, now_us: int) -> IssueToken:
    """Return the order as a value of the desk. Raises `Malformed`."""
    if not form.one(_WORK):
        raise Malformed("choose one of the list", code="no-such-work", where=_WORK)
    documents = tuple(_document(line) for line in form.one(_PAPERS).splitlines() if line.strip())
    if not 1 <= len(documents) <= MAX_DOCUMENTS:
        raise Malformed("a token is for one to four documents", code="bad-value", where=_PAPERS)
    if not form.one(_CONSENT).strip():
        raise Malformed("say where the consent is written down", code="text-missing", where=_CONSENT)
    if not form.all(_AGREES):
        raise Malformed("without the person's consent no token is issued", code="consent-missing", where=_AGREES)
    if form.one(_HOLDS) not in _DAYS:
        raise Malformed("choose one of the lengths of time", code="bad-length", where=_HOLDS)
    until_us = now_us + int(form.one(_HOLDS)) * 24 * HOUR_US
    return IssueToken(form.one(_WORK), documents, form.one(_CONSENT).strip(), until_us)


def _document(line: str) -> HeldDocument:
    """Return number and country of a line; the country is its last word."""
    number, _, issuer = line.strip().rpartition(" ")
    if not number:
        raise Malformed(
            "a document has the code of the country that issued it",
            code="bad-issuer",
            where=_PAPERS,
            remedy="three letters, such as THA",
        )
    return HeldDocument(number.strip(), issuer)
