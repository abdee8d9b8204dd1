"""`liaison index`: build the key indexes anew, and show their size and age."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.options import home_option, json_option, source_option
from gateway.cli.output import Output, print_json, print_result, printed, progress_bars
from gateway.ops.sources.index_build import build_indexes
from gateway.ops.sources.key_indexes import index_status, left_over_indexes
from gateway.views.lines.key_indexes import built_lines, left_over_lines, status_lines


@click.command()
@home_option
@source_option
@json_option
def build(home: Path, wanted: str, as_json: bool) -> int:
    """Read all rows of each source and build its key index anew.

    A node may run meanwhile: it searches in the old index until the new one is complete, and turns to it within a
    minute. A build that is stopped leaves the old index as it is.

    \b
    Examples:
      liaison index build --home la
      liaison index build --home la --source la.police.records --json

    Prints for each source: records in the index, keys, seconds, bytes, and rows that are left out with the reason.
    """
    with progress_bars() as progress:
        built = build_indexes(home, wanted, progress)
        if as_json:
            print_json({"sources": list(built)})
            return 0
        for one in built:
            print_result(one, built_lines(one), as_json=False)
    return 0


@click.command()
@home_option
@source_option
@printed
def status(home: Path, wanted: str) -> Output:
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
    return Output(
        {"sources": found, "left_over": left_over},
        lines,
        0 if all(one["state"] in ("ready", "elsewhere") for one in found) else 1,
    )
