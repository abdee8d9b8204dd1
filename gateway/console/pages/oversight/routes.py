"""The routes of reviews, findings and incidents."""

from __future__ import annotations

from starlette.routing import Route

from gateway.console.frame.navigation import OPEN_TO, WORKERS
from gateway.console.pages.oversight.freezes import PATH as FREEZES
from gateway.console.pages.oversight.freezes import FreezePages
from gateway.console.pages.oversight.incidents import PATH, IncidentPages
from gateway.console.pages.oversight.matter import MatterPages, matter_path
from gateway.console.visits.door import Door
from gateway.console.visits.visit import ConsoleParts


def oversight_routes(door: Door, parts: ConsoleParts) -> list[Route]:
    """Return the routes of oversight."""
    matters, incidents, roles = MatterPages(parts), IncidentPages(parts), OPEN_TO[PATH]
    freezes, freezers = FreezePages(parts), OPEN_TO[FREEZES]
    one, frozen = f"{PATH}/{{incident}}", f"{FREEZES}/{{freeze}}"
    return [
        door.get(matter_path("{work}"), matters.show, WORKERS),
        door.post(matter_path("{work}"), matters.end, WORKERS),
        door.get(PATH, incidents.all, roles),
        door.post(PATH, incidents.tell, roles),
        door.get(one, incidents.show, roles),
        door.post(one, incidents.change, roles),
        door.get(FREEZES, freezes.all, freezers),
        door.post(FREEZES, freezes.ask, freezers),
        door.get(frozen, freezes.show, freezers),
        door.post(f"{frozen}/decide", freezes.decide, freezers),
        door.post(f"{frozen}/lift", freezes.lift, freezers),
    ]
