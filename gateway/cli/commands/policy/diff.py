"""`liaison policy diff`: show what a draft changes."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from gateway.cli.options import FOLDER, json_option, member_option
from gateway.cli.output import print_result
from gateway.ops.policy.folders import compared
from gateway.views.lines.policy import difference_lines
from policy.review.diff import difference


@click.command()
@click.argument("old", type=FOLDER)
@click.argument("new", type=FOLDER)
@member_option
@json_option
def diff(old: Path, new: Path, member: str | None, as_json: bool) -> int:
    """Say what NEW changes against OLD: rules, agreements and times in words, and the cases that come out otherwise.

    \b
    Example:
      liaison policy diff policy/national/th draft/th
    """
    found = difference(old, new, compared(old, new, member))
    print_result(asdict(found), difference_lines(found), as_json=as_json)
    return 0
