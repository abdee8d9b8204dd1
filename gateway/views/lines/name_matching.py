"""Describe the matching of names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from adapters.check.evaluate import Summary
from gateway.matching.report import Comparison, DecidingRow, Side
from gateway.views.lines import Line

_STYLES = {"STRONG": "good", "POSSIBLE": "warn"}
_MOST_ROWS = 8
"""The deciding rows that are shown; the JSON has all."""

_TITLES = {"M": ", title of a man", "F": ", title of a woman"}


def comparison_value(found: Comparison) -> dict[str, Any]:
    """Return a comparison of two names as JSON."""
    body = asdict(found)
    return body | {"class": body.pop("quality")}


def comparison_lines(found: Comparison) -> Iterator[Line]:
    """Yield the lines of a comparison of two names."""
    yield from _side_lines("first ", found.asked)
    yield from _side_lines("second", found.held)
    if found.keys:
        some = ", ".join(found.keys[:4])
        yield f"keys in common: {len(found.keys)} ({some}): a search for the first finds the second"
    else:
        yield "keys in common: none, so a search finds the second by its birth date only", "warn"
    for reason in found.because:
        yield f"  - {reason}"
    yield from map(_row_line, found.rows[:_MOST_ROWS])
    style = _STYLES.get(found.quality, "bad")
    yield f"score {found.score:.2f}, class {found.quality} ({found.thresholds} thresholds)", style


def _row_line(row: DecidingRow) -> Line:
    without = f"score {row.score:.2f}, class {row.quality}" if row.decides else f"read as {row.read}"
    others = "" if row.alone else " and others that say the same"
    return f"  row `{row.row}` ({row.where}) {'decided' if row.decides else 'counts'}: without it{others} {without}"


def _side_lines(title: str, side: Side) -> Iterator[Line]:
    yield f"{title}  {side.name}  ({side.script}{_TITLES.get(side.sex, '')})", "title"
    yield f"        read as {' | '.join(side.readings[:4]) or 'nothing: it says no name'}"


def summary_lines(summary: Summary, out: Path) -> Iterator[Line]:
    """Tell how well the names of a task were found."""
    figures = summary.as_json()
    yield f"{summary.task}: {summary.records:,} names indexed, {summary.left_out:,} left out"
    yield f"{summary.queries:,} queries, {summary.answered:,} with hits, written to {out}"
    if summary.expected:
        yield f"the right one first: {figures['recall_at_1']:.1%}; among 20: {figures['recall_at_20']:.1%}", "title"
