"""`liaison match explain`: explain how two names are compared."""

from __future__ import annotations

import click

from gateway.cli.options import json_option, thresholds_option
from gateway.cli.output import print_result
from gateway.matching.report import NONE
from gateway.ops.policy.name_matching import compare_names
from gateway.views.lines.name_matching import comparison_lines, comparison_value


@click.command()
@click.argument("first")
@click.argument("second")
@click.option("--birth", multiple=True, metavar="DATE", help="YYYY, YYYY-MM or YYYY-MM-DD; once for both, or for each.")
@click.option("--sex", multiple=True, type=click.Choice(["M", "F", "X"]), help="Once for both, or for each.")
@click.option("--father", multiple=True, metavar="NAME", help="The father's name; once for both, or for each.")
@thresholds_option("usual")
@json_option
def explain(
    first: str,
    second: str,
    birth: tuple[str, ...],
    sex: tuple[str, ...],
    father: tuple[str, ...],
    thresholds: str,
    as_json: bool,
) -> int:
    """Say how two names are compared: script, reading, keys in common, rules, score and class.

    \b
    Examples:
      liaison match explain "สมชาย ใจดี" "Somchay Jaidee"
      liaison match explain "SOVANN Sokh" "សុខ សុវណ្ណ" --birth 1985 --birth 1985-11-03
      liaison match explain "Saw Thein" "Naw Thein" --thresholds strict --json

    Exit code 1 when the two do not count as one person.
    """
    found = compare_names(first, second, birth, sex, father, thresholds)
    print_result(comparison_value(found), comparison_lines(found), as_json=as_json)
    return 1 if found.quality == NONE else 0
