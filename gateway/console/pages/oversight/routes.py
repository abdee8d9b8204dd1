"""The routes of reviews, findings and incidents."""

from __future__ import annotations

from starlette.routing import Route

from gateway.console.frame.door import Door
from gateway.console.frame.navigation import OPEN_TO, WORKERS
from gateway.console.pages.oversight.incidents import PATH, IncidentPages
from gateway.console.pages.oversight.matter import MatterPages, matter_path
from gateway.console.parts import ConsoleParts


def oversight_routes(door: Door, parts: ConsoleParts) -> list[Route]:
    """Return the routes of oversight."""
    matters, incidents, roles = MatterPages(parts), IncidentPages(parts), OPEN_TO[PATH]
    one = f"{PATH}/{{incident}}"
    return [
        door.get(matter_path("{work}"), matters.show, WORKERS),
        door.post(matter_path("{work}"), matters.end, WORKERS),
        door.get(PATH, incidents.all, roles),
        door.post(PATH, incidents.tell, roles),
        door.get(one, incidents.show, roles),
        door.post(one, incidents.change, roles),
    ]
