"""`liaison alert taken`, `open` and `acknowledge`: alerts of other countries."""

from __future__ import annotations

from urllib.parse import quote

import click

from gateway.cli.inputs.bearers import Bearer, at_the_desk
from gateway.cli.inputs.handed import options_of
from gateway.cli.options import TEXT
from gateway.cli.output import Output, printed
from gateway.cli.speech import spoken
from gateway.model.handed.work import React
from gateway.views.desk.alerts import taken_lines
from gateway.views.desk.steps import stands_lines


@click.command()
@at_the_desk
@printed
def taken(bearer: Bearer) -> Output:
    """Alerts of other countries that warn here now: the action, and until when; what they say you open.

    \b
    Example:
      liaison alert taken --home vn --as vn.d.7
    """
    found = bearer.call("GET", "alerts/taken")
    return Output(found, taken_lines(found["alerts"], spoken()))


@click.command("open")
@click.argument("thread", metavar="THREAD", type=TEXT)
@at_the_desk
@click.option("--peer", default="", metavar="COUNTRY", help="Whose alert, where two countries use the id.")
@printed
def open_alert(bearer: Bearer, thread: str, peer: str) -> Output:
    """Open an alert of another country; it learns once that it was read here.

    \b
    Example:
      liaison alert open 5f0c… --home vn --as vn.d.7
    """
    found = bearer.call("POST", f"alerts/taken/{quote(thread, safe='')}/open", **({"peer": peer} if peer else {}))
    return Output(found, taken_lines([found], spoken()))


@click.command()
@click.argument("work", metavar="WORK", type=TEXT)
@at_the_desk
@options_of(React)
@printed
def acknowledge(bearer: Bearer, work: str, **given: str) -> Output:
    """Say what becomes of an alert of another country here; alarms go on until somebody does.

    \b
    Examples:
      liaison alert acknowledge acknowledge.th.5f0c… --home vn --as vn.d.7
      liaison alert acknowledge acknowledge.th.5f0c… --home vn --as vn.d.7 --answer NOT_EXECUTED \\
              --reason no-legal-basis
    """
    found = bearer.call("POST", f"work/{quote(work, safe='')}/acknowledge", given)
    return Output(found, stands_lines(found, spoken()))
