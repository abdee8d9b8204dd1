"""`liaison alert acknowledge`: answer an alert of another country."""

from __future__ import annotations

from urllib.parse import quote

import click

from gateway.cli.bearers import Bearer, at_the_desk
from gateway.cli.options import TEXT, Word
from gateway.cli.output import Output, printed
from gateway.cli.speech import spoken
from gateway.desk.alerts.values import REACTIONS, NotExecuted
from gateway.views.desk.steps import stands_lines


@click.command()
@click.argument("work", metavar="WORK", type=TEXT)
@at_the_desk
@click.option("--answer", default="ACKNOWLEDGED", show_default=True, type=Word([each.value for each in REACTIONS]))
@click.option("--reason", default="", type=click.Choice(["", *NotExecuted]), help="Of NOT_EXECUTED: why in law.")
@click.option("--text", default="", help="A text for the officer there.")
@printed
def acknowledge(bearer: Bearer, work: str, answer: str, reason: str, text: str) -> Output:
    """Say what becomes of an alert of another country here; alarms go on until somebody does.

    \b
    Examples:
      liaison alert acknowledge acknowledge.th.5f0c… --home vn --as vn.d.7
      liaison alert acknowledge acknowledge.th.5f0c… --home vn --as vn.d.7 --answer NOT_EXECUTED \\
              --reason no-legal-basis
    """
    body = {"answer": answer, "reason": reason, "text": text}
    found = bearer.call("POST", f"work/{quote(work, safe='')}/acknowledge", body)
    return Output(found, stands_lines(found, spoken()))
