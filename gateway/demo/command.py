"""Run the `liaison` command as a person would, in a process of its own, and read its JSON."""

from __future__ import annotations

import importlib
import json
import multiprocessing
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from multiprocessing.context import ForkServerContext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

TIMEOUT_S = 60.0

_MAIN = "gateway.cli.main"
_HEAVY = (
    "officer.ask",
    "audit.proof",
    "audit.mandate",
    "desk.work",
    "desk.steps",
    "node.init",
    "operation.part",
    "watch.own",
)
"""Commands of the scenes whose modules have all that the others need, too."""

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
    """Run a command in a process of its own, which has its modules already. Raises `subprocess.TimeoutExpired`."""
    command = list(map(str, arguments))
    with TemporaryDirectory(prefix="liaison-said-") as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        process = _warm().Process(target=_speak, args=(command, environment(), out, err))
        process.start()
        process.join(TIMEOUT_S)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(command, TIMEOUT_S)
        said = [path.read_text(encoding="utf-8") if path.exists() else "" for path in (out, err)]
        return subprocess.CompletedProcess(command, process.exitcode, *said)


@cache
def _warm() -> ForkServerContext:
    """Return the maker of processes that have the modules of commands, on which each would spend most of its time."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([_MAIN, *(f"gateway.cli.commands.{name}" for name in _HEAVY)])
    return context


def _speak(arguments: list[str], variables: dict[str, str], out: Path, err: Path) -> None:
    """Run `liaison` with these arguments and variables, in this process; what it says goes into two files."""
    os.environ.clear()
    os.environ.update(variables)
    for descriptor, path in enumerate((Path(os.devnull), out, err)):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), descriptor)
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(number, mode, encoding="utf-8") for number, mode in enumerate("rww"))
    sys.argv = ["liaison", *arguments]
    sys.exit(importlib.import_module(_MAIN).run(arguments))
