"""Run the `liaison` command as a person would, in a process of its own, and read its JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TIMEOUT_S = 60.0

_PROGRAM = "import sys; from gateway.cli import main; sys.argv[0] = 'liaison'; main()"


@dataclass(frozen=True, slots=True)
class Ran:
    """The result of a command: its exit code, its JSON (or printed text), and its text on standard error."""

    code: int
    output: Any
    said: str


def program(*arguments: str | Path) -> list[str]:
    """Return the command line of `liaison` with these arguments, run by this very Python."""
    return [sys.executable, "-c", _PROGRAM, *map(str, arguments)]


def environment() -> dict[str, str]:
    """Return this process's environment without settings that would apply to every node at once."""
    keep = {name: value for name, value in os.environ.items() if not name.startswith("LIAISON_")}
    return keep | {"PYTHONIOENCODING": "utf-8"}


def run(*arguments: str | Path) -> Ran:
    """Run `liaison` with `--json` and wait for its end."""
    done = _finished(*arguments, "--json")
    try:
        output: Any = json.loads(done.stdout)
    except ValueError:
        output = done.stdout
    return Ran(done.returncode, output, done.stderr)


def words(*arguments: str | Path) -> Ran:
    """Run `liaison` as a person reads it; return all its text as one."""
    done = _finished(*arguments)
    return Ran(done.returncode, done.stdout + done.stderr, done.stderr)


def _finished(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        program(*arguments),
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT_S,
        check=False,
    )
