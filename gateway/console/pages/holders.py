"""Who holds copies of our records: how many have confirmed a change, who is out of reach, and what the owner can do."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlencode

import msgspec
from starlette.routing import Route

from gateway.clock import rfc3339_s
from gateway.console.frame.clocks import countdown
from gateway.console.frame.errors import fault_of
from gateway.console.frame.forms import Form, field_of, text_of
from gateway.console.frame.navigation import OPEN_TO
from gateway.console.frame.page import Page, To, later_pages
from gateway.console.frame.shapes import Banner, Cell, Field, Link, Option, Row, Table, Tag, Task, Tone
from gateway.console.visits.door import Answer, Door
from gateway.console.visits.visit import ConsoleParts, Visit
from gateway.desk.originator.holders import Copy, Holders
from gateway.errors import Forbidden, LiaisonError, Malformed, Unknown
from gateway.exchange.held_back import Held
from gateway.language.catalogue import Sentences, tell
from gateway.language.countries import with_country
from gateway.language.dates import moment
from gateway.language.languages import Language
from gateway.language.terms import CHANGE_REASONS, RECORD_TYPES
from gateway.model.desk.notices import MAX_WORDS, ChangeCode
from gateway.model.desk.work import HoldingState, Role
from gateway.model.handed.changes import ChangeCommand
from gateway.model.names import identifier, member_id
from gateway.model.values import text_value

PATH = "/holders"
_STATES: Sentences = {
    "held": "held",
    "hidden": "hidden there, and confirmed",
    "changing": "not confirmed yet",
    "objected": "the holder objects",
    "ended": "gone, and confirmed",
}
_TONES: Mapping[HoldingState, Tone] = {
    HoldingState.HELD: "info",
    HoldingState.HIDDEN: "done",
    HoldingState.CHANGING: "warn",
    HoldingState.OBJECTED: "warn",
    HoldingState.ENDED: "done",
}
_CHANGES: Sentences = {
    "CORRECTED": "Correct it: holders get the record as its source has it now",
    "WITHDRAWN": "Withdraw it: holders erase their copies within 24 hours",
    "CONTESTED": "Mark it as contested: holders hide it until that is settled",
    "RECLASSIFIED": "Have it handled more strictly: holders get it under the marking of now",
}


@dataclass(frozen=True, slots=True)
class HoldersView:
    """The records that others hold: first those whose change is under way.

    `held` are the withdrawn records that this person may give again.
    """

    banner: Banner | None
    under_way: Sequence[Task]
    records: Sequence[Task]
    pages: Sequence[Link]
    find: Field
    cut: CutForm | None
    held: Sequence[Option]
    faults: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class CutForm:
    """The form by which an office is cut off from all records of ours."""

    offices: Sequence[Option]
    text: Field


@dataclass(frozen=True, slots=True)
class RecordView:
    """One record with each copy, and the changes that this person may make."""

    record: str
    facts: Sequence[Row]
    banner: Banner
    table: Table
    change: ChangeForm | None
    faults: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class ChangeForm:
    """The form of a change to one record."""

    codes: Sequence[Option]
    reasons: Sequence[Option]
    text: Field


def holders_routes(door: Door, parts: ConsoleParts) -> list[Route]:
    """Return the routes of the ledger of copies."""
    holders, roles = _Holders(parts), tuple(OPEN_TO[PATH])
    return [
        door.get(PATH, holders.show, roles),
        door.post(f"{PATH}/change", holders.change, (Role.DATA_OFFICER,)),
        door.post(f"{PATH}/cut", holders.cut, (Role.DATA_OFFICER,)),
        door.post(f"{PATH}/lift", holders.lift, (Role.DATA_OFFICER,)),
    ]


class _Holders:
    def __init__(self, parts: ConsoleParts) -> None:
        self._parts = parts

    async def show(self, visit: Visit) -> Page:
        """Return the list, or the record that the query names."""
        record = visit.query("record").strip()
        return await (self._record(visit, record) if record else self._list(visit))

    async def change(self, visit: Visit, form: Form) -> Answer:
        """Tell every holder of a change to one record."""
        record = form.one("record")
        try:
            command = ChangeCommand(
                code=_change(form), record=record, reason=_reason(form), text=text_of(form, ChangeCommand, "text")
            )
            await self._tell(visit, form, command)
        except Malformed as error:
            return await self._record(visit, record, _fault(error, ("change", "reason", "text"), visit.language))
        return To(_record_path(record))

    async def cut(self, visit: Visit, form: Form) -> Answer:
        """Cut an office of a counterpart off from all records of ours."""
        try:
            office = identifier(form.one("office"), "office")
            holder = member_id(office.partition(".")[0])
            text = text_value(form.one("text").strip(), "text", MAX_WORDS)
            command = ChangeCommand(code=ChangeCode.CUT, holder=holder, office=office, reason="misuse", text=text)
            await self._tell(visit, form, command)
        except (Malformed, Forbidden) as error:
            # These two are faults of the office that was named; any other is about the person.
            if isinstance(error, Forbidden) and error.code not in ("unknown-office", "not-a-member"):
                raise
            return await self._list(visit, _fault(error, ("office", "text"), visit.language))
        return To(PATH)

    async def lift(self, visit: Visit, form: Form) -> Answer:
        """Hold a withdrawn record back no longer. The list shows what still is, so the same form again is no error."""
        with suppress(Unknown):
            await self._parts.desk.holding.lift(visit.actor, form.one("held"))
        return To(PATH)

    async def _tell(self, visit: Visit, form: Form, command: ChangeCommand) -> None:
        """Make a change; the same form again changes nothing more."""
        desk = self._parts.desk
        asked = msgspec.json.encode(command)
        claim = await asyncio.to_thread(desk.keys.claim, visit.actor, f"change {form.id}", asked)
        await desk.originator.change(visit.actor, command, claim.name)

    async def _list(self, visit: Visit, faults: tuple[tuple[str, str], ...] = ()) -> Page:
        holders, person, now_us = self._parts.desk.holders, visit.actor.person, visit.now_us
        under_way = await asyncio.to_thread(holders.under_way, person, now_us)
        found, after = await asyncio.to_thread(holders.page, person, now_us, visit.query("after"))
        pressing = {each.record for each in under_way}
        records = [each for each in found if each.record not in pressing]
        view = self._list_view(visit, under_way, records, after, faults)
        return Page("pages/holders/list.html", tell(visit.language, "Copies of our records"), view, _status(faults))

    def _list_view(
        self,
        visit: Visit,
        under_way: Sequence[Holders],
        records: Sequence[Holders],
        after: str,
        faults: tuple[tuple[str, str], ...],
    ) -> HoldersView:
        language, wrong = visit.language, dict(faults)
        may_cut = self._parts.desk.originator.may_change(visit.actor, visit.officer.agency)
        return HoldersView(
            banner=_summary(under_way, visit) if under_way else None,
            under_way=[_line(each, visit) for each in under_way],
            records=[_line(each, visit) for each in records],
            pages=later_pages(PATH, after, language),
            find=field_of(ChangeCommand, "record", language, hint="police/4711"),
            cut=self._cut_form(wrong, language) if may_cut else None,
            held=_held_back(self._parts.desk.holding.listed(visit.actor), language) if may_cut else (),
            faults=faults,
        )

    def _cut_form(self, wrong: Mapping[str, str], language: Language) -> CutForm:
        offices = [
            Option(office, f"{with_country(member, language)}: {office}")
            for member, offices in sorted(self._parts.offices().items())
            if member != self._parts.member
            for office in offices
        ]
        return CutForm(
            offices, _words_for_holders(wrong, language, tell(language, "Why; they read it as you write it"))
        )

    async def _record(self, visit: Visit, record: str, faults: tuple[tuple[str, str], ...] = ()) -> Page:
        desk, language = self._parts.desk, visit.language
        page = await asyncio.to_thread(desk.holders.of, visit.actor.person, visit.now_us, record)
        if not page.found:
            raise Unknown(
                "nobody holds a copy of this record", code="no-holder", where="record", remedy="look at its name again"
            )
        (one,) = page.found
        may_change = desk.originator.may_change(visit.actor, one.agency)
        view = RecordView(
            record=one.record,
            facts=(
                Row(tell(language, "record"), (one.record,)),
                Row(tell(language, "agency"), (one.agency,)),
            ),
            banner=_summary([one], visit),
            table=_table(one, visit),
            change=_change_form(dict(faults), language) if may_change else None,
            faults=faults,
        )
        title = tell(language, "Copies of {record}", record=one.record)
        return Page("pages/holders/record.html", title, view, _status(faults))


def _status(faults: Sequence[object]) -> int:
    return 400 if faults else 200


def _record_path(record: str) -> str:
    return f"{PATH}?{urlencode({'record': record})}"


def _summary(found: Sequence[Holders], visit: Visit) -> Banner:
    """Return how many copies are confirmed, and what is wrong: time that is over, objections, who is out of reach."""
    language = visit.language
    changed, confirmed = (sum(getattr(each, name) for each in found) for name in ("changed", "confirmed"))
    late = sum(_is_late(copy, visit.now_us) for each in found for copy in each.copies)
    objected = sum(each.objected for each in found)
    away = sorted({member for each in found for member in each.out_of_reach})
    lines = []
    if late:
        lines.append(tell(language, "Not confirmed within 24 hours: {count}", count=late))
    if objected:
        lines.append(tell(language, "Holders that object: {count}", count=objected))
    if away:
        names = ", ".join(with_country(member, language) for member in away)
        lines.append(tell(language, "Out of reach, since they left the federation: {countries}", countries=names))
    if not changed:
        return Banner(tell(language, "Nothing of it was changed since it was given"), tuple(lines))
    title = tell(language, "{confirmed} of {total} copies are confirmed", confirmed=confirmed, total=changed)
    tone: Tone = "danger" if late else "done" if confirmed == changed and not away else "warn"
    return Banner(title, tuple(lines), tone)


def _is_late(copy: Copy, now_us: int) -> bool:
    return copy.state is HoldingState.CHANGING and 0 < copy.due_us <= now_us and not copy.out_of_reach


def _line(found: Holders, visit: Visit) -> Task:
    language = visit.language
    members = dict.fromkeys(copy.holder for copy in found.copies)
    due = [copy.due_us for copy in found.copies if copy.state is HoldingState.CHANGING and copy.due_us]
    tags = []
    if found.changed:
        is_done = found.confirmed == found.changed
        text = tell(
            language, "{confirmed} of {total} copies are confirmed", confirmed=found.confirmed, total=found.changed
        )
        tags.append(Tag(text, "done" if is_done else "warn"))
    if found.objected:
        tags.append(Tag(tell(language, "the holder objects"), "warn"))
    if found.out_of_reach:
        tags.append(Tag(tell(language, "out of reach"), "quiet"))
    is_late = any(_is_late(copy, visit.now_us) for copy in found.copies)
    return Task(
        link=Link(_record_path(found.record), found.record),
        about=(found.agency, ", ".join(with_country(member, language) for member in members)),
        tags=tuple(tags),
        clock=countdown(min(due), visit.now_us, language) if due else None,
        tone="danger" if is_late else "warn" if due or found.objected else "quiet",
    )


def _table(found: Holders, visit: Visit) -> Table:
    language = visit.language
    heads = (
        tell(language, "holder"),
        tell(language, "type"),
        tell(language, "version"),
        tell(language, "state"),
        tell(language, "to be confirmed until"),
        tell(language, "given by the exchange"),
    )
    rows = tuple(
        (
            with_country(copy.holder, language),
            tell(language, RECORD_TYPES[copy.type]) if copy.type in RECORD_TYPES else copy.type,
            str(copy.version),
            _state(copy, visit),
            moment(rfc3339_s(copy.due_us), language) if copy.due_us else "",
            copy.given,
        )
        for copy in found.copies
    )
    return Table(tell(language, "Copies"), heads, rows, frozenset({2}))


def _state(copy: Copy, visit: Visit) -> Cell:
    if copy.out_of_reach:
        return Cell(tell(visit.language, "out of reach: it has left the federation"), tone="quiet")
    tone = "danger" if _is_late(copy, visit.now_us) else _TONES[copy.state]
    return Cell(tell(visit.language, _STATES[copy.state]), tone=tone)


def _change_form(wrong: Mapping[str, str], language: Language) -> ChangeForm:
    return ChangeForm(
        codes=[Option(code, tell(language, text)) for code, text in _CHANGES.items()],
        reasons=[Option(code, tell(language, text)) for code, text in CHANGE_REASONS.items()],
        text=_words_for_holders(wrong, language),
    )


def _held_back(held: Sequence[Held], language: Language) -> list[Option]:
    """Return each record that is held back, since it was withdrawn and its source still has it."""
    told: dict[str, list[str]] = {}
    for each in held:
        whom = with_country(each.holder, language) if each.holder else tell(language, "all countries")
        since = moment(rfc3339_s(each.since_us), language)
        told.setdefault(each.record, []).append(
            tell(language, "held back from {whom} since {time}", whom=whom, time=since)
        )
    return [Option(record, f"{record}: {', '.join(lines)}") for record, lines in told.items()]


def _words_for_holders(wrong: Mapping[str, str], language: Language, label: str = "") -> Field:
    return field_of(ChangeCommand, "text", language, fault=wrong.get("text", ""), label=label)


def _change(form: Form) -> ChangeCode:
    if form.one("change") not in _CHANGES:
        raise Malformed("choose what becomes of it", code="bad-change", where="change")
    return ChangeCode(form.one("change"))


def _reason(form: Form) -> str:
    if form.one("reason") not in CHANGE_REASONS:
        raise Malformed("choose why", code="bad-change", where="reason")
    return form.one("reason")


def _fault(error: LiaisonError, names: Sequence[str], language: Language) -> tuple[tuple[str, str], ...]:
    name = error.where if error.where in names else names[0]
    return ((name, fault_of(error, language)),)
