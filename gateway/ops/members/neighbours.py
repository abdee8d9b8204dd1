"""Tell what our people must know of each counterpart: how it stands, what waits for it, and whom to phone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from gateway.clock import Clock
from gateway.desk.people.cards import DutyCard, read_cards
from gateway.desk.people.directory import People
from gateway.desk.people.persons import Person
from gateway.errors import Misconfigured
from gateway.ports.desk import DeskStore, Outbox

_KEPT_S = 2.0
"""Seconds for which what was read is shown to everybody: many pages may be open at a time."""


class Neighbourhood(msgspec.Struct, frozen=True):
    """What is known at one moment.

    `members` is the description of all members. `on_duty` are the persons of our own national desk. `problem` says why
    the duty cards cannot be read; empty where they can.
    """

    members: dict[str, Any]
    outboxes: Sequence[Outbox]
    cards: Sequence[DutyCard]
    on_duty: Sequence[Person]
    problem: str = ""


class Neighbours:
    """Tells of the counterparts of one node. `describe` returns the members; `run` runs what blocks in a thread."""

    def __init__(
        self,
        describe: Callable[[], Awaitable[dict[str, Any]]],
        run: Callable[[Callable[[], Neighbourhood]], Awaitable[Neighbourhood]],
        store: DeskStore,
        people: People,
        folder: Path,
        clock: Clock,
    ) -> None:
        self._describe = describe
        self._run = run
        self._store = store
        self._people = people
        self._folder = folder
        self._clock = clock
        self._kept: tuple[float, Neighbourhood] | None = None

    async def now(self) -> Neighbourhood:
        """Return what is known now, or was two seconds ago."""
        if self._kept is not None and self._clock.monotonic() - self._kept[0] < _KEPT_S:
            return self._kept[1]
        members = await self._describe()
        found = await self._run(lambda: self._read(members))
        self._kept = self._clock.monotonic(), found
        return found

    def _read(self, members: dict[str, Any]) -> Neighbourhood:
        cards: Sequence[DutyCard] = ()
        problem = ""
        try:
            cards = read_cards(self._folder, self._people.member)
        except Misconfigured as error:
            problem = f"{error.where}: {error.message}"
        on_duty = self._people.national_desk(self._clock.now_us())
        return Neighbourhood(members, self._store.outboxes(), cards, on_duty, problem)
