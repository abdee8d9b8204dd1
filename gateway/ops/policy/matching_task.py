"""Match the names of a whole list, to learn how well they are found."""

from __future__ import annotations

import io
from pathlib import Path

from adapters.check.evaluate import Progress, Summary, evaluate
from gateway.errors import Misconfigured
from gateway.matching.thresholds import SETS


def evaluate_task(task: Path, out: Path, thresholds: str, half: int | None, progress: Progress) -> Summary:
    """Match the queries of a task and write the hits of each to `out`, once all is done."""
    out.open("a").close()  # fails before the work where it cannot be written, and keeps the old result until after it
    written = io.StringIO()
    summary = evaluate(task, written, SETS[thresholds], half, progress)
    try:
        out.write_text(written.getvalue(), encoding="utf-8")
    except OSError as error:
        said = f"the result cannot be written: {error.strerror}"
        raise Misconfigured(said, code="bad-path", where=str(out), remedy="name another file, or make room") from error
    return summary
