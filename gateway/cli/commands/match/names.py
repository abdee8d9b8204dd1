"""`liaison match`: compare two names, or measure how well a whole list is found."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.options import FOLDER, names_option, thresholds_option
from gateway.cli.output import Output, printed, progress_bars
from gateway.matching.report import NONE
from gateway.ops.audit.export_folder import use_exported_tables
from gateway.ops.homes.own_tables import use_own_tables
from gateway.ops.policy.matching_task import evaluate_task
from gateway.ops.policy.name_matching import compare_names
from gateway.views.lines.name_matching import comparison_lines, comparison_value, summary_lines


@click.command()
@click.argument("task", type=FOLDER)
@click.option(
    "--out",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path, writable=True),
    help="Where the hits of each query go, one line of JSON each.",
)
@click.option("--half", type=click.IntRange(0, 1), help="Only one half of the queries, split by a hash of the name.")
@thresholds_option("ranked")
@names_option
@printed
def evaluate(task: Path, out: Path, half: int | None, thresholds: str, home: Path | None) -> Output:
    """Run a folder of names and questions through the index and the scoring of a node.

    \b
    Examples:
      liaison match evaluate tasks/s6_thai_places --out predictions.jsonl
      liaison match evaluate tasks/s8_tokens_arabic --out /tmp/p.jsonl --half 1 --json

    The folder holds db.jsonl.gz (id, name, birth) and queries.jsonl.gz (qid, name, birth, expect). A line of the
    result is {"qid": ..., "hits": [[id, score], ...]}, best first, at most 20.
    """
    use_own_tables(home)
    with progress_bars() as progress:
        summary = evaluate_task(task, out, thresholds, half, progress)
    return Output(summary.as_json(), summary_lines(summary, out))


@click.command()
@click.argument("first")
@click.argument("second")
@click.option("--birth", multiple=True, metavar="DATE", help="YYYY, YYYY-MM or YYYY-MM-DD; once for both, or for each.")
@click.option("--sex", multiple=True, type=click.Choice(["M", "F", "X"]), help="Once for both, or for each.")
@click.option("--father", multiple=True, metavar="NAME", help="The father's name; once for both, or for each.")
@thresholds_option("usual")
@names_option
@click.option("--export", type=FOLDER, help="Read names with the own tables that this export carries.")
@printed
def explain(
    first: str,
    second: str,
    birth: tuple[str, ...],
    sex: tuple[str, ...],
    father: tuple[str, ...],
    thresholds: str,
    home: Path | None,
    export: Path | None,
) -> Output:
    """Say how two names are compared: script, reading, keys in common, rules, rows of tables, score and class.

    \b
    Examples:
      liaison match explain "สมชาย ใจดี" "Somchay Jaidee"
      liaison match explain "SOVANN Sokh" "សុខ សុវណ្ណ" --birth 1985 --birth 1985-11-03
      liaison match explain "Saw Thein" "Naw Thein" --thresholds strict --json
      liaison match explain "Lwin Moe" "လွင်မိုး" --home mm
      liaison match explain "Lwin Moe" "လွင်မိုး" --export mm-export

    A row of a table is named where the score, the class or the keys would be others without it.
    Exit code 1 when the two do not count as one person.
    """
    if export is not None:
        use_exported_tables(export)
    else:
        use_own_tables(home)
    found = compare_names(first, second, birth, sex, father, thresholds)
    return Output(comparison_value(found), comparison_lines(found), 1 if found.quality == NONE else 0)
