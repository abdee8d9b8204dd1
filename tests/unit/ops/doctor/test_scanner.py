"""Doctor on the scanner of files: missing, silent, wrong, left out on purpose, and one that answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.clock import SystemClock
from gateway.ops.doctor.doctor import examine, healthy
from gateway.ops.finding import Finding, Severity
from tests.support.cli import Liaison, copy_federation


def found(home: Path, setting: str) -> tuple[Finding, bool]:
    """What is said of a home with this scanner, and whether exchanges are possible."""
    file = home / "node.toml"
    text = file.read_text()
    assert text.count("[attachments]\n") == 1
    file.write_text(text.replace("[attachments]\n", f'[attachments]\nscanner = "{setting}"\nscan_s = 1\n'))
    findings = examine(home, SystemClock())
    (finding,) = (each for each in findings if each.check == "scanner")
    return finding, healthy(findings)


@pytest.mark.parametrize(
    ("setting", "severity", "text"),
    [
        ("", Severity.WARN, "no scanner is named"),
        ("clamd:/nowhere/clamd.sock", Severity.WARN, "no clear word"),
        ("command:/nowhere/scan", Severity.WARN, "no clear word"),
        ("command:/bin/sh -c 'exit 2'", Severity.WARN, "exit status 2"),
        ("command:/bin/sleep 30", Severity.WARN, "no clear word"),
        ("command:/bin/false", Severity.WARN, "finds something in a harmless line"),
        ("command:/bin/sh -c 'cat >/dev/null'", Severity.GOOD, "it answers"),  # one that ends unread is not believed
        ("none", Severity.GOOD, "opened unscanned"),
    ],
)
@pytest.mark.process
def test_a_scanner_that_opens_no_file_is_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, setting: str, severity: Severity, text: str
) -> None:
    copy_federation(Liaison(capsys), tmp_path)
    finding, is_healthy = found(tmp_path / "th", setting)
    assert (finding.severity, text in finding.text, is_healthy) == (severity, True, True)
    if severity is Severity.WARN:
        assert finding.where == "attachments.scanner"
        assert "node.toml" in finding.remedy or "`liaison doctor`" in finding.remedy


def test_a_setting_that_is_no_scanner_stops(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    copy_federation(Liaison(capsys), tmp_path)
    finding, is_healthy = found(tmp_path / "th", "clam")
    assert (finding.severity, finding.code, is_healthy) == (Severity.STOP, "bad-scanner", False)


@pytest.mark.process
def test_n274_files_that_nobody_scans_are_for_trials_only(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    copy_federation(Liaison(capsys), tmp_path)
    home = tmp_path / "th"
    finding, is_healthy = found(home, "none")
    assert (finding.severity, "stops a node in production" in finding.text, is_healthy) == (Severity.GOOD, True, True)
    told = examine(home, SystemClock(), production=True)
    (stop,) = (each for each in told if each.where == "attachments.scanner")
    assert (stop.check, stop.severity) == ("trial", Severity.STOP)
    assert "clamd:/run/clamav/clamd.ctl" in stop.remedy
    file = home / "node.toml"
    file.write_text(file.read_text().replace('scanner = "none"', 'scanner = "clamd:/run/clamav/clamd.ctl"'))
    told = examine(home, SystemClock(), production=True)
    assert [each.check for each in told if each.where == "attachments.scanner"] == ["scanner"]
