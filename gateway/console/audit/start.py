"""The first page of an auditor: the mandate, and what was done in the auditor's name."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.routing import Route

from gateway.clock import rfc3339_s
from gateway.console.audit.tabs import PATH, mandate_rows, tabs
from gateway.console.frame.navigation import OPEN_TO
from gateway.console.frame.page import Page
from gateway.console.frame.shapes import Cell, Link, Row, Table
from gateway.console.visits.door import Door
from gateway.console.visits.visit import AuditParts, Visit
from gateway.language.catalogue import Sentences, tell
from gateway.language.dates import moment
from gateway.language.languages import Language
from gateway.ops.mandate.acts import SHOWN_US, place_name
from gateway.ops.mandate.done import Done, done_by
from gateway.ops.mandate.held import Held

ROLES = tuple(OPEN_TO[PATH])

_MOST = 20
_HEADS: Sentences = {"time": "Time", "what": "What", "reason": "Reason", "where": "Where it stands"}
_DONE: Sentences = {"open": "entries opened", "search": "question asked", "export": "logs exported"}


@dataclass(frozen=True, slots=True)
class StartView:
    """The mandates, and the acts in the auditor's name."""

    tabs: Sequence[Link]
    mandates: Sequence[Sequence[Row]]
    done: Table | None


def start_routes(door: Door, parts: AuditParts) -> list[Route]:
    """Return the route of the first page."""

    async def show(visit: Visit) -> Page:
        held, done = await asyncio.to_thread(_read, parts, visit)
        return Page("audit/start.html", tell(visit.language, "Audit"), _view(visit, held, done))

    return [door.get(PATH, show, ROLES)]


def _read(parts: AuditParts, visit: Visit) -> tuple[list[Held], list[Done]]:
    held = parts.acts.mandates.of_person(visit.officer.person)
    names = frozenset(item.appointment.auditor for item in held)
    return held, done_by(parts.folder, names, _MOST) if names else []


def _view(visit: Visit, held: Sequence[Held], done: Sequence[Done]) -> StartView:
    language = visit.language
    return StartView(
        tabs=tabs(PATH, language),
        mandates=[mandate_rows(item, visit) for item in held],
        done=_table(visit, done, language) if held else None,
    )


def _table(visit: Visit, done: Sequence[Done], language: Language) -> Table:
    rows = tuple(
        (
            Cell(moment(rfc3339_s(item.time_us), language), _shown(item, visit)),
            tell(language, _DONE[item.action]),
            item.reason,
            tell(language, "entry {index} of {log}", index=item.at.index, log=item.at.log),
        )
        for item in done
    )
    heads = tuple(tell(language, head) for head in _HEADS.values())
    return Table(tell(language, "Done in your name"), heads, rows)


def _shown(item: Done, visit: Visit) -> str:
    """Return where an act's result can still be seen; nothing once its time is over."""
    folder = {"open": "opened", "search": "found"}.get(item.action, "")
    is_over = visit.now_us - item.time_us > SHOWN_US
    return f"{PATH}/{folder}/{place_name(item.at)}" if folder and not is_over else ""
