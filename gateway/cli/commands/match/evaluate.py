"""`liaison match evaluate`: measure how well a whole list is found."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.options import FOLDER, json_option, thresholds_option
from gateway.cli.output import print_result, progress_bars
from gateway.ops.policy.matching_task import evaluate_task
from gateway.views.lines.name_matching import summary_lines


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
@json_option
def evaluate(task: Path, out: Path, half: int | None, thresholds: str, as_json: bool) -> int:
    """Run a folder of names and questions through the index and the scoring of a node.

    \b
    Examples:
      liaison match evaluate tasks/s6_thai_places --out predictions.jsonl
      liaison match evaluate tasks/s8_tokens_arabic --out /tmp/p.jsonl --half 1 --json

    The folder holds db.jsonl.gz (id, name, birth) and queries.jsonl.gz (qid, name, birth, expect). A line of the
    result is {"qid": ..., "hits": [[id, score], ...]}, best first, at most 20.
    """
    with progress_bars() as progress:
        summary = evaluate_task(task, out, thresholds, half, progress)
    print_result(summary.as_json(), summary_lines(summary, out), as_json=as_json)
    return 0
