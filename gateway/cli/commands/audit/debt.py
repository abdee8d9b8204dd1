"""`liaison audit debt`: list receipts that are owed."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.options import home_option, json_option
from gateway.cli.output import print_result
from gateway.ops.audit.debts import debts
from gateway.ops.homes.open_home import open_home
from gateway.views.lines.debts import debt_lines


@click.command()
@home_option
@json_option
def debt(home: Path, as_json: bool) -> int:
    """Who owes whom receipts: answers that were given and not acknowledged, either way.

    A counterpart that goes on asking and leaves 100 answers unacknowledged, or one for 10 minutes (limits.receipt_debt,
    limits.receipt_debt_s), is answered for humanitarian purposes only, until its receipts come.

    \b
    Example:
      liaison audit debt --home th --json
    """
    with open_home(home) as evidence:
        found = debts(evidence)
    print_result({"counterparts": found}, debt_lines(found), as_json=as_json)
    return 0
