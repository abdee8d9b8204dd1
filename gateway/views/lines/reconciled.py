"""Describe how two countries' exports go together, as JSON and in lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from gateway.audit.verify.reconcile import Comparison
from gateway.audit.verify.reconcile_exports import Reconciled
from gateway.views.lines import Line
from gateway.views.lines.report import report_lines, report_value


def reconciled_value(found: Reconciled) -> dict[str, Any]:
    """Return a reconciliation as JSON; it has no comparison when an export is contradicted already."""
    value: dict[str, Any] = {"exports": {member: report_value(report) for member, report in found.reports.items()}}
    if (comparison := found.comparison) is not None:
        value |= {"agreed": comparison.agreed, "outside": comparison.outside, "blamed": sorted(comparison.blamed)}
        value |= {"turned_away": comparison.turned_away, "waiting": comparison.waiting}
        value |= {"findings": [asdict(finding) for finding in comparison.findings]}
    return value | {"exit_code": found.exit_code}


def reconciled_lines(found: Reconciled) -> Iterator[Line]:
    """Yield the lines of a reconciliation."""
    for member, report in found.reports.items():
        style, said = {0: ("good", "proved"), 1: ("bad", "contradicted"), 3: ("warn", "not provable")}[report.exit_code]
        yield f"the export of `{member}` for itself: {said}", style
        for text, text_style in report_lines(report) if report.exit_code else ():
            yield f"  {text}", text_style
    if found.comparison is None:
        style, why = ("bad", "that is contradicted") if found.exit_code == 1 else ("warn", "whose charter is not known")
        yield f"not compared: nothing can be concluded from an export {why}", style
    else:
        yield from _compared_lines(found.comparison)


def _compared_lines(comparison: Comparison) -> Iterator[Line]:
    yield f"{comparison.agreed} exchanges agree, {comparison.outside} lie outside the time that both cover"
    if comparison.turned_away:
        yield f"{comparison.turned_away} questions were turned away unread, as their asker says; neither is to blame"
    if comparison.waiting:
        yield f"{comparison.waiting} notices are on their way, as their author says"
    for finding in comparison.findings:
        whose = f"`{finding.blamed}` is contradicted: " if finding.blamed else ""
        place = f"{finding.asker} -> {finding.answerer} {finding.exchange_id or 'channel'}"
        yield f"{finding.fault}: {place}: {whose}{finding.text}", "bad" if finding.blamed else "warn"
    if not comparison.findings:
        yield "the two logs say the same", "good"
