"""`liaison incident`: tell all counterparts of an incident here, and acknowledge those of counterparts."""

from __future__ import annotations

import click

from gateway.cli.lazy import LazyGroup

_INCIDENT = {
    "notify": ("incident.own", "Tell all counterparts of an incident, an outage or a drill here."),
    "list": ("incident.own", "Incidents of ours, and how many counterparts have acknowledged each."),
    "show": ("incident.own", "One incident of ours, and how each counterpart stands."),
    "more": ("incident.own", "Tell more about an incident to all who know of it."),
    "close": ("incident.own", "Tell all who know of an incident that it is over."),
    "open": ("incident.taken", "Read what another country says of an incident there."),
    "acknowledge": ("incident.taken", "Acknowledge an incident of another country, which learns it."),
}


@click.group("incident", cls=LazyGroup, table=_INCIDENT)
def incident_group() -> None:
    """Incidents of security: of ours to all counterparts within 24 hours, and of theirs to us.

    \b
    Examples:
      liaison incident notify --home th --as th.s.1 --text "An officer token was stolen and used. It is revoked."
      liaison incident list --home th --as th.s.1
      liaison incident acknowledge incident.th.5f0c… --home vn --as vn.s.1
      liaison incident close 5f0c… --home th --as th.s.1 --text "all keys are new"

    Words about a node itself pass a suspension. For the theft of a key, `liaison trust incident` writes the plan.
    """
