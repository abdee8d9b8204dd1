"""`liaison audit evidence`: heads of logs that do not go together."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.options import NEW_FOLDER, home_option, json_option
from gateway.cli.output import print_result
from gateway.ops.homes.witness_state import read_evidence
from gateway.views.lines.witnesses import evidence_lines


@click.command()
@home_option
@click.option("--out", type=NEW_FOLDER, help="Write both notes of each pair into this new folder, to hand them on.")
@json_option
def evidence(home: Path, out: Path | None, as_json: bool) -> int:
    """Show heads that do not go together, of our own log or of a counterpart's: kept by a node or a domestic witness.

    Both are signed by the log itself. Exit code 1 when there are any.

    \b
    Examples:
      liaison audit evidence --home th
      liaison audit evidence --home witness --out forks
    """
    found = read_evidence(home, out)
    print_result({"evidence": found}, evidence_lines(found), as_json=as_json)
    return 1 if found else 0
