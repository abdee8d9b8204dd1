"""`liaison source log`: the agency's own log."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.audit.reading.show import Filter
from gateway.cli.options import json_option, source_home
from gateway.cli.output import print_result
from gateway.ops.audit.source_log import source_entries, source_value
from gateway.views.lines.entries import source_line


@click.command()
@source_home
@click.option("--peer", default="", metavar="M", help="Only for this country.")
@click.option("--kind", default="", help="source-searched, source-issued, source-refused, …")
@click.option("--exchange", "exchange_id", default="", help="Only this exchange.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 100_000))
@json_option
def log(home: Path, peer: str, kind: str, exchange_id: str, limit: int, as_json: bool) -> int:
    """Show the agency's own log: who was asked for, for whom and why, and what was signed. Newest first.

    \b
    Examples:
      liaison source log --home customs
      liaison source log --home customs --peer th --kind source-issued
    """
    found = source_entries(home, Filter(peer=peer, kind=kind, exchange_id=exchange_id), limit)
    print_result({"entries": [source_value(item) for item in found]}, map(source_line, found), as_json=as_json)
    return 0
