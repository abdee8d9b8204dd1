"""The routes of tokens "not this person". They are a data officer's, whose agency owns the record that hit."""

from __future__ import annotations

from starlette.routing import Route

from gateway.console.frame.navigation import OPEN_TO, TOKENS
from gateway.console.pages.misuse.issuing import IssuePages
from gateway.console.pages.misuse.one import OnePages
from gateway.console.visits.door import Door
from gateway.console.visits.visit import ConsoleParts


def misuse_routes(door: Door, parts: ConsoleParts) -> list[Route]:
    """Return the routes of the list with its form, and of one token."""
    issuing, one, roles, path = IssuePages(parts), OnePages(parts), tuple(OPEN_TO[TOKENS]), f"{TOKENS}/{{token}}"
    return [
        door.get(TOKENS, issuing.show, roles),
        door.post(TOKENS, issuing.issue, roles),
        door.get(path, one.show, roles),
        door.get(f"{path}/print", one.printed, roles),
        door.post(f"{path}/withdraw", one.withdraw, roles),
    ]
