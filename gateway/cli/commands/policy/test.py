"""`liaison policy test`: the cases of national folders."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.options import FOLDER, json_option, member_option
from gateway.cli.output import print_result
from gateway.ops.policy.folders import national_folders
from gateway.views.lines.policy import case_lines, case_value
from policy.review.cases import run_cases


@click.command()
@click.argument("folder", type=FOLDER)
@member_option
@json_option
def test(folder: Path, member: str | None, as_json: bool) -> int:
    """Decide all cases of one or more national folders; exit code 1 when one comes out otherwise.

    \b
    Examples:
      liaison policy test policy/national/th
      liaison policy test policy        # every country
    """
    results = [(whose, one) for place, whose in national_folders(folder, member) for one in run_cases(place, whose)]
    failed = sum(bool(one.problems) for _, one in results)
    about = {"cases": [case_value(*result) for result in results], "passed": len(results) - failed, "failed": failed}
    print_result(about, case_lines(results, failed), as_json=as_json)
    return int(bool(failed) or not results)
