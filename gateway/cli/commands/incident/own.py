"""`liaison incident notify`, `list`, `show`, `more` and `close`, through the node's own REST API."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import click

from gateway.cli.inputs.bearers import Bearer, at_the_desk
from gateway.cli.inputs.handed import handed, names, option_of, options_of
from gateway.cli.options import TEXT, page_options
from gateway.cli.output import Output, printed
from gateway.cli.speech import spoken
from gateway.model.handed.incidents import EndIncident, TellMore, TellNews
from gateway.views.desk.incidents import incident_lines, incidents_lines
from gateway.views.desk.lines import paged_lines

_incident = click.argument("incident", metavar="INCIDENT", type=TEXT)


@click.command()
@at_the_desk
@option_of(TellNews, "text")
@option_of(TellNews, "code")
@option_of(TellNews, "to", default="", metavar="M,M")
@click.option("--type", "types", multiple=True, type=TEXT, help="A record type that it concerns; may be repeated.")
@option_of(TellNews, "since")
@option_of(TellNews, "until")
@click.option("--idempotency-key", default="", help="The same key tells nobody twice.")
@printed
def notify(bearer: Bearer, to: str, idempotency_key: str, **given: Any) -> Output:
    """Tell all counterparts of an incident, an outage or a drill here. It leaves at once, past a suspension, too.

    \b
    Examples:
      liaison incident notify --home th --as th.s.1 --text "An officer token was stolen and used. It is revoked."
      liaison incident notify --home th --as th.s.1 --code OUTAGE --text "The vehicle register moves." \\
              --type Vehicle --until "2026-12-04 08:00"
      liaison incident notify --home th --as th.s.1 --code DRILL --text "A drill: please acknowledge." --to la,vn
    """
    found = bearer.call("POST", "incidents", handed(given | {"to": names(to)}), key=idempotency_key)
    return Output(found, incident_lines(found, spoken()))


@click.command("list")
@at_the_desk
@click.option("--over", is_flag=True, help="Those that have ended, as well.")
@page_options
@printed
def list_incidents(bearer: Bearer, over: bool, limit: int, after: str) -> Output:
    """Incidents of ours, and how many counterparts have acknowledged each.

    \b
    Example:
      liaison incident list --home th --as th.s.1
    """
    found = bearer.call("GET", "incidents", over=over, limit=limit, after=after)
    return Output(found, paged_lines(incidents_lines(found["incidents"], spoken()), found["next"], spoken()))


@click.command()
@_incident
@at_the_desk
@printed
def show(bearer: Bearer, incident: str) -> Output:
    """One incident of ours, and how each counterpart stands.

    \b
    Example:
      liaison incident show 5f0c… --home th --as th.s.1

    Exit code 0 when all counterparts have acknowledged it, 1 while one has not.
    """
    found = bearer.call("GET", f"incidents/{quote(incident, safe='')}")
    return Output(found, incident_lines(found, spoken()), 0 if found["acknowledged"] == found["counterparts"] else 1)


@click.command()
@_incident
@at_the_desk
@options_of(TellMore)
@printed
def more(bearer: Bearer, incident: str, **given: Any) -> Output:
    """Tell more about an incident to all who know of it; they acknowledge it anew.

    \b
    Example:
      liaison incident more 5f0c… --home th --as th.s.1 --text "two more tokens were used"
    """
    found = bearer.call("POST", f"incidents/{quote(incident, safe='')}/more", handed(given))
    return Output(found, incident_lines(found, spoken()))


@click.command()
@_incident
@at_the_desk
@options_of(EndIncident)
@printed
def close(bearer: Bearer, incident: str, **given: Any) -> Output:
    """Tell all who know of an incident that it is over.

    \b
    Example:
      liaison incident close 5f0c… --home th --as th.s.1 --text "all keys are new"
    """
    found = bearer.call("POST", f"incidents/{quote(incident, safe='')}/close", handed(given))
    return Output(found, incident_lines(found, spoken()))
