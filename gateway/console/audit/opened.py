"""Open an entry or an exchange: what was asked and given, the policy that decided, and the proof of each entry."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.routing import Route

from gateway.audit.reading.inspection import MAX_REASON, Action
from gateway.audit.verify.content import Content
from gateway.audit.verify.findings import State
from gateway.clock import rfc3339_s
from gateway.console.audit.drawing import Drawn, draw, steps_of
from gateway.console.audit.start import ROLES
from gateway.console.audit.tabs import PATH, mandate_rows, tabs
from gateway.console.frame.errors import problem_of
from gateway.console.frame.forms import Form
from gateway.console.frame.page import Page, To
from gateway.console.frame.records import as_written
from gateway.console.frame.shapes import Cell, Field, Link, Row, Table, Tag, Text
from gateway.console.visits.door import Answer, Door
from gateway.console.visits.visit import AuditParts, Visit
from gateway.errors import LiaisonError, Refused
from gateway.language.catalogue import Sentences, tell
from gateway.language.countries import with_country
from gateway.language.dates import moment
from gateway.language.languages import Language
from gateway.model.values import text_value
from gateway.ops.audit.contents import OpenedEntries, Wanted, entries_to_open, opened_at_home
from gateway.ops.audit.policy_decisions import explain_opened
from gateway.ops.homes.open_home import Evidence, Written, open_home
from gateway.ops.mandate.acts import Announced, Prepared, place_of
from gateway.ops.mandate.placed import Placed
from gateway.views.sheet_words import HEADINGS, LABELS, STATES
from gateway.views.sheets import Pairs, RecordSheet, Sheet, sheets_of
from policy.review.reasons import Explanation

_DRAWN = 4
"""Entries of one exchange whose proof is drawn; each has its lines in the table."""

_TONES = {State.PROVED: "done", State.CONTRADICTED: "danger", State.NOT_PROVABLE: "warn"}
_HEADS: Sentences = {"step": "Step", "side": "Beside it", "hash": "The hash beside it", "gives": "Both give"}
_SIDES: Sentences = {"left": "on its left", "right": "on its right"}


@dataclass(frozen=True, slots=True)
class OpenView:
    """The form in which an auditor says why an entry is opened."""

    place: Written
    mandate: Sequence[Row]
    action: str
    reason: Field
    faults: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class RecordView:
    """A record of an answer."""

    title: str
    status: Tag
    rows: Sequence[Row]
    marking_title: str
    marking: Sequence[Row]


@dataclass(frozen=True, slots=True)
class DecisionView:
    """A decision of policy in words: its outcome, and the rules that made it with their source."""

    title: str
    outcome: str
    rules: Sequence[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class PlaceView:
    """The proof of one entry: drawn, and the same as a table."""

    title: str
    drawn: Drawn
    rows: Sequence[Row]
    table: Table


@dataclass(frozen=True, slots=True)
class SheetView:
    """One exchange or entry in words; `places` is None where the log goes on under another number."""

    title: str
    entries: Sequence[str]
    closed: Sequence[str]
    parts: Sequence[tuple[str, Sequence[Row]]]
    records: Sequence[RecordView]
    proofs_title: str
    proofs: Sequence[tuple[Tag, str]]
    policy: Sequence[DecisionView]
    policy_note: str
    places: Sequence[PlaceView] | None


@dataclass(frozen=True, slots=True)
class OpenedView:
    """Shows what was opened, and the entry that says so."""

    tabs: Sequence[Link]
    at: Written
    reason: Row
    sheets: Sequence[SheetView]


@dataclass(frozen=True, slots=True)
class _Shown:
    said: Announced
    found: OpenedEntries
    policies: Sequence[tuple[str, Sequence[tuple[str, Explanation]]] | LiaisonError | None]
    places: Sequence[Sequence[Placed] | LiaisonError]


def opened_routes(door: Door, parts: AuditParts) -> list[Route]:
    """Return the routes of opening."""
    opened = _Opened(parts)
    return [
        door.get(f"{PATH}/open/{{place}}", opened.ask, ROLES),
        door.post(f"{PATH}/open/{{place}}", opened.prepare, ROLES),
        door.get(f"{PATH}/opened/{{entry}}", opened.show, ROLES),
    ]


class _Opened:
    def __init__(self, parts: AuditParts) -> None:
        self._parts = parts

    async def ask(self, visit: Visit) -> Page:
        """Return the form for the reason; that of the question from which one comes stands there already."""
        reason = ""
        if name := visit.query("from"):
            announced = self._parts.acts.announced
            said = await asyncio.to_thread(announced, visit.officer.person, name, Action.SEARCH)
            reason = said.inspection.reason
        return await self._form(visit, reason)

    async def prepare(self, visit: Visit, form: Form) -> Answer:
        """Prepare the opening, and go to the page where it is signed."""
        reason = form.one("reason").strip()
        try:
            text_value(reason, "reason", MAX_REASON)
        except Refused as error:
            return await self._form(visit, reason, error)
        prepared = await asyncio.to_thread(self._prepared, visit, reason, form.id)
        return To(f"{PATH}/sign/{prepared.name}")

    def _prepared(self, visit: Visit, reason: str, form_id: str) -> Prepared:
        person, place = visit.officer.person, place_of(visit.part("place"))
        held = self._parts.acts.mandates.require(person)
        with open_home(self._parts.folder) as evidence:
            log, indexes = entries_to_open(evidence, Wanted(place.log, (place.index,)), held.appointment)
        detail = {"log": log, "entries": indexes}
        return self._parts.acts.prepare(person, Action.OPEN, reason, detail, f"{form_id} {detail!r} {reason}")

    async def _form(self, visit: Visit, reason: str, error: Refused | None = None) -> Page:
        language, place = visit.language, place_of(visit.part("place"))
        held = await asyncio.to_thread(self._parts.acts.mandates.require, visit.officer.person)
        fault = problem_of(error, language).text if error is not None else ""
        view = OpenView(
            place=place,
            mandate=mandate_rows(held, visit),
            action=f"{PATH}/open/{visit.part('place')}",
            reason=Field(
                "reason",
                tell(language, "Why you open it"),
                reason,
                hint=tell(language, "It stands in the log, with your signature"),
                fault=fault,
                required=True,
                most=MAX_REASON,
            ),
            faults=(("reason", fault),) if fault else (),
        )
        return Page("audit/open.html", tell(language, "Open an entry"), view, 400 if fault else 200)

    async def show(self, visit: Visit) -> Page:
        """Return what was opened, once the opening has its entry."""
        shown = await asyncio.to_thread(self._read, visit)
        view = _view(visit, shown)
        return Page("audit/opened.html", tell(visit.language, "What was opened"), view, printed=shown.said.name)

    def _read(self, visit: Visit) -> _Shown:
        said = self._parts.acts.announced(visit.officer.person, visit.part("entry"), Action.OPEN)
        log, indexes = str(said.inspection.detail["log"]), list(said.inspection.detail["entries"])
        with open_home(self._parts.folder) as evidence:
            found = opened_at_home(evidence, said.held.appointment, said.at, log, indexes)
            policies = [_policy(evidence, content, visit.language) for content in found.contents]
        return _Shown(said, found, policies, [self._places(content) for content in found.contents])

    def _places(self, content: Content) -> Sequence[Placed] | LiaisonError:
        try:
            return [self._parts.places.of(content.log, opened.entry.index) for opened in content.entries[:_DRAWN]]
        except Refused as error:
            return error


def _policy(
    evidence: Evidence, content: Content, language: Language
) -> tuple[str, Sequence[tuple[str, Explanation]]] | LiaisonError | None:
    """Return how policy decided on an exchange that we answered, or why it cannot be told now."""
    if not content.private.get("decision"):
        return None
    try:
        return explain_opened(evidence, content.first.entry.exchange_id, language)
    except LiaisonError as error:
        return error


def _view(visit: Visit, shown: _Shown) -> OpenedView:
    language, said = visit.language, shown.said
    sheets = sheets_of(shown.found, language)
    return OpenedView(
        tabs=tabs(f"{PATH}/ask", language),
        at=said.at,
        reason=Row(tell(language, "Why you opened it"), as_written(said.inspection.reason)),
        sheets=[
            _sheet(sheet, policy, places, language)
            for sheet, policy, places in zip(sheets, shown.policies, shown.places, strict=True)
        ],
    )


def _sheet(
    sheet: Sheet,
    policy: tuple[str, Sequence[tuple[str, Explanation]]] | LiaisonError | None,
    places: Sequence[Placed] | LiaisonError,
    language: Language,
) -> SheetView:
    named = (("who", sheet.who), ("asked", sheet.asked), ("given", sheet.given), ("rest", sheet.rest))
    decisions, note = _decisions(policy, language)
    return SheetView(
        title=sheet.title,
        entries=sheet.entries,
        closed=sheet.closed,
        parts=[(tell(language, HEADINGS[name]), _rows(pairs, language)) for name, pairs in named if pairs],
        records=[_record(record, language) for record in sheet.records],
        proofs_title=tell(language, HEADINGS["proofs"]),
        proofs=[(Tag(tell(language, STATES[state]), _TONES[state]), text) for state, text in sheet.proofs],  # type: ignore[arg-type]
        policy=decisions,
        policy_note=note,
        places=None if isinstance(places, LiaisonError) else [_place(placed, language) for placed in places],
    )


def _rows(pairs: Pairs, language: Language) -> list[Row]:
    """Return each pair as a row; the name of an entry's own member is English in every language."""
    words = {tell(language, text) for text in LABELS.values()}
    return [Row(name if name in words else Text(name, "en"), as_written(value)) for name, value in pairs]


def _record(record: RecordSheet, language: Language) -> RecordView:
    tone = _TONES[record.state] if record.state is not None else "info"
    return RecordView(
        title=record.title,
        status=Tag(record.status, tone),  # type: ignore[arg-type]
        rows=_rows((*record.fields, *record.about), language),
        marking_title=tell(language, HEADINGS["marking"]),
        marking=[Row(name, as_written(value)) for name, value in record.marking],
    )


def _decisions(
    policy: tuple[str, Sequence[tuple[str, Explanation]]] | LiaisonError | None, language: Language
) -> tuple[list[DecisionView], str]:
    if policy is None:
        return [], ""
    if isinstance(policy, LiaisonError):
        return [], tell(
            language, "The policy that decided is not kept here, or decides otherwise: {code}", code=policy.code
        )
    digest, explained = policy
    decisions = [
        DecisionView(
            title=tell(language, "The question") if what == "question" else what,
            outcome=one.outcome,
            rules=[(rule.name, f"{rule.effect} · {rule.where}", rule.text) for rule in one.rules],
        )
        for what, one in explained
    ]
    return decisions, tell(language, "decided by the policy {hash}", hash=digest[:16])


def _place(placed: Placed, language: Language) -> PlaceView:
    head = tell(language, "signed head over {count} entries", count=f"{placed.head.size:,}")
    leaf = tell(language, "entry {index}", index=placed.index)
    witnesses = [with_country(member, language) for member in dict.fromkeys(item.member for item in placed.cosigned)]
    title = tell(language, "entry {index} of {log}", index=placed.index, log=placed.log)
    cosigned = [
        f"{with_country(item.member, language)} · {item.algorithm} · {moment(rfc3339_s(item.time_s * 10**6), language)}"
        for item in placed.cosigned
    ]
    rows = (
        Row(tell(language, "Hash of the entry"), (placed.leaf.hex(),)),
        Row(head, (placed.head.root.hex(), placed.head.origin)),
        Row(
            tell(language, "Cosigned by"),
            tuple(cosigned) or (tell(language, "no witness yet: the head is signed by this node alone"),),
        ),
    )
    steps = [
        (
            str(number),
            tell(language, _SIDES["left" if step.is_left else "right"]),
            Cell(Text(step.beside.hex())),
            Cell(Text(step.gives.hex())),
        )
        for number, step in enumerate(steps_of(placed), 1)
    ]
    heads = tuple(tell(language, head) for head in _HEADS.values())
    caption = tell(language, "The path from the entry to the head")
    return PlaceView(title, draw(placed, title, head, leaf, witnesses), rows, Table(caption, heads, tuple(steps)))
