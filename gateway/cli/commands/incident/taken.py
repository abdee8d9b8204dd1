"""`liaison incident open` and `acknowledge`: incidents of other countries."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import click

from gateway.cli.inputs.bearers import Bearer, at_the_desk
from gateway.cli.inputs.handed import handed, options_of
from gateway.cli.options import TEXT
from gateway.cli.output import Output, printed
from gateway.cli.speech import spoken
from gateway.model.handed.incidents import EndIncident
from gateway.views.desk.incidents import taken_incident_lines
from gateway.views.desk.lines import work_lines

_work = click.argument("work", metavar="WORK", type=TEXT)


@click.command("open")
@_work
@at_the_desk
@printed
def open_incident(bearer: Bearer, work: str) -> Output:
    """Read what another country says of an incident there; the reading is an entry of our own log.

    \b
    Example:
      liaison incident open incident.th.5f0c… --home vn --as vn.s.1
    """
    found = bearer.call("POST", f"work/{quote(work, safe='')}/incident")
    return Output(found, taken_incident_lines(found, spoken()))


@click.command()
@_work
@at_the_desk
@options_of(EndIncident)
@printed
def acknowledge(bearer: Bearer, work: str, **given: Any) -> Output:
    """Acknowledge an incident of another country, which learns it: it counts who of all members has.

    \b
    Example:
      liaison incident acknowledge incident.th.5f0c… --home vn --as vn.s.1 --text "the officer is known here"
    """
    found = bearer.call("POST", f"work/{quote(work, safe='')}/acknowledge-incident", handed(given))
    return Output(found, work_lines(found, spoken()))
