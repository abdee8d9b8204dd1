"""Describe the result of a log search, as JSON and in lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.audit.reading.opened import Opened
from gateway.audit.reading.show import Shown
from gateway.audit.verify.findings import Report
from gateway.ops.audit.search import Result
from gateway.ops.audit.search_question import Search
from gateway.ops.homes.open_home import public_part
from gateway.views.lines import Line
from gateway.views.lines.entries import entry_line
from gateway.views.lines.report import report_lines, report_value
from gateway.views.words.reason_words import reason_in_words


def found_value(search: Search, result: Result, limit: int) -> dict[str, Any]:
    """Return the result of a search as JSON."""
    found = result.found
    value: dict[str, Any] = {"question": search.as_value()}
    if result.entry is not None:
        value["entry"] = {"log": result.entry.log, "index": result.entry.index}
    if result.report is not None:
        value["complete"] = report_value(result.report)
    return value | {
        "count": found.count,
        "closed": found.closed,
        "lost": found.lost,
        **({"pruned_below": result.pruned} if result.pruned else {}),
        "limit": limit,
        "more": found.count > len(found.entries),
        **({"reasons": result.reasons} if result.reasons else {}),
        "entries": [describe_entry(log, opened, private=result.private) for log, opened in found.entries],
    }


def describe_entry(log: str, opened: Opened, *, private: bool) -> dict[str, Any]:
    """Return an entry as JSON: its public part, and its private one where it may be shown."""
    return public_part(log, opened.entry) | ({"private": opened.private} if private else {})


def found_lines(result: Result, limit: int) -> Iterator[Line]:
    """Yield the lines of a search's result."""
    found = result.found
    if result.entry is not None:
        yield f"this search is entry {result.entry.index} of {result.entry.log}", "title"
    for log, opened in found.entries:
        yield entry_line(log, Shown(opened.entry, (opened.private if result.private else None) or {}))
    if found.count > len(found.entries):
        yield f"the newest {limit:,} of {found.count:,}: raise --limit, or narrow it with --until", "warn"
    else:
        noun = "entry fits" if found.count == 1 else "entries fit"
        yield f"{found.count or 'no'} {noun}", "good" if found.count else ""
    if result.reasons:
        yield "by reason: " + ", ".join(f"{reason_in_words(code)} {count:,}" for code, count in result.reasons.items())
    if found.closed:
        yield f"{found.closed:,} entries of this time are closed, erased or not shown: nobody can search them", "warn"
    if found.lost:
        yield (
            f"{found.lost:,} of these lie under keys that are lost: what a key that is put back opens is searched",
            "warn",
        )
    for log, first in result.pruned.items():
        yield f"{log} is pruned below {first:,}: nobody can search the entries before that", "warn"
    if result.report is not None:
        yield from _complete_lines(result, result.report)


def _complete_lines(result: Result, report: Report) -> Iterator[Line]:
    if report.exit_code:
        style = "bad" if report.exit_code == 1 else "warn"
        yield "the log does not verify, so nothing is proved of what it lacks:", style
        for text, style in report_lines(report):
            if style != "good":
                yield f"  {text}"
        return
    sizes = ", ".join(f"{size:,} of {log}" for log, size in sorted(report.sizes.items()))
    yield f"complete: every entry under the signed heads ({sizes}) was hashed and, in this time, opened", "good"
    if result.found.closed:
        yield "of the closed entries nobody can say whether they fit", "warn"
