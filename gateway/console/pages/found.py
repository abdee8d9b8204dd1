"""The answers to a question of the gate: one line for each counterpart as it comes, what to do first, and what next.

Silence, and what was not searched, is never shown as no hit (domain, section 5.1).
"""

from __future__ import annotations

import asyncio
from collections import ChainMap
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from gateway.console.frame.errors import fault_of
from gateway.console.frame.events import EVENT_STREAM, merged_changes
from gateway.console.frame.forms import Form, field_of
from gateway.console.frame.navigation import OPEN_TO
from gateway.console.frame.page import Page, To
from gateway.console.frame.records import record_rows
from gateway.console.frame.shapes import Banner, Button, Field, Hidden, Line, Link, Row, Tag, Tone
from gateway.console.pages.gate import BETWEEN, PATH
from gateway.console.pages.threads.forms import ActForm, Sent, Writer
from gateway.console.visits.door import Answer, Door
from gateway.console.visits.visit import ConsoleParts, Visit
from gateway.desk.misuse.checking import Checked
from gateway.desk.misuse.checking import Verdict as TokenVerdict
from gateway.errors import Malformed, Refused, Unknown
from gateway.language.catalogue import Sentences, tell
from gateway.language.countries import with_country
from gateway.language.languages import Language
from gateway.model.handed.tokens import CheckToken
from gateway.model.handed.work import Confirm, Mark, Verdict
from gateway.model.hit import OWN_AGENCY
from gateway.model.search import Search
from gateway.ports.sessions import Carried
from gateway.views.desk.misuse import told_of
from gateway.views.search.fields import search_value
from gateway.views.search.lines import (
    all_answered,
    answer_text,
    doubt_text,
    hit_title,
    marking_text,
    released_text,
    unreleased_texts,
)
from gateway.views.words.code_words import raised

_MOST_SEARCHES = 4
_TONES: dict[str, Tone] = {"good": "warn", "bad": "danger", "warn": "quiet", "": "done"}
"""A hit warns, an answer that is not complete is quiet, and no hit from all sources is done."""

_VERDICTS: Sentences = {
    "SAME": "Same person or thing",
    "NOT_SAME": "Not the same",
    "CANNOT_TELL": "Cannot tell",
}


@dataclass(frozen=True, slots=True)
class HitView:
    """A hit: what must be seen first, what it says, and the form in which the officer marks it.

    `token` is what a token "not this person" says of this hit; empty where none does.
    """

    title: str
    token: str
    first: Sequence[str]
    lines: Sequence[str]
    rows: Sequence[Row]
    obey: str
    hidden: Sequence[Hidden]
    reason: Field | None
    verdicts: Sequence[Button]
    more: Sequence[Link]


@dataclass(frozen=True, slots=True)
class AnswerView:
    """The answer of one counterpart, with its hits. `doubt` says why its evidence is in doubt, or is empty."""

    line: Line
    hits: Sequence[HitView]
    doubt: str


@dataclass(frozen=True, slots=True)
class FoundView:
    """The answers so far, of the page at `path`. `waiting` are those that have not answered."""

    summary: Banner
    answers: Sequence[AnswerView]
    waiting: Sequence[Line]
    is_over: bool
    path: str
    exchanges: Sequence[str]
    told: Banner | None = None
    token: ActForm | None = None


@dataclass(frozen=True, slots=True)
class Beside:
    """Holds what stands beside hits. `token` is what a token says of one, by search, member and number of the hit.

    `works` is the work of marking a counterpart's alert, by search and number of the hit of our own agencies.
    """

    token: Mapping[tuple[str, str, int], str] = field(default_factory=dict)
    works: Mapping[tuple[str, int], str] = field(default_factory=dict)


def found_routes(door: Door, parts: ConsoleParts) -> list[Route]:
    """Return the routes of answers."""
    found, roles = _Found(parts), tuple(OPEN_TO[PATH])
    return [
        door.get(f"{PATH}/{{ids}}", found.show, roles),
        door.get(f"{PATH}/{{ids}}/events", found.follow, roles),
        door.post(f"{PATH}/{{ids}}/marks", found.mark, roles),
        door.post(f"{PATH}/{{ids}}/token", found.check_token, roles),
    ]


class _Found:
    def __init__(self, parts: ConsoleParts) -> None:
        self._parts = parts

    async def show(self, visit: Visit) -> Page:
        """Return the answers that have come."""
        return await self._page(visit, Sent())

    async def _page(self, visit: Visit, sent: Sent, checked: Sequence[Checked] = ()) -> Page:
        """Return the answers, with what a token says beside them, or what was wrong with what was sent of it.

        `checked` is what was sent now; without it, the token counts that was scanned at the gate with this question.
        """
        path, language = f"{PATH}/{visit.part('ids')}", visit.language
        searches = await self._searches(visit)
        carried, told = _carried(visit, searches), None
        if carried is not None and not checked and not sent.faults:
            checked, told = await self._scanned(carried, searches, language)
            sent = Sent({"token": (carried.token,), "token-number": (carried.number,)})
        values = [search_value(search, language) for search in searches]
        works = await asyncio.gather(*map(self._parts.desk.alerts.to_confirm, searches))
        beside = Beside(_beside(searches, checked, language), ChainMap(*works))
        view = _view(values, path, self._parts.member, language, beside)
        if any(answer.hits for answer in view.answers) or not view.is_over:
            form = _token_form(path, Writer(language, sent), is_open=told is not None)
            view = replace(view, token=form)
        view = replace(view, told=told or _told(checked, language, is_over=view.is_over))
        live, status = "" if view.is_over else f"{path}/events", 400 if sent.faults else 200
        return Page("pages/found.html", tell(visit.language, "Answers"), view, status, live, ", ".join(view.exchanges))

    async def check_token(self, visit: Visit, form: Form) -> Answer:
        """Show what a token of the person says beside the hits, which all stand."""
        number, issuer = form.one("token-number").strip(), form.one("token-issuer").strip()
        searches = await self._searches(visit)
        try:
            found = [
                await self._parts.desk.tokens.check(visit.actor, search.id, form.one("token"), number, issuer)
                for search in searches
            ]
        except Refused as error:
            name = {"issuer": "token-issuer"}.get(error.where, "token-number")
            return await self._page(visit, Sent.of(form, {name: fault_of(error, visit.language)}))
        return await self._page(visit, Sent(), found)

    async def _scanned(
        self, carried: Carried, searches: Sequence[Search], language: Language
    ) -> tuple[list[Checked], Banner | None]:
        """Return what a scanned token says beside each search, or the word that the person's document is wanted."""
        tokens = self._parts.desk.tokens
        if carried.number:
            return [await tokens.beside(one, carried.token, carried.number, carried.issuer) for one in searches], None
        fault = await tokens.alone(carried.token)
        if fault is not None:
            return [fault], None
        return [], Banner(
            tell(language, "A token was scanned. Say below which document the person shows."), tone="warn"
        )

    async def follow(self, visit: Visit) -> Response:
        """Stream that an answer has come, until none can come any more."""
        searches = await self._searches(visit)
        feeds = [self._changes(visit, search.id) for search in searches]
        return StreamingResponse(merged_changes(feeds), media_type=EVENT_STREAM)

    async def _changes(self, visit: Visit, search_id: str) -> AsyncIterator[object]:
        async for search in self._parts.searches.follow(visit.officer, search_id):
            yield search

    async def mark(self, visit: Visit, form: Form) -> Answer:
        """Write whether a hit is the same person or thing; of another one its owner is told."""
        try:
            verdict, hit = Verdict(form.one("verdict")), int(form.one("hit"))
        except ValueError:
            raise Malformed("choose one of the three answers", code="bad-confirmation", where="verdict") from None
        # In English, since it stands in an entry and not on a page.
        reason = form.one("reason").strip() or tell(Language.EN, _NO_REASON[verdict])
        # A hit of our own gate on a counterpart's alert is confirmed as the work that it raised.
        if work := form.one("work"):
            await self._parts.desk.marks.confirm(visit.actor, Confirm(work=work, verdict=verdict, reason=reason))
            return To(f"{PATH}/{visit.part('ids')}")
        mark = Mark(search_id=form.one("search"), peer=form.one("from"), hit=hit, verdict=verdict, reason=reason)
        await self._parts.desk.marks.mark(visit.actor, mark)
        return To(f"{PATH}/{visit.part('ids')}")

    async def _searches(self, visit: Visit) -> list[Search]:
        ids = visit.part("ids").split(BETWEEN)
        if not 1 <= len(ids) <= _MOST_SEARCHES:
            raise Unknown("no such search", where="search")
        return list(await asyncio.gather(*(self._parts.searches.get(visit.officer, name) for name in ids)))


def _carried(visit: Visit, searches: Sequence[Search]) -> Carried | None:
    """Return the token that was scanned with the question of these searches, or None."""
    carried = visit.remembered.carried
    return carried if carried is not None and {one.id for one in searches} == set(carried.searches) else None


def _beside(
    searches: Sequence[Search], checked: Sequence[Checked], language: Language
) -> dict[tuple[str, str, int], str]:
    """Return what a token says of hits, by search, member and number of the hit."""
    return {
        (search.id, one.said.member, at): told_of(one, language)
        for search, one in zip(searches, checked, strict=False)
        if one.said is not None
        for at in one.hits
    }


def _token_form(path: str, writer: Writer, *, is_open: bool) -> ActForm:
    language = writer.language
    parts = (
        writer.of(CheckToken, "token"),
        writer.of(CheckToken, "number", place="token-number"),
        writer.of(CheckToken, "issuer", place="token-issuer"),
    )
    button = Button(tell(language, "Check it"), kind="first")
    title = tell(language, "The person carries a token: not this person")
    return ActForm("token", title, f"{path}/token", parts, (button,), open=is_open or writer.has_fault(parts))


def _told(found: Sequence[Checked], language: Language, *, is_over: bool) -> Banner | None:
    """Return what a token says beside the hits: of several questions, what it says of a hit comes first.

    That its owner has no such hit is said once all answers are there.
    """
    best = min(found, key=lambda one: one.verdict is not TokenVerdict.NOT_THIS_PERSON, default=None)
    if best is None or (best.verdict is TokenVerdict.NO_HIT_OF_THEIRS and not is_over):
        return None
    tone: Tone = "info" if best.verdict is TokenVerdict.NOT_THIS_PERSON else "warn"
    return Banner(told_of(best, language), tone=tone)


_NO_REASON: Sentences = {
    "SAME": "compared at the gate",
    "NOT_SAME": "compared at the gate: another one",
    "CANNOT_TELL": "not enough to compare",
}


def _view(
    values: Sequence[dict[str, Any]],
    path: str,
    own: str,
    language: Language,
    beside: Beside = Beside(),
) -> FoundView:
    answers = [
        AnswerView(
            _line(line, own, language), list(_hits(value["id"], line, language, beside)), doubt_text(line, language)
        )
        for value in values
        for line in value["lines"]
    ]
    waiting = [
        Line(with_country(member, language), Tag(tell(language, "still waiting"), "quiet"))
        for value in values
        for member in (*value["waiting_for"], *value["awaiting_late"])
    ]
    return FoundView(
        summary=_summary(values, language),
        answers=sorted(answers, key=lambda answer: not answer.hits),
        waiting=waiting,
        is_over=not waiting,
        path=path,
        exchanges=[line["exchange_id"] for value in values for line in value["lines"] if line["exchange_id"]],
    )


def _summary(values: Sequence[dict[str, Any]], language: Language) -> Banner:
    """Return what all answers say together: a hit first, then what is not known, then no hit from everybody."""
    if any(value["problem"] for value in values):
        return Banner(tell(language, "Our own node could not ask everybody. This does not mean no hit."), tone="danger")
    hits = sum(len(line["hits"]) for value in values for line in value["lines"])
    if hits:
        return Banner(tell(language, "There is a hit: read what to do first."), tone="danger")
    if any(value["waiting_for"] for value in values):
        return Banner(tell(language, "Answers are still coming."), tone="info")
    if all(map(all_answered, values)):
        return Banner(tell(language, "No hit from anybody who was asked."), tone="done")
    return Banner(tell(language, "Not everybody has answered in full. This does not mean no hit."), tone="warn")


def _line(line: dict[str, Any], own: str, language: Language) -> Line:
    said, style = answer_text(line, language)
    name = tell(language, "Our own agencies") if line["member"] == own else with_country(line["member"], language)
    return Line(name, Tag(said, _TONES[style]))


def _hits(search_id: str, line: dict[str, Any], language: Language, beside: Beside) -> Iterator[HitView]:
    for at, hit in enumerate(line["hits"]):
        record = hit["record"]
        is_abroad = bool(line["exchange_id"]) and OWN_AGENCY not in (rule["word"] for rule in hit["rules"])
        work = beside.works.get((search_id, at), "") if not line["exchange_id"] else ""
        texts = [released_text(record, hit["record_type"], language)] if record else unreleased_texts(hit, language)
        place = f"{search_id}/{line['member']}/{at}"
        yield HitView(
            title=hit_title(hit, language),
            token=beside.token.get((search_id, line["member"], at), ""),
            first=raised(hit, language),
            lines=texts,
            rows=record_rows(record["fields"], hit["record_type"], language) if record else (),
            obey=marking_text(record["marking"], language) if record else "",
            hidden=(
                Hidden("search", search_id),
                Hidden("from", line["member"]),
                Hidden("hit", str(at)),
                Hidden("work", work),
            ),
            reason=field_of(Mark, "reason", language) if is_abroad or work else None,
            verdicts=[
                Button(tell(language, text), "verdict", code) for code, text in _VERDICTS.items() if is_abroad or work
            ],
            more=(
                (
                    Link(f"/follow-up/{place}", tell(language, "Ask their desk for more")),
                    Link(f"/outcome/{place}", tell(language, "Say what came of it")),
                )
                if is_abroad
                else ()
            ),
        )
