"""`liaison audit key-report`: list what a lost key signed."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from gateway.cli.options import TIME, home_option, json_option
from gateway.cli.output import print_result, progress_bar
from gateway.clock import to_micros
from gateway.ops.audit.lost_keys import report_of_home
from gateway.views.lines.key_report import key_report_lines, key_report_value


@click.command("key-report")
@home_option
@click.option("--key", "name", required=True, help="`statement`, `vn/statement`, `agency/police`, `log`, or a key id.")
@click.option("--since", type=TIME, required=True, help="Since when somebody else may have it (UTC).")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 1_000_000), help="What is listed.")
@json_option
def key_report(home: Path, name: str, since: datetime, limit: int, as_json: bool) -> int:
    """After a key was lost: all that it signed, and what a witness's cosignature from before the loss covers.

    A thief can date things back. So what the key signed counts as the owner's only where its entry stands under a head
    that a witness cosigned before the loss. The rest is listed: what says that it is from before, and what is from
    after, each with the time by which a witness had seen it.

    \b
    Examples:
      liaison audit key-report --home th --key statement --since 2026-11-20T08:00
      liaison audit key-report --home th --key vn/agency/immigration --since 2026-11-20 --json
    """
    with progress_bar("looking into entries") as progress:
        report = report_of_home(home, name, to_micros(since), limit, progress)
    print_result(key_report_value(report), key_report_lines(report), as_json=as_json)
    return 0
