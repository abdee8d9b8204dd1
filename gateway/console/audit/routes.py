"""The routes of the auditors' pages."""

from __future__ import annotations

from starlette.routing import Route

from gateway.audit.reading.inspection import Action
from gateway.console.audit.ask import ask_routes
from gateway.console.audit.check import check_routes
from gateway.console.audit.counts import counts_routes
from gateway.console.audit.exports import begin_export, exports_routes
from gateway.console.audit.found import found_routes
from gateway.console.audit.opened import opened_routes
from gateway.console.audit.running import job_routes
from gateway.console.audit.sign import result_path, sign_routes
from gateway.console.audit.start import start_routes
from gateway.console.visits.door import Door
from gateway.console.visits.visit import AuditParts, Visit
from gateway.ops.mandate.acts import Announced


def audit_routes(door: Door, parts: AuditParts) -> list[Route]:
    """Return the routes of all auditors' pages."""

    def begin(visit: Visit, said: Announced) -> str:
        if said.inspection.action is Action.EXPORT:
            return begin_export(parts, visit, said)
        return result_path(said)

    return [
        *start_routes(door, parts),
        *ask_routes(door, parts),
        *sign_routes(door, parts, begin),
        *found_routes(door, parts),
        *opened_routes(door, parts),
        *check_routes(door, parts),
        *counts_routes(door, parts),
        *exports_routes(door, parts),
        *job_routes(door, parts),
    ]
