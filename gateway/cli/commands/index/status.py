"""`liaison index status`: show the size and age of the key indexes."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.options import home_option, json_option, source_option
from gateway.cli.output import print_result
from gateway.ops.homes.key_indexes import index_status, left_over_indexes
from gateway.views.lines.key_indexes import left_over_lines, status_lines


@click.command()
@home_option
@source_option
@json_option
def status(home: Path, wanted: str, as_json: bool) -> int:
    """Show the key index of each source: how large, how old, what is left out; and indexes that no source uses now.

    \b
    Examples:
      liaison index status --home la
      liaison index status --home la --json

    Exit code 1 when an index is missing or cannot be read: `liaison index build` makes it.
    """
    found, left_over = index_status(home, wanted), left_over_indexes(home)
    lines = [line for one in found for line in status_lines(one)]
    lines += [line for one in left_over for line in left_over_lines(one)]
    print_result({"sources": found, "left_over": left_over}, lines, as_json=as_json)
    return 0 if all(one["state"] in ("ready", "elsewhere") for one in found) else 1
