"""The list of operations: those that go on and those into which we are invited, and the ones that ended."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from gateway.clock import rfc3339_s
from gateway.console.frame.events import EVENT_STREAM, merged_changes
from gateway.console.frame.navigation import OPEN_TO
from gateway.console.frame.page import Page, later_pages
from gateway.console.frame.shapes import Link, Tag, Task, Tone
from gateway.console.visits.door import Door
from gateway.console.visits.visit import ConsoleParts, Visit
from gateway.desk.rooms.page import RoomLine
from gateway.language.catalogue import tell
from gateway.language.countries import with_country
from gateway.language.dates import moment
from gateway.language.languages import Language
from gateway.model.desk.work import Role
from gateway.views.operations.words import stand_words

PATH = "/operations"
OPENING = f"{PATH}/open"
OPENERS = (Role.OFFICER,)


@dataclass(frozen=True, slots=True)
class ListView:
    """The list, with a way to the form of a new operation for those who may open one."""

    tabs: Sequence[Link]
    tasks: Sequence[Task]
    pages: Sequence[Link]
    may_open: bool


def listing_routes(door: Door, parts: ConsoleParts) -> list[Route]:
    """Return the routes of the list."""
    listing, roles = _Listing(parts), tuple(OPEN_TO[PATH])
    return [door.get(PATH, listing.show, roles), door.get(f"{PATH}/events", listing.follow, roles)]


def stand_tone(stand: str) -> Tone:
    """Return the tone of how an operation stands."""
    tones: dict[str, Tone] = {"on": "done", "invited": "warn", "waiting": "warn"}
    return tones.get(stand, "quiet")


class _Listing:
    def __init__(self, parts: ConsoleParts) -> None:
        self._parts = parts

    async def show(self, visit: Visit) -> Page:
        """Return the operations that this person may read."""
        language, over = visit.language, visit.query("list") == "ended"
        found = await self._parts.desk.room_pages.all(visit.actor, over=over, after=visit.query("after"))
        names = {False: tell(language, "Open"), True: tell(language, "All, with those that ended")}
        view = ListView(
            tabs=[Link(f"{PATH}?list=ended" if key else PATH, text, key == over) for key, text in names.items()],
            tasks=[_task(line, language) for line in found.items],
            pages=later_pages(PATH, found.next, language, list="ended" if over else ""),
            may_open=bool(visit.roles & set(OPENERS)),
        )
        return Page("pages/operations/list.html", tell(language, "Operations"), view, live=f"{PATH}/events")

    async def follow(self, visit: Visit) -> Response:
        """Stream that an operation has changed; nothing of it is told."""
        return StreamingResponse(merged_changes([self._changes(visit.query("about"))]), media_type=EVENT_STREAM)

    async def _changes(self, about: str) -> AsyncIterator[object]:
        async for _ in self._parts.desk.room_pages.follow(about):
            yield True


def _task(line: RoomLine, language: Language) -> Task:
    stand = line.stand.value if line.stand is not None else "invited"
    members = ", ".join(with_country(member, language) for member in line.members)
    until = tell(language, "until {time}", time=moment(rfc3339_s(line.end_us), language))
    return Task(
        Link(f"{PATH}/{line.id}", line.title),
        (with_country(line.owner, language), members, until),
        tags=(Tag(stand_words(stand, language), stand_tone(stand)),),
        tone="warn" if stand in ("invited", "waiting") else "",
    )
