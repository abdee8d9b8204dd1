"""The console as an application: its routes, behind the headers that guard every answer."""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route

from gateway.console.audit.routes import audit_routes
from gateway.console.frame.navigation import first_page
from gateway.console.frame.page import To
from gateway.console.frame.static import StaticFiles
from gateway.console.login.routes import login_routes
from gateway.console.pages.admin.passkey import passkey_routes
from gateway.console.pages.admin.routes import admin_routes
from gateway.console.pages.alerts.board import board_routes
from gateway.console.pages.alerts.own import own_routes
from gateway.console.pages.alerts.raising import raising_routes
from gateway.console.pages.alerts.taken import taken_routes
from gateway.console.pages.desk import desk_routes
from gateway.console.pages.figures import figures_routes
from gateway.console.pages.found import found_routes
from gateway.console.pages.gate import gate_routes
from gateway.console.pages.holders import holders_routes
from gateway.console.pages.language import language_routes
from gateway.console.pages.misuse.routes import misuse_routes
from gateway.console.pages.neighbours import neighbours_routes
from gateway.console.pages.operations.listing import listing_routes
from gateway.console.pages.operations.opening import opening_routes
from gateway.console.pages.operations.room import room_routes
from gateway.console.pages.outcomes import outcomes_routes
from gateway.console.pages.oversight.routes import oversight_routes
from gateway.console.pages.reports.library import library_routes
from gateway.console.pages.reports.one import report_routes
from gateway.console.pages.reports.writing import writing_routes
from gateway.console.pages.threads.routes import threads_routes
from gateway.console.pages.watches.board import watch_routes
from gateway.console.pages.watches.own import own_watch_routes
from gateway.console.visits.door import Door, Guarded
from gateway.console.visits.render import Renderer
from gateway.console.visits.visit import ConsoleParts, Visit
from gateway.errors import Unknown


def create_console(parts: ConsoleParts, renderer: Renderer, files: StaticFiles) -> Any:
    """Return the application, for the listener."""
    door = Door(parts, renderer)
    routes = [
        Route("/assets/{hash}/{name}", files.serve, methods=["GET"]),
        door.get("/", _first),
        *login_routes(),
        *gate_routes(door, parts),
        *found_routes(door, parts),
        *desk_routes(door, parts),
        *threads_routes(door, parts),
        *board_routes(door, parts),
        *raising_routes(door, parts),
        *own_routes(door, parts),
        *taken_routes(door, parts),
        *watch_routes(door, parts),
        *own_watch_routes(door, parts),
        *library_routes(door, parts),
        *writing_routes(door, parts),
        *report_routes(door, parts),
        *listing_routes(door, parts),
        *opening_routes(door, parts),
        *room_routes(door, parts),
        *holders_routes(door, parts),
        *outcomes_routes(door, parts),
        *figures_routes(door, parts),
        *oversight_routes(door, parts),
        *misuse_routes(door, parts),
        *language_routes(door, parts),
        *audit_routes(door, parts.audit),
        *neighbours_routes(door, parts),
        *admin_routes(door, parts),
        *passkey_routes(door, parts),
    ]
    # `Unknown` comes from the route of static files, which has no door: the page of sign-in loads them, too.
    handlers: Any = {HTTPException: door.missing, Exception: door.unforeseen, Unknown: door.missing}
    app = Starlette(routes=routes, exception_handlers=handlers)
    app.router.redirect_slashes = False  # it would lead to whatever host a request names, and tell which paths are here
    app.state.login = parts.login
    return Guarded(app)


async def _first(visit: Visit) -> To:
    return To(first_page(visit.roles))
