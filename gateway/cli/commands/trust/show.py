"""`liaison trust show`: show a charter, or the documents of a home."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.options import FILE, FOLDER, json_option
from gateway.cli.output import print_result
from gateway.ops.homes.trust_files import show_charter
from gateway.ops.homes.trust_state import describe_home
from gateway.views.lines.trust import charter_lines, home_lines


@click.command()
@click.argument("file", required=False, type=FILE)
@click.option("--home", type=FOLDER, envvar="LIAISON_HOME", help="Show what this home holds.")
@json_option
def show(file: Path | None, home: Path | None, as_json: bool) -> int:
    """Show a charter file, or all that a home holds.

    \b
    Examples:
      liaison trust show --home th
      liaison trust show charter.json
    """
    if home is not None and file is None:
        about = describe_home(home)
        print_result(about, home_lines(about), as_json=as_json)
    elif file is not None and home is None:
        about = show_charter(file)
        print_result(about, charter_lines(about), as_json=as_json)
    else:
        raise click.UsageError("give either a file or --home")
    return 0
