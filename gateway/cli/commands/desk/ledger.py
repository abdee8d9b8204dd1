"""`liaison desk holders`: who holds copies of our records, and of whose records we hold copies."""

from __future__ import annotations

import click

from gateway.cli.bearers import Bearer, at_the_desk
from gateway.cli.output import Output, printed
from gateway.cli.speech import spoken
from gateway.ops.desk.holders import holders_of
from gateway.views.desk.lines import holders_lines


@click.command()
@at_the_desk
@click.option("--record", default="", metavar="R", help="One record: its `jti`, or our own `source/key`.")
@click.option("--holder", default="", metavar="COUNTRY", help="Only what this country holds.")
@printed
def holders(bearer: Bearer, record: str, holder: str) -> Output:
    """Who holds copies of a record, in which version, and how many ends are confirmed; no content.

    Without --as or --token the ledger is read in the home itself, whether its node runs or not.

    \b
    Examples:
      liaison desk holders --home kh
      liaison desk holders --home kh --record kh.customs.seizures/S-17 --json

    Exit code 0 when no end is waited for, 1 while a holder has not confirmed.
    """
    query = {name: value for name, value in (("record", record), ("holder", holder)) if value}
    found = bearer.call("GET", "holders", **query) if bearer.is_given else holders_of(bearer.home, **query)
    waiting = any(row["state"] in ("changing", "objected") and not row["out_of_reach"] for row in found["holdings"])
    return Output(found, holders_lines(found, spoken()), 1 if waiting else 0)
