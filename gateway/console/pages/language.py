"""Change the language in which a person reads the console."""

from __future__ import annotations

from starlette.routing import Route

from gateway.console.frame.forms import Form
from gateway.console.frame.page import To
from gateway.console.login.sessions import speak
from gateway.console.login.targets import own_path
from gateway.console.visits.door import Door
from gateway.console.visits.visit import ConsoleParts, Visit

PATH = "/language"


def language_routes(door: Door, parts: ConsoleParts) -> list[Route]:
    """Return the route of the choice that stands in the frame of every page."""

    async def change(visit: Visit, form: Form) -> To:
        await speak(parts.login, visit.who.session, form.language)
        return To(own_path(form.one("here")))

    return [door.post(PATH, change)]
