"""`liaison index build`: build the key indexes anew."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.options import home_option, json_option, source_option
from gateway.cli.output import print_json, print_result, progress_bars
from gateway.ops.homes.index_build import build_indexes
from gateway.views.lines.key_indexes import built_lines


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
