"""Describe how well the names of a list were found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from adapters.check.evaluate import Summary
from gateway.views.lines import Line


def summary_lines(summary: Summary, out: Path) -> Iterator[Line]:
    """Yield how well the names of a task were found."""
    figures = summary.as_json()
    yield f"{summary.task}: {summary.records:,} names indexed, {summary.left_out:,} left out"
    yield f"{summary.queries:,} queries, {summary.answered:,} with hits, written to {out}"
    if summary.expected:
        yield f"the right one first: {figures['recall_at_1']:.1%}; among 20: {figures['recall_at_20']:.1%}", "title"
