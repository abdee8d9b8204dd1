"""Run the tests in two phases and say one result: `python -m tests.suite [--small-forms | --timed] [pytest arguments]`.

Phase 1 runs in parallel whatever does not judge time. Phase 2 runs the tests marked `timed`, one after the other, while
nothing else runs. Both always run; what does not fit the arguments is no error as long as something does.

`--small-forms` runs the tests marked `small_form` instead of leaving them out. `--timed` runs the second phase alone.
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

from tests.suite.phase import Tally

PROCESSES = 3 * len(os.sched_getaffinity(0))
"""Processes that run tests at once: six for two cores, since a test that starts something waits half of its time."""

_MEMORY, _ROOM = Path("/dev/shm"), 12 << 30
"""Where folders of tests stand in memory, and the bytes that must be free there: homes write all the time."""

SMALL_FORMS, TIMED = "--small-forms", "--timed"
_LAST_FAILED = frozenset({"--lf", "--last-failed"})
_NO_FAULT = frozenset({pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED})
_INTERRUPTED = 130


def main(arguments: Sequence[str]) -> int:
    """Run both phases and print how both ended together. Returns the exit code for the shell."""
    begun = time.monotonic()
    selection, rest = chosen([each for each in arguments if each != TIMED])
    # What failed last is read by each phase, and the first writes it anew: the second runs none if none is left.
    again = ["--last-failed-no-failures", "none"] if _LAST_FAILED & set(rest) and _failures_are_known() else []
    try:
        phases = []
        if TIMED not in arguments:
            phases.append(_run(["--processes", str(PROCESSES), "-m", f"{selection} and not timed", *rest]))
        # One process and not none: if it dies, another one goes on.
        phases.append(_run(["--processes", "1", "--only-timed", "-m", f"{selection} and timed", *again, *rest]))
    except KeyboardInterrupt:
        return _INTERRUPTED
    return ended(phases, (time.monotonic() - begun) / 60)


def chosen(arguments: Sequence[str]) -> tuple[str, list[str]]:
    """Return the mark expression that both phases share, and the arguments that remain for pytest."""
    wanted, rest, left = ["not small_form"], [], list(arguments)
    while left:
        argument = left.pop(0)
        if argument == SMALL_FORMS:
            wanted[0] = "small_form"
        elif argument == "-m" and left:
            wanted.append(f"({left.pop(0)})")
        elif argument.startswith("-m"):
            wanted.append(f"({argument.removeprefix('-m').removeprefix('=')})")
        else:
            rest.append(argument)
    return " and ".join(wanted), rest


def ended(phases: Sequence[tuple[int, Tally | None]], minutes: float) -> int:
    """Print the tests that failed and one line of what all phases did. Returns the exit code for the shell."""
    tallies = [tally for _, tally in phases if tally]
    failed = [name for tally in tallies for name in tally.failed]
    faults = [fault for tally in tallies for fault in tally.faults]
    faults += [f"pytest ended with exit code {code}" for code, tally in phases if not tally or code not in _NO_FAULT]
    if all(code == pytest.ExitCode.NO_TESTS_COLLECTED for code, _ in phases):
        faults.append("no test fits the arguments")
    print()
    for each in (*failed, *faults):
        print(f"failed: {each}")
    passed, skipped = sum(tally.passed for tally in tallies), sum(tally.skipped for tally in tallies)
    print(f"{passed} passed, {len(failed)} failed, {skipped} skipped in {minutes:.1f} minutes", flush=True)
    return int(bool(failed or faults))


def _run(arguments: Sequence[str]) -> tuple[int, Tally | None]:
    """Run pytest in a process of its own. Returns its exit code, and what it counted unless it died before its end."""
    in_memory = _fits_into_memory()
    with tempfile.TemporaryDirectory(prefix="", dir=_MEMORY if in_memory else None) as folder:
        file = Path(folder, "tally.json")
        command = [sys.executable, "-m", "pytest", "-p", "tests.suite.phase", "--tally", str(file), *arguments]
        environment = os.environ | ({"TMPDIR": folder} if in_memory else {})
        code = subprocess.run(command, env=environment, check=False).returncode
        return code, Tally.read(file) if file.exists() else None


def _fits_into_memory() -> bool:
    """Tell whether the folders of a run's tests may stand in memory. A folder that the caller has chosen is kept."""
    if "TMPDIR" in os.environ or not os.access(_MEMORY, os.W_OK) or os.statvfs(_MEMORY).f_flag & os.ST_NOEXEC:
        return False
    (available,) = re.findall(r"^MemAvailable: +(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return min(shutil.disk_usage(_MEMORY).free, int(available) << 10) > _ROOM


def _failures_are_known() -> bool:
    file = Path(".pytest_cache", "v", "cache", "lastfailed")
    return file.is_file() and file.read_text().strip() != "{}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
