"""`liaison match`: how names are compared, for one pair in words and for a whole task in figures."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.output import json_option, print_json, say

if TYPE_CHECKING:
    from adapters.check.evaluate import Progress, Summary
    from gateway.matching.report import Comparison, Side

_SETS = ("usual", "strict", "wide", "ranked")
_FOLDER = click.Path(file_okay=False, exists=True, path_type=Path)
_FILE = click.Path(dir_okay=False, path_type=Path, writable=True)


@click.group()
def match() -> None:
    """How names in six scripts are compared: why two are one person or not, and how well a whole list is found.

    \b
    Examples:
      liaison match explain "สมชาย ใจดี" "Somchay Jaidee"
      liaison match explain "Aye Aye Mon" "Aye Aye Mon" --father "U Hla" --father "U Tin"
      liaison match evaluate tasks/s6_thai_places --out predictions.jsonl
    """


# ---------------------------------------------------------------- explain


@match.command()
@click.argument("first")
@click.argument("second")
@click.option("--birth", multiple=True, metavar="DATE", help="YYYY, YYYY-MM or YYYY-MM-DD; once for both, or for each.")
@click.option("--sex", multiple=True, type=click.Choice(["M", "F", "X"]), help="Once for both, or for each.")
@click.option("--father", multiple=True, metavar="NAME", help="The father's name; once for both, or for each.")
@click.option("--thresholds", default="usual", show_default=True, type=click.Choice(_SETS), help="How strict to be.")
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
    from gateway.errors import Malformed
    from gateway.matching.person import PersonFeatures
    from gateway.matching.report import NONE, compare
    from gateway.matching.thresholds import SETS
    from gateway.model.query import PersonQuery
    from gateway.model.values import MAX_TEXT, NameForm, PartialDate, Sex

    for which, name in (("FIRST", first), ("SECOND", second)):
        if not name.strip():
            raise click.UsageError(f"{which} is empty: give two names, each in quotation marks")
        if len(name) > MAX_TEXT:
            raise click.UsageError(f"{which} has more than {MAX_TEXT} characters")
    sexes, fathers = _both("sex", sex), _both("father", father)
    try:  # 1 is an answer here: what cannot be compared must not look like it
        births = [PartialDate(text) if text else None for text in _both("birth", birth)]
        query = PersonQuery((NameForm(first),), births[0], Sex(sexes[0]) if sexes[0] else None, father=fathers[0])
        held = PersonQuery((NameForm(second),))
    except Malformed as error:
        raise click.UsageError(str(error)) from error
    found = compare(query, PersonFeatures((held.names[0].text,), births[1], sexes[1], "", fathers[1]), SETS[thresholds])
    if as_json:
        print_json(_as_json(found))
    else:
        _show(found)
    return 1 if found.quality == NONE else 0


def _both(option: str, values: tuple[str, ...]) -> tuple[str, str]:
    """One value for each name: none, one for both, or two."""
    if len(values) > 2:
        raise click.UsageError(f"--{option} can be given once for both names, or twice")
    return (values[0], values[-1]) if values else ("", "")


def _as_json(found: Comparison) -> dict[str, Any]:
    from dataclasses import asdict

    body = asdict(found)
    return body | {"class": body.pop("quality")}


def _show(found: Comparison) -> None:
    for title, side in (("first ", found.asked), ("second", found.held)):
        _show_side(title, side)
    if found.keys:
        some = ", ".join(found.keys[:4])
        say(f"keys in common: {len(found.keys)} ({some}): a search for the first finds the second")
    else:
        say("keys in common: none, so a search finds the second by its birth date only", "warn")
    for reason in found.because:
        say(f"  - {reason}")
    style = {"STRONG": "good", "POSSIBLE": "warn"}.get(found.quality, "bad")
    say(f"score {found.score:.2f}, class {found.quality} ({found.thresholds} thresholds)", style)


def _show_side(title: str, side: Side) -> None:
    sex = {"M": ", title of a man", "F": ", title of a woman"}.get(side.sex, "")
    say(f"{title}  {side.name}  ({side.script}{sex})", "title")
    say(f"        read as {' | '.join(side.readings[:4]) or 'nothing: it says no name'}")


# ---------------------------------------------------------------- evaluate


@match.command()
@click.argument("task", type=_FOLDER)
@click.option("--out", required=True, type=_FILE, help="Where the hits of each query go, one line of JSON each.")
@click.option("--half", type=click.IntRange(0, 1), help="Only one half of the queries, split by a hash of the name.")
@click.option("--thresholds", default="ranked", show_default=True, type=click.Choice(_SETS), help="How strict to be.")
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
    from adapters.check.evaluate import evaluate as run
    from gateway.matching.thresholds import SETS

    out.open("a").close()  # whether it can be written is said before the work, and what it holds goes after it only
    written = io.StringIO()
    with _progress(task.name) as progress:
        summary = run(task, written, SETS[thresholds], half, progress)
    _write(out, written.getvalue())
    if as_json:
        print_json(summary.as_json())
    else:
        _show_summary(summary, out)
    return 0


def _write(out: Path, text: str) -> None:
    from gateway.errors import Misconfigured

    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        said = f"the result cannot be written: {error.strerror}"
        raise Misconfigured(said, code="bad-path", where=str(out), remedy="name another file, or make room") from error


def _show_summary(summary: Summary, out: Path) -> None:
    figures = summary.as_json()
    say(f"{summary.task}: {summary.records:,} names indexed, {summary.left_out:,} left out")
    say(f"{summary.queries:,} queries, {summary.answered:,} with hits, written to {out}")
    if summary.expected:
        say(f"the right one first: {figures['recall_at_1']:.1%}; among 20: {figures['recall_at_20']:.1%}", "title")


@contextmanager
def _progress(title: str) -> Iterator[Progress | None]:
    """A bar on a terminal; elsewhere nothing."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    with Bar(console=Console(stderr=True)) as bar:
        lines: dict[str, TaskID] = {}

        def progress(stage: str, done: int, total: int) -> None:
            if stage not in lines:
                lines[stage] = bar.add_task(f"{title}: {stage}")
            bar.update(lines[stage], completed=done, total=total or None)

        yield progress
