"""Reports of verifiers in words, as JSON and as a page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gateway.audit.verify.findings import Check, Report, State
from gateway.audit.verify.reconcile import Comparison
from gateway.audit.verify.reconcile_exports import Reconciled
from gateway.clock import SystemClock, rfc3339
from gateway.ops.homes.documents import read_charter
from gateway.trust.documents.charter import charter_fingerprint

_STYLES = {"proved": "good", "contradicted": "bad", "not provable": "warn"}


def report_value(report: Report) -> dict[str, Any]:
    """A report as JSON."""
    verdict = {0: State.PROVED, 1: State.CONTRADICTED}.get(report.exit_code, State.NOT_PROVABLE)
    first = report.first_bad
    return {
        "verdict": verdict.value,
        "about": report.about | {"proved": report.is_proved(Check.MANIFEST)},
        "entries": report.sizes,
        "first_bad_entry": {"log": first[0], "index": first[1]} if first else None,
        "findings": [asdict(finding) | {"check": int(finding.check)} for finding in report.findings],
        "untold": sum(count for _, _, _, count in report.untold_groups()),
        "notes": report.notes,
    }


def write_page(report: Report, file: Path, charter: Path | None) -> None:
    """Write a report as an HTML page."""
    from gateway.views.report_page import report_page

    trusted = "that of the home itself"
    if charter is not None:
        trusted = charter_fingerprint(read_charter(charter)[0])
    file.write_text(report_page(report, rfc3339(SystemClock().now_us()), trusted), encoding="utf-8")


def report_lines(report: Report) -> Iterator[tuple[str, str]]:
    """A report in words: state and text of each line."""
    for finding in report.findings:
        place = f" {finding.log}" if finding.log else ""
        entry = f", entry {finding.index}" if finding.index is not None else ""
        yield finding.state.value, f"{finding.check:>2} {finding.state.value:<12}{place}{entry}: {finding.text}"
    for check, log, state, count in report.untold_groups():
        yield state.value, f"{check:>2} {state.value:<12} {log}: and {count} more of the same kind".replace(" :", ":")
    for note in report.notes:
        yield "", f"   note: {note}"
    value = report_value(report)
    checked = ", ".join(f"{size} of {name}" for name, size in report.sizes.items()) or "none"
    yield value["verdict"], f"{value['verdict']}; entries checked: {checked}"
    if first := report.first_bad:
        yield State.CONTRADICTED.value, f"the first bad entry is {first[1]} of {first[0]}"


def reconciled_value(found: Reconciled) -> dict[str, Any]:
    """A reconciliation as JSON; without a comparison when an export is contradicted already."""
    value: dict[str, Any] = {"exports": {member: report_value(report) for member, report in found.reports.items()}}
    if (comparison := found.comparison) is not None:
        value |= {"agreed": comparison.agreed, "outside": comparison.outside, "blamed": sorted(comparison.blamed)}
        value |= {"findings": [asdict(finding) for finding in comparison.findings]}
    return value | {"exit_code": found.exit_code}


def reconciled_lines(found: Reconciled) -> Iterator[tuple[str, str]]:
    """A reconciliation in lines: style and text."""
    for member, report in found.reports.items():
        style, said = {0: ("good", "proved"), 1: ("bad", "contradicted"), 3: ("warn", "not provable")}[report.exit_code]
        yield style, f"the export of `{member}` for itself: {said}"
        for state, text in report_lines(report) if report.exit_code else ():
            yield _STYLES[state], f"  {text}"
    if found.comparison is None:
        yield "bad", "not compared: nothing can be concluded from an export that is contradicted"
    else:
        yield from _compared_lines(found.comparison)


def _compared_lines(comparison: Comparison) -> Iterator[tuple[str, str]]:
    yield "", f"{comparison.agreed} exchanges agree, {comparison.outside} lie outside the time that both cover"
    for finding in comparison.findings:
        whose = f"`{finding.blamed}` is contradicted: " if finding.blamed else ""
        place = f"{finding.asker} -> {finding.answerer} {finding.exchange_id or 'channel'}"
        yield "bad" if finding.blamed else "warn", f"{finding.fault}: {place}: {whose}{finding.text}"
    if not comparison.findings:
        yield "good", "the two logs say the same"
