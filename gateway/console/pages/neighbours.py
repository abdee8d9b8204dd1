"""The neighbours: how each counterpart stands, what waits for it, what it offers, and whom to phone.

Silence is never shown as anything but silence (domain, section 5.2).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from gateway.clock import SECOND_US, rfc3339_s
from gateway.console.frame.events import EVENT_STREAM, merged_changes
from gateway.console.frame.navigation import OPEN_TO
from gateway.console.frame.page import Page
from gateway.console.frame.records import foreign
from gateway.console.frame.shapes import Banner, Line, Link, Row, Tag, Text, Tone
from gateway.console.visits.door import Door
from gateway.console.visits.visit import ConsoleParts, Visit
from gateway.desk.people.persons import Person
from gateway.language.catalogue import Sentences, tell
from gateway.language.countries import country, with_country
from gateway.language.dates import moment
from gateway.language.languages import Language
from gateway.language.terms import QUERIES, RECORD_TYPES
from gateway.model.members import MemberState
from gateway.ops.members.neighbours import Neighbourhood
from gateway.ports.desk import Outbox
from gateway.views.desk.words import KINDS
from gateway.views.members.words import state_text

PATH = "/neighbours"
_LOOK_S = 5.0

_SHORT: Sentences = {
    MemberState.SERVING: "can be asked",
    MemberState.ACTIVE: "member",
    MemberState.SUSPENDED_BY_US: "switched off by us",
    MemberState.SUSPENDED_BY_THEM: "has switched us off",
    MemberState.NOT_TRUSTED: "not trusted",
    MemberState.DISMISSED: "has ended our connection",
    MemberState.SILENT: "silent",
    MemberState.OUT_OF_TIME: "documents out of time",
    MemberState.SUSPENDED: "suspended",
    MemberState.LEFT: "has left",
    MemberState.CONTRADICTED: "contradicted",
}

_TONES: Mapping[str, Tone] = {
    MemberState.SERVING: "done",
    MemberState.ACTIVE: "info",
    MemberState.SILENT: "quiet",
    MemberState.SUSPENDED_BY_US: "warn",
    MemberState.SUSPENDED_BY_THEM: "warn",
    MemberState.LEFT: "quiet",
}
"""All other states are dangers: something is wrong with trust or with documents."""


_ANSWERS: Sentences = {
    "refused": "it refused our last question",
    "suspended": "it has switched our questions off",
}
"""Says what a last answer was. That it was a hit or none is content, and is not told here."""


@dataclass(frozen=True, slots=True)
class NeighbourView:
    """One counterpart: its line, whom to phone, what the connection says, and what it offers."""

    id: str
    name: str
    line: Line
    rows: Sequence[Row]
    offers: Sequence[Row]
    phones: Sequence[Row]


@dataclass(frozen=True, slots=True)
class NeighboursView:
    """All counterparts. `alarms` and `lines` are fetched again when they change, by themselves.

    `alarms` are what our own trust says of them, `ours` our own logs and our own duty desk.
    """

    alarms: Sequence[Banner]
    lines: Sequence[Line]
    neighbours: Sequence[NeighbourView]
    ours: Sequence[Row]


def neighbours_routes(door: Door, parts: ConsoleParts) -> list[Route]:
    """Return the routes of the neighbours."""
    page, roles = _Neighbours(parts), tuple(OPEN_TO[PATH])
    return [door.get(PATH, page.show, roles), door.get(f"{PATH}/events", page.follow, roles)]


class _Neighbours:
    def __init__(self, parts: ConsoleParts) -> None:
        self._parts = parts

    async def show(self, visit: Visit) -> Page:
        """Return how all counterparts stand now."""
        view = neighbours_view(await self._parts.neighbours(), visit.now_us, visit.language)
        return Page("pages/neighbours.html", tell(visit.language, "Neighbours"), view, live=f"{PATH}/events")

    async def follow(self, visit: Visit) -> Response:
        """Stream that something of the page has changed."""
        return StreamingResponse(merged_changes([self._changes(visit)]), media_type=EVENT_STREAM)

    async def _changes(self, visit: Visit) -> AsyncIterator[object]:
        before: object = None
        while True:
            view = neighbours_view(await self._parts.neighbours(), visit.now_us, visit.language)
            shown = (view.alarms, view.lines)
            if before is not None and before != shown:
                yield shown
            before = shown
            await asyncio.sleep(_LOOK_S)


def neighbours_view(found: Neighbourhood, now_us: int, language: Language) -> NeighboursView:
    """Return the page of what is known: those who cannot be asked first, then by name."""
    me, members = found.members["member"], found.members["members"]
    waiting = {each.peer: each for each in found.outboxes}
    views = [
        _neighbour(name, about, found, waiting.get(name), now_us, language)
        for name, about in members.items()
        if name != me
    ]
    views.sort(key=lambda view: (view.line.tag.tone == "done", view.name))
    alarms = [Banner(text, tone="danger") for text in found.members["alarms"]]
    if found.problem:
        alarms.append(Banner(tell(language, "The duty cards cannot be read."), (found.problem,), "warn"))
    return NeighboursView(
        alarms=alarms,
        lines=[view.line for view in views],
        neighbours=views,
        ours=tuple(_ours(found, language)),
    )


def _neighbour(
    name: str, about: Mapping[str, Any], found: Neighbourhood, waits: Outbox | None, now_us: int, language: Language
) -> NeighbourView:
    return NeighbourView(
        id=name,
        name=with_country(name, language),
        line=_line(name, about, waits, language),
        rows=(*_contact(about, language), *_outbox(waits, now_us, language)),
        offers=tuple(_offers(about["descriptor"], language)),
        phones=tuple(_phones(name, found, language)),
    )


def _line(name: str, about: Mapping[str, Any], waits: Outbox | None, language: Language) -> Line:
    state, said = about["state"], []
    if state != MemberState.SERVING:
        said.append(state_text(dict(about) | {"since": _at(about["since"], language)}, language))
    if (last := (about["contact"] or {}).get("last_answer")) is not None:
        said.append(_answered(last, language))
    if waits is not None:
        said.append(tell(language, "notices that wait for delivery: {count}", count=waits.waiting))
    tag = Tag(tell(language, _SHORT[state]), _TONES.get(state, "danger"))
    return Line(with_country(name, language), tag, tuple(said), (Link(f"#{name}", tell(language, "Details")),))


def _answered(said: Mapping[str, Any], language: Language) -> str:
    if said["outcome"] in _ANSWERS:
        return tell(language, _ANSWERS[said["outcome"]])
    return tell(language, "answered after {count} ms", count=said["took_ms"])


def _contact(about: Mapping[str, Any], language: Language) -> Iterator[Row]:
    """Yield the connection, the last answer, what is switched off, and what is wrong with its documents."""
    if (contact := about["contact"]) is not None:
        heard = _at(contact["last_seen"], language)
        said = tell(language, "connected") if contact["connected"] else tell(language, "not connected")
        last = tell(language, "heard last at {time}", time=heard) if heard else tell(language, "not heard yet")
        yield Row(tell(language, "Connection"), (said, last))
        yield _answer(contact["last_answer"], language)
        if (clock := contact["clock"]) is not None and abs(clock["ahead_s"]) >= 1:
            count = abs(round(clock["ahead_s"]))
            ahead = tell(language, "{count} s ahead of ours", count=count)
            behind = tell(language, "{count} s behind ours", count=count)
            yield Row(tell(language, "Their clock"), (ahead if clock["ahead_s"] > 0 else behind,))
    if about["types_off"]:
        types = ", ".join(_type(name, language) for name in about["types_off"])
        yield Row(tell(language, "Switched off by us"), (types,))
    if about["problem"]:
        yield Row(tell(language, "Their documents"), (Text(about["problem"], "en"),))


def _answer(said: Mapping[str, Any] | None, language: Language) -> Row:
    name = tell(language, "Last answer")
    if said is None:
        return Row(name, (tell(language, "none since our node started"),))
    return Row(name, (_answered(said, language), _at(said["time"], language)))


def _outbox(waits: Outbox | None, now_us: int, language: Language) -> Iterator[Row]:
    name = tell(language, "Waiting for delivery")
    if waits is None:
        yield Row(name, (tell(language, "nothing"),))
        return
    oldest = tell(language, "the oldest since {time}", time=moment(rfc3339_s(waits.oldest_us), language))
    soon = max(0, waits.next_us - now_us) // SECOND_US
    again = tell(language, "tried again in {count} s", count=soon)
    yield Row(name, (tell(language, "notices: {count}", count=waits.waiting), oldest), note=again)


def _offers(descriptor: Mapping[str, Any] | None, language: Language) -> Iterator[Row]:
    if descriptor is None:
        return
    for source in descriptor["sources"]:
        queries = ", ".join(tell(language, QUERIES[each]) for each in source["queries"] if each in QUERIES)
        types = ", ".join(_type(each, language) for each in source["record_types"])
        asked = tell(language, "asked by: {queries}", queries=queries or "-")
        yield Row(source["kind"], (asked, tell(language, "gives: {types}", types=types or "-")))
    if takes := descriptor["takes"]:
        kinds = ", ".join(tell(language, KINDS[each]) for each in takes if each in KINDS)
        yield Row(tell(language, "Takes"), (kinds,))
    if descriptor["agencies"]:
        yield Row(tell(language, "Agencies"), (", ".join(descriptor["agencies"]),))
    for office, faces in descriptor["facing"].items():
        yield Row(office, (tell(language, "faces {offices}", offices=", ".join(faces)),))


def _phones(name: str, found: Neighbourhood, language: Language) -> Iterator[Row]:
    """Yield the duty cards that our country keeps of a counterpart, and the desks that its documents name."""
    for card in found.cards:
        if card.member == name:
            about = " · ".join(filter(None, (card.office, card.languages, card.hours)))
            yield Row(card.name or card.office, (card.phone,), note=about)
    desks = (found.members["members"][name]["descriptor"] or {}).get("national_desks", [])
    if desks:
        yield Row(tell(language, "Its national desk"), (", ".join(desks),))
    if not any(card.member == name for card in found.cards):
        none = tell(language, "no phone number is on file: an administrator enters it in people/cards.csv")
        yield Row(tell(language, "Phone"), (none,))


def _ours(found: Neighbourhood, language: Language) -> Iterator[Row]:
    """Yield how far our logs are under the cosignatures of witnesses, and who is on duty at our national desk."""
    for log in found.members["logs"]:
        covered = tell(language, "{covered} of {size} entries are cosigned", covered=log["covered"], size=log["size"])
        names = ", ".join(country(each, language) or each for each in log["cosigned"])
        by = tell(language, "by {names}", names=names) if names else tell(language, "no witness has cosigned yet")
        late = tell(language, "the rest has waited {count} s", count=log["waiting_s"]) if log["waiting_s"] else ""
        yield Row(tell(language, "Witnesses of our log {name}", name=f"`{log['log']}`"), (covered, by), note=late)
    name = tell(language, "Our national desk, on duty")
    persons = tuple(_on_duty(person) for person in found.on_duty)
    yield Row(name, persons or (tell(language, "nobody: enter shifts in people/duty.csv"),))


def _on_duty(person: Person) -> Text | str:
    return foreign(f"{person.id}  {person.channel}".strip())


def _type(name: str, language: Language) -> str:
    return tell(language, RECORD_TYPES[name]) if name in RECORD_TYPES else name


def _at(time: str | None, language: Language) -> str:
    """Return a time of the description in words, to the second; empty where there is none."""
    return moment(f"{time[:19]}Z", language) if time else ""
