"""Read the lists of persons and duty again where they have changed, in a running node."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from gateway.desk.people.directory import People
from gateway.errors import LiaisonError, each_of
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft
from gateway.telemetry import Logger, LogLine

_NAME = "people"


async def people_round(people: People, note: Callable[[EntryDraft], Awaitable[object]]) -> None:
    """Put changed lists in force, with an entry; lists with a mistake are told once, and change nothing."""
    try:
        changed = await asyncio.to_thread(people.look)
    except LiaisonError as error:
        if people.fresh:
            Logger(component="node", member=people.member).warning(LogLine.NODE_NOT_RELOADED, error)
            told = "; ".join(map(str, each_of(error)))
            await note(events.SETTINGS.draft(code=error.code, detail=told[:500]))
    else:
        if changed:
            await note(events.SETTINGS.draft(changed=[_NAME], restart=[]))
