"""`liaison policy matrix`: tabulate who gets what."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.options import FOLDER, NEW_FILE, json_option, member_option
from gateway.cli.output import print_result, working
from gateway.ops.policy.policies import matrix_of
from gateway.views.lines.policy import matrix_lines


@click.command()
@click.argument("folder", type=FOLDER)
@click.option("--html", type=NEW_FILE, help="Also write a page.")
@member_option
@json_option
def matrix(folder: Path, html: Path | None, member: str | None, as_json: bool) -> int:
    """Show who gets what: each counterpart's agencies, purposes, record types and fields.

    \b
    Example:
      liaison policy matrix policy/national/th --html matrix.html
    """
    with working("asking the policy"):
        found = matrix_of(folder, member)
    if html is not None:
        html.write_text(found.page(), encoding="utf-8")
    print_result(found.value(), matrix_lines(found.rows, str(html or "")), as_json=as_json)
    return 0
