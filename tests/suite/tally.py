"""A pytest plugin: `--tally FILE` writes down how many tests passed and were skipped, which failed, and what broke."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pytest

pytest_plugins = ("tests.suite.processes",)

_FAILED = ("failed", "error")


@dataclass(slots=True)
class Tally:
    """What a run counted: how many tests passed and were skipped, which failed, and what else went wrong."""

    passed: int = 0
    skipped: int = 0
    failed: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, file: Path) -> Tally:
        """Read what a run left."""
        return cls(**json.loads(file.read_text()))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.getgroup("suite").addoption("--tally", type=Path, metavar="FILE", help="write what was counted to this file")


def pytest_configure(config: pytest.Config) -> None:
    """Count where it is asked for."""
    if config.getoption("--tally"):
        config.pluginmanager.register(_Counter(config, config.getoption("--tally")))


class _Counter:
    """Counts what tests report, and what happens to the processes that run them."""

    def __init__(self, config: pytest.Config, file: Path) -> None:
        self._config = config
        self._file = file
        self._tally = Tally()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Name a test that failed at once: a run may be long, or be stopped."""
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        if report.failed and terminal is not None:
            terminal.ensure_newline()
            terminal.write_line(f"failed: {report.nodeid}")

    def pytest_process_died(self, number: int) -> None:
        """Note that a process died. The test that it ran has failed, if it ran one; nothing says so if it did not."""
        self._tally.faults.append(f"process {number} died")

    def pytest_internalerror(self) -> None:
        """Note that pytest itself failed."""
        self._tally.faults.append("pytest failed")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Write what was counted."""
        stats = terminalreporter.stats
        self._tally.passed, self._tally.skipped = len(stats.get("passed", ())), len(stats.get("skipped", ()))
        self._tally.failed = list(dict.fromkeys(report.nodeid for key in _FAILED for report in stats.get(key, ())))
        self._file.write_text(json.dumps(asdict(self._tally)))
