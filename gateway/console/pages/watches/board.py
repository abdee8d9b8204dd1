"""The watches of ours, those of counterparts on our records, and the form by which an officer asks for one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
from starlette.routing import Route

from gateway.clock import HOUR_US, rfc3339_s
from gateway.console.frame.clocks import countdown
from gateway.console.frame.errors import fault_of
from gateway.console.frame.forms import Form, label_of
from gateway.console.frame.navigation import OPEN_TO
from gateway.console.frame.page import Page, To, later_pages
from gateway.console.frame.shapes import Clock, Field, Link, Option, Tag, Tone
from gateway.console.pages.alerts.lasting import lasting, lengths
from gateway.console.visits.door import Answer, Door
from gateway.console.visits.visit import ConsoleParts, Visit
from gateway.desk.acting.home import Stand
from gateway.desk.acts import Act
from gateway.desk.listing import Slice
from gateway.desk.roles import TABLE
from gateway.desk.watches.standing import TakenWatch
from gateway.desk.watches.values import OwnWatch, asked_of
from gateway.errors import Malformed, Refused
from gateway.language.catalogue import Sentences, tell
from gateway.language.countries import with_country
from gateway.language.dates import moment
from gateway.language.terms import OFFENCES, PURPOSES, SUBJECTS
from gateway.model.desk.watches import Goods, Subject
from gateway.model.forms.numbers import compact
from gateway.model.forms.vessels import imo_form, mmsi_form
from gateway.model.handed.watches import AddWatch
from gateway.model.names import member_id, reference
from gateway.model.purpose import Offence, Purpose
from gateway.model.query import QUERIES, PersonQuery, QueryKind, VesselQuery
from gateway.model.values import NameForm, PartialDate
from gateway.records.identifiers.query_forms import FORMS
from gateway.views.desk.watches import asked_text, stand_words, stopped_words
from gateway.views.desk.words import state_words

PATH = "/watches"
USUAL_H = "720"
SEERS = frozenset(role for role, acts in TABLE.items() if Act.SEE_WATCHES in acts)
ASKERS = frozenset(role for role, acts in TABLE.items() if Act.RAISE_WATCH in acts)
TONES: Mapping[Stand, Tone] = {Stand.ON: "done", Stand.WAITING: "warn", Stand.PAUSED: "warn"}
_LISTS: Sentences = {"": "Ours", "over": "Ours that ended", "taken": "From abroad"}
_KINDS: Sentences = {
    **{kind: SUBJECTS[kind] for kind, each in QUERIES.items() if each.watched},
    Goods.kind: "goods in declarations of customs",
}
_FIELDS: Sentences = {
    "name": "Whole name of the person, of the boat or ship, or of who receives the goods",
    "birth": "Date or year of birth",
    "number": "Number of the document, person, container or telephone, plate, or registration or number of the boat",
    "issuer": "Issuer or scheme, province of the plate, or flag of the boat or country of the telephone (two letters)",
    "heading": "Tariff heading of the goods, four digits at least",
    "route": "A place that the goods go by",
    "case": "Case number",
}
_OF_ERRORS = {
    "query.imo": "number",
    "query.mmsi": "number",
    "query.local_reg": "number",
    "query.number": "number",
    "query.plate": "number",
    "query.name": "name",
    "query.names": "name",
    "query.flag": "issuer",
}
"""The field that an error is shown at, where the error names a part of the question."""

_MOST = 128


@dataclass(frozen=True, slots=True)
class WatchCard:
    """A watch as the list shows it; one of a counterpart leads nowhere."""

    title: str
    link: Link | None
    tag: Tag
    clock: Clock | None
    about: Sequence[str]


@dataclass(frozen=True, slots=True)
class AddForm:
    """The form of a new watch."""

    kind_label: str
    kinds: Sequence[Option]
    fields: Sequence[Field]
    to_label: str
    to: Sequence[Option]
    purpose_label: str
    purposes: Sequence[Option]
    offence_label: str
    offences: Sequence[Option]
    lasts_label: str
    lengths: Sequence[Option]
    quiet_label: str
    quiet: Sequence[Option]


@dataclass(frozen=True, slots=True)
class BoardView:
    """The lists, and the form for those who may ask for a watch."""

    tabs: Sequence[Link]
    watches: Sequence[WatchCard]
    pages: Sequence[Link]
    form: AddForm | None
    faults: Sequence[tuple[str, str]]


def watch_routes(door: Door, parts: ConsoleParts) -> list[Route]:
    """Return the routes of the lists and of the form."""
    board, roles = _Board(parts), tuple(OPEN_TO[PATH])
    return [door.get(PATH, board.show, roles), door.post(PATH, board.add, tuple(ASKERS))]


class _Board:
    def __init__(self, parts: ConsoleParts) -> None:
        self._parts = parts

    async def show(self, visit: Visit) -> Page:
        """Return a list of watches."""
        return await self._page(visit, {})

    async def add(self, visit: Visit, form: Form) -> Answer:
        """Hand a watch in for its approval; the same form again leads to the same watch."""
        sent = {name: form.one(name).strip() for name in (*_FIELDS, "kind", "purpose", "offence", "lasts")}
        try:
            command = _command(visit, form, sent)
            desk = self._parts.desk
            asked = msgspec.json.encode(sorted(sent.items()))
            claim = await asyncio.to_thread(desk.keys.claim, visit.actor, f"watch {form.id}", asked)
            return To(f"{PATH}/{await desk.watches.add(visit.actor, command, claim.name)}")
        except Refused as error:
            place = _OF_ERRORS.get(error.where, error.where if error.where in (*sent, "to") else "kind")
            return await self._page(visit, sent, ((place, fault_of(error, visit.language)),))

    async def _page(self, visit: Visit, sent: Mapping[str, str], faults: tuple[tuple[str, str], ...] = ()) -> Page:
        language, which = visit.language, visit.query("list")
        cards = await self._cards(visit, which)
        view = BoardView(
            tabs=[
                Link(f"{PATH}?list={name}" if name else PATH, tell(language, text), name == which)
                for name, text in _LISTS.items()
                if name != "taken" or visit.roles & SEERS
            ],
            watches=cards.items,
            pages=later_pages(PATH, cards.next, language, list=which),
            form=self._form(visit, sent, dict(faults)) if visit.roles & ASKERS and which != "taken" else None,
            faults=faults,
        )
        return Page("pages/watches/board.html", tell(language, "Watches"), view, 400 if faults else 200)

    async def _cards(self, visit: Visit, which: str) -> Slice[WatchCard]:
        desk, after = self._parts.desk, visit.query("after")
        if which == "taken":
            theirs = await desk.watch_standing.theirs(visit.actor, after=after)
            return Slice(tuple(_taken_card(watch, visit) for watch in theirs.items), theirs.next)
        over = which == "over"
        ours = await desk.watches.all(visit.actor, over=over, alive=not over, after=after)
        return Slice(tuple(own_card(watch, visit) for watch in ours.items), ours.next)

    def _form(self, visit: Visit, sent: Mapping[str, str], wrong: Mapping[str, str]) -> AddForm:
        language = visit.language

        def chosen(name: str, values: Mapping[str, str], first: str = "") -> list[Option]:
            picked = sent.get(name) or first
            return [Option(code, tell(language, text), chosen=code == picked) for code, text in values.items()]

        remembered = visit.remembered
        others = [name for name in sorted(self._parts.offices()) if name != self._parts.member]
        return AddForm(
            kind_label=label_of(AddWatch, "query", language),
            kinds=chosen("kind", _KINDS),
            fields=[
                Field(
                    name,
                    tell(language, text),
                    sent.get(name, "") or (remembered.case if name == "case" else ""),
                    fault=wrong.get(name, ""),
                    most=_MOST,
                )
                for name, text in _FIELDS.items()
            ],
            to_label=label_of(AddWatch, "to", language),
            to=[Option(name, with_country(name, language)) for name in others],
            purpose_label=label_of(AddWatch, "purpose", language),
            purposes=chosen("purpose", PURPOSES, remembered.purpose),
            offence_label=label_of(AddWatch, "offence", language),
            offences=chosen("offence", OFFENCES, remembered.offence),
            lasts_label=label_of(AddWatch, "until", language),
            lengths=lengths(language, sent.get("lasts") or USUAL_H),
            quiet_label=label_of(AddWatch, "no_tip_off", language),
            quiet=[Option("1", tell(language, "No person: only their node answers it"))],
        )


def own_card(watch: OwnWatch, visit: Visit) -> WatchCard:
    """Return a watch of ours as a list shows it."""
    language = visit.language
    places = [with_country(to.member, language) for to in watch.to] or [tell(language, "our own agencies")]
    title = asked_text({"kind": watch.kind, **watch.asked}, language)
    about = [", ".join(places), watch.case]
    if watch.reason and not watch.is_alive:
        about.append(watch.reason)
    if watch.stand is Stand.PAUSED:
        about.append(stopped_words(watch.reason, language))
    due_us = watch.revalidate_by_us if watch.stand is Stand.ON else 0
    return WatchCard(
        title,
        Link(f"{PATH}/{watch.id}", title),
        Tag(stand_words(watch.stand.value, language), TONES.get(watch.stand, "quiet")),
        countdown(due_us, visit.now_us, language) if due_us else None,
        about,
    )


def _taken_card(taken: TakenWatch, visit: Visit) -> WatchCard:
    language, head = visit.language, taken.head
    kind, asked = asked_of(taken.watch.query)
    about = [
        f"{with_country(taken.key.peer, language)}, {head.requester.agency}, {head.requester.office}",
        tell(language, "until {time}", time=moment(rfc3339_s(taken.watch.until_us), language)),
        tell(language, "hits told: {count}", count=taken.told),
    ]
    if taken.stopped:
        about.append(stopped_words(taken.stopped, language))
    tag = Tag(state_words(taken.state, language), "warn" if taken.stopped else "info")
    return WatchCard(asked_text({"kind": kind, **asked}, language), None, tag, None, about)


def _command(visit: Visit, form: Form, sent: Mapping[str, str]) -> AddWatch:
    """Return the watch as a value of the desk. Raises `Malformed`."""
    if not sent["case"]:
        raise Malformed("a case number is required", code="missing-case", where="case")
    try:
        purpose, offence = Purpose(sent["purpose"]), Offence(sent["offence"])
    except ValueError:
        raise Malformed("choose one of the list", code="bad-watch", where="purpose") from None
    return AddWatch(
        to=tuple(map(member_id, form.all("to"))),
        subject=_subject(sent),
        purpose=purpose,
        offence=offence,
        case=reference(sent["case"], "case"),
        until_us=visit.now_us + lasting(sent["lasts"], "lasts") * HOUR_US,
        no_tip_off=bool(form.all("quiet")),
    )


def _subject(sent: Mapping[str, str]) -> Subject:
    """Return what is watched, of the fields that its kind needs."""
    if sent["kind"] == Goods.kind:
        return Goods(sent["number"], sent["heading"], sent["name"], sent["route"])
    if sent["kind"] not in _KINDS:
        raise Malformed("choose one of the list", code="bad-watch", where="kind")
    kind = QueryKind(sent["kind"])
    return _OF_NAMES[kind](sent) if kind in _OF_NAMES else _numbered(kind, sent["number"], sent["issuer"])


def _numbered(kind: QueryKind, number: str, more: str) -> Subject:
    """Return a thing by its number, with the value that tells equal numbers apart where its kind has one."""
    forms = dict(zip(FORMS[kind].items(), (number, more), strict=False))
    make: Callable[..., Subject] = QUERIES[kind]
    return make(**{name: text.upper() if form.capitals else text for (name, form), text in forms.items()})


def _person(sent: Mapping[str, str]) -> Subject:
    return PersonQuery((NameForm(sent["name"]),), PartialDate(sent["birth"]) if sent["birth"] else None)


def _vessel(sent: Mapping[str, str]) -> Subject:
    """Return a vessel by its name or its number: an IMO number and an MMSI as such, and any other one as a mark."""
    name, number, flag = sent["name"], sent["number"], sent["issuer"].upper()
    if compact(number).startswith("IMO"):
        return VesselQuery(name, imo=number, flag=flag)
    imo, mmsi = number if imo_form(number) else "", number if mmsi_form(number) else ""
    return VesselQuery(name, imo, mmsi, local_reg=number, flag=flag)


_OF_NAMES: Mapping[QueryKind, Callable[[Mapping[str, str]], Subject]] = {
    QueryKind.PERSON: _person,
    QueryKind.VESSEL: _vessel,
}
"""Makes a subject of the form where it is asked for by a name."""
