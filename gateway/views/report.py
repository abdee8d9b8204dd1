"""Write a verifier's report as a page."""

from __future__ import annotations

from pathlib import Path

from gateway.audit.verify.findings import Report
from gateway.clock import SystemClock, rfc3339
from gateway.ops.homes.documents import read_charter
from gateway.trust.documents.charter import charter_fingerprint
from gateway.views.report_page import report_page


def write_page(report: Report, file: Path, charter: Path | None) -> None:
    """Write a report as an HTML page, under the fingerprint of `charter` where it is given."""
    trusted = "that of the home itself"
    if charter is not None:
        trusted = charter_fingerprint(read_charter(charter)[0])
    file.write_text(report_page(report, rfc3339(SystemClock().now_us()), trusted), encoding="utf-8")
