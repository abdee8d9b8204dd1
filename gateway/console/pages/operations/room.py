"""One operation: how each member stands, the entries as they come, the results, the evidence, and what one may do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from starlette.routing import Route

from gateway.console.frame.clocks import countdown
from gateway.console.frame.errors import fault_of
from gateway.console.frame.forms import Form, field_of, text_of
from gateway.console.frame.navigation import OPEN_TO
from gateway.console.frame.page import Page, To
from gateway.console.frame.shapes import Banner, Clock, Field, Line, Option, Row, Step, Table, Tag, Text
from gateway.console.pages.alerts.outcome import OutcomeForm, outcome_form, read_outcome
from gateway.console.pages.operations.listing import PATH, stand_tone
from gateway.console.pages.operations.opening import invited, places
from gateway.console.pages.threads.doing import once
from gateway.console.visits.door import Answer, Door, FormHandler
from gateway.console.visits.visit import ConsoleParts, Visit
from gateway.desk.forms.catalogue import FieldType, FormField, templates
from gateway.desk.rooms.page import RoomPage
from gateway.errors import Malformed, Stale
from gateway.language.catalogue import tell
from gateway.language.countries import with_country
from gateway.language.dates import moment
from gateway.language.languages import Language
from gateway.model.desk.notices import Note
from gateway.model.desk.threads import ThreadKey
from gateway.model.handed.operations import SealRoom, WriteEntry
from gateway.model.names import exchange_id, member_id
from gateway.views.operations.pack import PackView, pack_view
from gateway.views.operations.told import pack_told, room_told
from gateway.views.operations.words import entry_words, invites_words, owner_words, part_words, stand_words

_VALUE = "value-"


@dataclass(frozen=True, slots=True)
class NoteForm:
    """The form of an entry: words, and the fields of the operation's form; `choices` have name, label and options."""

    text: Field
    fields: Sequence[Field]
    choices: Sequence[tuple[str, str, Sequence[Option]]]


@dataclass(frozen=True, slots=True)
class RoomView:
    """The page. Forms are there for those who may use them; `acts` are what this person may do."""

    path: str
    tag: Tag
    clock: Clock | None
    banners: Sequence[Banner]
    facts: Sequence[Row]
    parts: Sequence[Line]
    steps: Sequence[Step]
    results: Table | None
    acts: frozenset[str]
    note: NoteForm | None
    outcome: OutcomeForm | None
    invite: Sequence[Option]
    seal: Field | None
    faults: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class PackPage:
    """The pack as a page of the console."""

    pack: PackView
    tables: Sequence[Table]
    path: str


def room_routes(door: Door, parts: ConsoleParts) -> list[Route]:
    """Return the routes of one operation."""
    rooms, roles, path = _Rooms(parts), tuple(OPEN_TO[PATH]), f"{PATH}/{{room}}"
    acts = {"join": rooms.join, "leave": rooms.leave, "note": rooms.note, "outcome": rooms.outcome}
    acts |= {"invite": rooms.invite, "seal": rooms.seal}
    return [
        door.get(f"{PATH}/thread/{{peer}}/{{thread}}", rooms.of_thread, roles),
        door.get(path, rooms.show, roles),
        door.get(f"{path}/pack", rooms.pack, roles),
        *(door.post(f"{path}/{name}", rooms.of(act), roles) for name, act in acts.items()),
    ]


class _Rooms:
    def __init__(self, parts: ConsoleParts) -> None:
        self._parts = parts

    async def show(self, visit: Visit) -> Page:
        """Return the page of an operation."""
        return await self._page(visit, ())

    async def of_thread(self, visit: Visit) -> To:
        """Lead to the operation to which a thread belongs."""
        key = ThreadKey(member_id(visit.part("peer")), exchange_id(visit.part("thread")))
        return To(f"{PATH}/{await self._parts.desk.rooms.of_thread(visit.actor, key)}")

    async def pack(self, visit: Visit) -> Page:
        """Return its results and its evidence, made to be printed."""
        found = await self._parts.desk.room_pages.read(visit.actor, visit.part("room"))
        told = pack_told(found)
        view = pack_view(told, visit.language)
        notes = {place for place, each in enumerate(told["entries"]) if each["kind"] == "note"}
        members, results, entries, evidence = (
            Table(each.title, tuple(each.heads), tuple(map(tuple, each.rows))) for each in view.tables
        )
        rows = tuple(
            (*row[:-1], Text(str(row[-1]))) if place in notes else row for place, row in enumerate(entries.rows)
        )
        codes = tuple((*row[:2], Text(str(row[2])), *row[3:]) for row in evidence.rows)
        tables = [members, results, replace(entries, rows=rows), replace(evidence, rows=codes)]
        return Page("pages/operations/pack.html", view.title, PackPage(view, tables, f"{PATH}/{found.line.id}"))

    def of(self, act: Callable[[Visit, Form, str], Awaitable[None]]) -> FormHandler:
        """Return the handler of an act, which ends on the page of the operation."""

        async def handle(visit: Visit, form: Form) -> Answer:
            room_id = visit.part("room")
            try:
                await once(self._parts, visit, form, lambda: act(visit, form, room_id))
            except (Malformed, Stale) as error:
                name = error.where if error.where in form.fields else "page"
                return await self._page(visit, ((name, fault_of(error, visit.language)),))
            return To(f"{PATH}/{room_id}")

        return handle

    async def join(self, visit: Visit, _form: Form, room_id: str) -> None:
        """Join it."""
        await self._parts.desk.rooms.join(visit.actor, room_id)

    async def leave(self, visit: Visit, _form: Form, room_id: str) -> None:
        """Leave it."""
        await self._parts.desk.rooms.leave(visit.actor, room_id)

    async def note(self, visit: Visit, form: Form, room_id: str) -> None:
        """Write an entry."""
        given = ((name.removeprefix(_VALUE), form.one(name).strip()) for name in form.fields if name.startswith(_VALUE))
        values = tuple((code, value) for code, value in given if value)
        await self._parts.desk.rooms.note(
            visit.actor, room_id, Note(visit.language.value, text_of(form, WriteEntry, "text"), values)
        )

    async def outcome(self, visit: Visit, form: Form, room_id: str) -> None:
        """Write an outcome."""
        await self._parts.desk.rooms.outcome(visit.actor, room_id, read_outcome(form))

    async def invite(self, visit: Visit, form: Form, room_id: str) -> None:
        """Ask that more members are invited."""
        await self._parts.desk.rooms.invite(visit.actor, room_id, invited(form))

    async def seal(self, visit: Visit, form: Form, room_id: str) -> None:
        """Seal it, or call it off."""
        text, called_off = text_of(form, SealRoom, "text", "words"), form.one("act") == "call-off"
        await self._parts.desk.rooms.seal(visit.actor, room_id, text, called_off=called_off)

    async def _page(self, visit: Visit, faults: tuple[tuple[str, str], ...]) -> Page:
        found = await self._parts.desk.room_pages.read(visit.actor, visit.part("room"))
        view = _view(found, visit, faults, self._others(found, visit.language))
        live = f"{PATH}/events?about={found.line.id}"
        return Page("pages/operations/room.html", found.line.title, view, 400 if faults else 200, live)

    def _others(self, found: RoomPage, language: Language) -> Sequence[Option]:
        """Return the members that this person may still invite; none while some wait for their approval."""
        if "invite" not in found.acts or found.invites:
            return ()
        return places(self._parts, (), language, [part.member for part in found.parts])


def _view(found: RoomPage, visit: Visit, faults: tuple[tuple[str, str], ...], invite: Sequence[Option]) -> RoomView:
    language, told, wrong = visit.language, room_told(found), dict(faults)
    stand, pack = told["stand"], pack_view(told | {"evidence": []}, visit.language)
    results = pack.tables[1]
    return RoomView(
        path=f"{PATH}/{found.line.id}",
        tag=Tag(stand_words(stand, language), stand_tone(stand)),
        clock=countdown(found.line.end_us, visit.now_us, language) if stand in ("on", "invited", "waiting") else None,
        banners=list(_banners(told, language)),
        facts=[Row(name, (value,)) for name, value in pack.about],
        parts=[_part(part, language) for part in told["parts"]],
        steps=[_step(entry, told["template"], visit) for entry in reversed(told["entries"])],
        results=Table(results.title, tuple(results.heads), tuple(map(tuple, results.rows))) if results.rows else None,
        acts=found.acts,
        note=_note_form(found.template, wrong, language) if "note" in found.acts else None,
        outcome=outcome_form(language, wrong) if "outcome" in found.acts else None,
        invite=invite,
        seal=field_of(SealRoom, "text", language, place="words") if "seal" in found.acts else None,
        faults=faults,
    )


def _banners(told: dict[str, Any], language: Language) -> Iterator[Banner]:
    if words := owner_words(told, language):
        yield Banner(words, tone="warn")
    if words := invites_words(told, language):
        yield Banner(tell(language, "Another person must approve it before it goes out"), (words,), "warn")


def _part(part: dict[str, Any], language: Language) -> Line:
    role, standing, *missing = part_words(part, language)
    tone = Tag(standing, "warn" if missing else "done" if part["standing"] == "JOINED" else "quiet")
    offices = (", ".join(part["offices"]),) if part["offices"] else ()
    return Line(with_country(part["member"], language), tone, (role, *offices, *missing))


def _step(entry: dict[str, Any], template: str, visit: Visit) -> Step:
    language = visit.language
    return Step(
        with_country(entry["member"], language),
        entry["at"],
        moment(entry["at"], language),
        by=f"{entry['office']} {entry['author']}".strip(),
        lines=tuple(Text(line) if line == entry["text"] else line for line in entry_words(entry, template, language)),
        ours=entry["member"] == visit.officer.person.partition(".")[0],
        tags=(Tag(tell(language, "late"), "warn"),) if entry["late"] else (),
    )


def _note_form(template: str, wrong: dict[str, str], language: Language) -> NoteForm:
    known = templates()[template].fields if template in templates() else ()
    return NoteForm(
        text=field_of(WriteEntry, "text", language, fault=wrong.get("text", ""), required=True),
        fields=[_field(field, language) for field in known if field.type is not FieldType.CODE],
        choices=[
            (
                f"{_VALUE}{field.code}",
                field.label[language.value],
                [Option("", "–"), *(Option(code, label[language.value]) for code, label in field.codes.items())],
            )
            for field in known
            if field.type is FieldType.CODE
        ],
    )


def _field(field: FormField, language: Language) -> Field:
    is_number = field.type is FieldType.NUMBER
    return Field(
        f"{_VALUE}{field.code}",
        field.label[language.value],
        most=12 if is_number else field.most,
        width="width-10" if field.type is not FieldType.TEXT else "",
        mode="numeric" if is_number else "",
    )
