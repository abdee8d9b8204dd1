"""Run the tests and say one result: `python -m tests.suite [--small-forms | --timed] [pytest arguments]`.

First, what does not judge time runs in several processes, then the tests marked `timed`, one after the other, while
nothing else runs (`tests.suite.processes`). What does not fit the arguments is no error as long as something does.

`--small-forms` runs the tests marked `small_form` instead of leaving them out. `--timed` runs what judges time alone.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.suite.tally import Tally

PROCESSES = 3 * len(os.sched_getaffinity(0))
"""Processes that run tests at once: six for two cores, since a test that starts something waits half of its time."""

_MEMORY, _ROOM = Path("/dev/shm"), 12 << 30
"""Where folders of tests are in memory, and the bytes that must be free there: homes write all the time."""

SMALL_FORMS, TIMED = "--small-forms", "--timed"
_NO_FAULT = frozenset({pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED})
_INTERRUPTED = 130


def main(arguments: Sequence[str]) -> int:
    """Run the tests and print how they ended. Returns the exit code for the shell."""
    begun = time.monotonic()
    selection, rest = chosen(arguments)
    try:
        code, tally = _run(["--processes", str(PROCESSES), "-m", selection, *rest])
    except KeyboardInterrupt:
        return _INTERRUPTED
    return ended(code, tally, (time.monotonic() - begun) / 60)


def chosen(arguments: Sequence[str]) -> tuple[str, list[str]]:
    """Return the expression of marks that is asked for, and the arguments that remain for pytest."""
    wanted, rest, left = ["not small_form"], [], list(arguments)
    while left:
        argument = left.pop(0)
        if argument == SMALL_FORMS:
            wanted[0] = "small_form"
        elif argument == TIMED:
            wanted.append("timed")
        elif argument == "-m" and left:
            wanted.append(f"({left.pop(0)})")
        elif argument.startswith("-m"):
            wanted.append(f"({argument.removeprefix('-m').removeprefix('=')})")
        else:
            rest.append(argument)
    return " and ".join(wanted), rest


def ended(code: int, tally: Tally | None, minutes: float) -> int:
    """Print the tests that failed and one line of what was counted. Returns the exit code for the shell."""
    faults = list(tally.faults) if tally else []
    if not tally or code not in _NO_FAULT:
        faults.append(f"pytest ended with exit code {code}")
    if code == pytest.ExitCode.NO_TESTS_COLLECTED:
        faults.append("no test fits the arguments")
    tally = tally or Tally()
    print()
    for each in (*tally.failed, *faults):
        print(f"failed: {each}")
    counts = f"{tally.passed} passed, {len(tally.failed)} failed, {tally.skipped} skipped"
    print(f"{counts} in {minutes:.1f} minutes", flush=True)
    return int(bool(tally.failed or faults))


def _run(arguments: Sequence[str]) -> tuple[int, Tally | None]:
    """Run pytest in a process of its own. Returns its exit code, and what it counted unless it died before its end."""
    in_memory = _fits_into_memory()
    with tempfile.TemporaryDirectory(prefix="", dir=_MEMORY if in_memory else None) as folder:
        file = Path(folder, "tally.json")
        command = [sys.executable, "-m", "pytest", "-p", "tests.suite.tally", "--tally", str(file), *arguments]
        environment = os.environ | ({"TMPDIR": folder} if in_memory else {})
        code = subprocess.run(command, env=environment, check=False).returncode
        return code, Tally.read(file) if file.exists() else None


def _fits_into_memory() -> bool:
    """Tell whether the folders of a run's tests may be in memory. A folder that the caller has chosen is kept."""
    if "TMPDIR" in os.environ or not os.access(_MEMORY, os.W_OK) or os.statvfs(_MEMORY).f_flag & os.ST_NOEXEC:
        return False
    (available,) = re.findall(r"^MemAvailable: +(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return min(shutil.disk_usage(_MEMORY).free, int(available) << 10) > _ROOM


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
