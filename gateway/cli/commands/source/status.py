"""`liaison source status`: how fresh the sources of a home are."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.options import NEW_FOLDER
from gateway.cli.output import Output, printed
from gateway.clock import SystemClock
from gateway.ops.sources.status import source_status
from gateway.views.lines.key_indexes import source_lines


@click.command()
@click.argument("source", default="")
@click.option(
    "--home", required=True, type=NEW_FOLDER, envvar="LIAISON_HOME", help="The home of a node or of a source process."
)
@printed
def status(source: str, home: Path) -> Output:
    """Show how fresh a source is, what is left out, its last errors and runs. Without SOURCE, all of the home.

    \b
    Examples:
      liaison source status --home la
      liaison source status la.police.records --home la --json

    The node or the source process may be running; the agency's system is not asked. Exit code 1 when an index is
    missing or cannot be read, or when its last run failed.
    """
    found = source_status(home, source, SystemClock())
    lines = [line for one in found for line in source_lines(one)]
    is_good = all(one["state"] in ("ready", "elsewhere") and not one.get("failing") for one in found)
    return Output({"sources": found}, lines, 0 if is_good else 1)
