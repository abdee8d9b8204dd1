"""A pytest plugin for one phase of a run: which files it looks at, which tests it leaves out, and what it counted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pytest

pytest_plugins = ("tests.suite.processes",)

TIMED = re.compile(r"\bmark\.timed\b")
"""How the mark stands in a test file: by this the second phase finds the files that it need look at."""

_FAILED = ("failed", "error")


@dataclass(slots=True)
class Tally:
    """What a phase counted: how many tests passed and were skipped, which failed, and what else went wrong."""

    passed: int = 0
    skipped: int = 0
    failed: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, file: Path) -> Tally:
        """Read what a phase left."""
        return cls(**json.loads(file.read_text()))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what `tests.suite` says to each phase."""
    group = parser.getgroup("suite")
    group.addoption("--tally", type=Path, metavar="FILE", help="write what was counted to this file")
    group.addoption("--only-timed", action="store_true", help="look only at files that carry the mark `timed`")


def pytest_configure(config: pytest.Config) -> None:
    """Count where it is asked for."""
    if config.getoption("--tally"):
        config.pluginmanager.register(_Counter(config.getoption("--tally")))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out files without the mark when only what carries it is asked for: reading is cheaper than importing."""
    if not config.getoption("--only-timed") or not re.fullmatch(r"test_\w+\.py", collection_path.name):
        return None
    return None if TIMED.search(collection_path.read_text()) else True


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    """Run nothing where `--last-failed` is asked for and no test of this phase failed last: else all would run."""
    yield
    known = config.cache.get("cache/lastfailed", {}) if config.cache and config.getoption("lf") else {}
    if known and not any(item.nodeid in known for item in items):
        config.hook.pytest_deselected(items=items[:])
        items.clear()


class _Counter:
    """Counts what tests report, and what happens to the workers that run them."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._tally = Tally()

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
