"""Describe a verifier's report, as JSON and in lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from gateway.audit.verify.findings import Check, Report, State
from gateway.views.words.printable import whole_seconds

_STYLES = {State.PROVED: "good", State.CONTRADICTED: "bad", State.NOT_PROVABLE: "warn"}


def report_value(report: Report) -> dict[str, Any]:
    """Return a report as JSON."""
    first = report.first_bad
    return {
        "verdict": _verdict(report).value,
        "about": report.about | {"proved": report.is_proved(Check.MANIFEST)},
        "entries": report.sizes,
        "first_bad_entry": {"log": first[0], "index": first[1]} if first else None,
        "findings": [asdict(finding) | {"check": int(finding.check)} for finding in report.findings],
        "untold": sum(count for _, _, _, count in report.untold_groups()),
        "notes": report.notes,
    }


def report_lines(report: Report) -> Iterator[tuple[str, str]]:
    """Yield a report in lines, each with its style: what is proved is told once for each check."""
    for check, said, logs in report.proved():
        yield whole_seconds(f"{check:>2} proved: {said}" + (f" ({', '.join(logs)})" if logs else "")), "good"
    for finding in report.unproved():
        place = f" {finding.log}" if finding.log else ""
        entry = f", entry {finding.index}" if finding.index is not None else ""
        text = f"{finding.check:>2} {finding.state.value:<12}{place}{entry}: {finding.text}"
        yield whole_seconds(text), _STYLES[finding.state]
    for check, log, state, count in report.untold_groups():
        text = f"{check:>2} {state.value:<12} {log}: and {count} more of the same kind".replace(" :", ":")
        yield text, _STYLES[state]
    for note in report.notes:
        yield f"   note: {note}", ""
    verdict = _verdict(report)
    checked = ", ".join(f"{size} of {name}" for name, size in report.sizes.items()) or "none"
    yield f"{verdict.value}; entries checked: {checked}", _STYLES[verdict]
    if first := report.first_bad:
        yield f"the first bad entry is {first[1]} of {first[0]}", "bad"


def _verdict(report: Report) -> State:
    return {0: State.PROVED, 1: State.CONTRADICTED}.get(report.exit_code, State.NOT_PROVABLE)
