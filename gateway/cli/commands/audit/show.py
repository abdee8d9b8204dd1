"""`liaison audit show`: entries, newest first."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from gateway.audit.reading.show import Filter
from gateway.cli.options import auditor_key, home_option, json_option, period_options
from gateway.cli.output import print_result
from gateway.clock import to_micros
from gateway.ops.audit.entry_list import list_entries
from gateway.ops.homes.open_home import shown_value
from gateway.views.lines.listed import listed_lines


@click.command()
@home_option
@click.option("--log", "log", default="exchange", type=click.Choice(["exchange", "operations"]), show_default=True)
@period_options
@click.option("--officer", default="", help="The officer's person id.")
@click.option("--peer", default="", help="The counterpart.")
@click.option("--case", default="", help="The case or ticket number.")
@click.option("--outcome", default="", help="hit, no_hit, refused, suspended or silent.")
@click.option("--kind", default="", help="The kind of entry (docs/audit-events.md).")
@click.option("--exchange", "exchange_id", default="", help="The exchange id.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 100_000))
@auditor_key
@click.option("--reason", default="", help="Why; it stands in the log before anything is shown.")
@json_option
def show(
    home: Path,
    log: str,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    key: Path | None,
    reason: str,
    as_json: bool,
    **filters: str,
) -> int:
    """Show entries, newest first: their public part, and what is said in them of the node's own operation.

    What speaks of persons, officers and cases is shown to an appointed auditor only (--key and --reason), within the
    scope, and after an entry that says so. Without a key --officer, --case and --outcome find public parts, after an
    entry (`looked-up`).

    \b
    Examples:
      liaison audit show --home th --log operations
      liaison audit show --home th --key th.auditor.1.key --reason "complaint 7/2026" --officer th.o.1042
    """
    wanted = Filter(since_us=to_micros(since), until_us=to_micros(until), **filters)
    found = list_entries(home, log, wanted, limit, key, reason)
    about = {"entries": [shown_value(*item) for item in found.entries], "limit": limit, "more": found.more}
    print_result(about, listed_lines(found, limit), as_json=as_json)
    return 0
