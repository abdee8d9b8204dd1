"""`liaison policy check`: find what would not load."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.options import FOLDER, json_option, member_option
from gateway.cli.output import print_result
from gateway.ops.policy.folders import national_folders
from gateway.ops.policy.policies import problems_of
from gateway.views.lines.policy import problem_lines, problem_value


@click.command()
@click.argument("folder", type=FOLDER)
@member_option
@json_option
def check(folder: Path, member: str | None, as_json: bool) -> int:
    """Find everything in a policy folder that would not load, with file, line and remedy.

    \b
    Examples:
      liaison policy check policy/national/th
      liaison policy check draft --member th
    """
    found = [error for place, whose in national_folders(folder, member) for error in problems_of(place, whose)]
    about = {"folder": str(folder), "problems": [problem_value(error) for error in found]}
    print_result(about, problem_lines(found) if found else [(f"{folder}: nothing is wrong", "good")], as_json=as_json)
    return int(bool(found))
