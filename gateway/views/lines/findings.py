"""Describe the findings of the doctor in lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from gateway.ops.finding import Finding, Severity
from gateway.views.lines import Line

_MARKS = {Severity.GOOD: ("ok  ", "good"), Severity.WARN: ("note", "warn"), Severity.STOP: ("STOP", "bad")}


def finding_lines(findings: Iterable[Finding]) -> Iterator[Line]:
    """Yield each finding with its remedy."""
    for finding in findings:
        mark, style = _MARKS[finding.severity]
        refused = " (`liaison serve` refuses to start)" if finding.refuses_start else ""
        yield f"{mark}  {finding.check}: {finding.text}{refused}", style
        if finding.remedy:
            yield f"      -> {finding.remedy}"


def examined_lines(findings: Sequence[Finding], *, is_sound: bool) -> Iterator[Line]:
    """Yield each finding with its remedy, and at the end whether an exchange is possible."""
    yield from finding_lines(findings)
    notes = sum(finding.severity is Severity.WARN for finding in findings)
    if not is_sound:
        yield "an exchange is not possible yet", "title"
    elif notes:
        yield f"an exchange is possible; to be looked at: {notes} {'note' if notes == 1 else 'notes'} above", "title"
    else:
        yield "nothing stands in the way of an exchange", "title"
