"""Run tests in a copy of the tree, so that no mistake ever is in the tree itself."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import cache_from_source
from pathlib import Path

from tests.mutants.rows import Mutant

_LEFT_OUT = {".git", ".venv", "tmp", "dist", "build", "node_modules"}
_TAIL = 3_000
_WHERE = "import gateway, tests, liaison; print(gateway.__file__, tests.__file__, *liaison.__path__[:1], sep='\\n')"


@dataclass(frozen=True)
class Run:
    """What a run of tests showed: its exit code (None where it was ended from outside), and the end of what it printed.

    `failed` are tests that failed; of those in `unrun` nothing was learnt: they did not load, or had no ground.
    `passed` tells whether one passed: all may have been skipped; `seconds` is how long each test took.
    """

    code: int | None
    failed: tuple[str, ...]
    unrun: tuple[str, ...]
    passed: bool
    seconds: Mapping[str, float]
    tail: str


class Copy:
    """A copy of the tree in a folder; what is run here imports the copy's modules, in its subprocesses as well."""

    def __init__(self, tree: Path, folder: Path) -> None:
        self.root = folder / tree.name
        shutil.copytree(tree, self.root, symlinks=True, ignore=partial(_left_out, tree))
        self._report, self._output = folder / "report.xml", folder / "output.txt"
        shared = os.environ.get("LIAISON_SHARED") or str(tree.parent / "shared")
        path = os.pathsep.join([str(self.root), str(self.root / "proto" / "gen")])
        self._environment = {**os.environ, "PYTHONPATH": path, "LIAISON_SHARED": shared}
        # An interpreter that is started elsewhere finds the copy, although the environment names the tree.
        found = subprocess.run(
            [sys.executable, "-c", _WHERE],
            cwd=folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split("\n")
        assert all(place.startswith(str(self.root)) for place in found if place), found

    @contextlib.contextmanager
    def mistaken(self, mutant: Mutant) -> Iterator[None]:
        """Put one mistake into the copy, and take it out afterwards."""
        path = self.root / mutant.file
        right = path.read_text(encoding="utf-8")
        self._write(path, mutant.applied(right))
        try:
            yield
        finally:
            self._write(path, right)

    @staticmethod
    def _write(path: Path, text: str) -> None:
        """Write a module; a compiled one of the same second and size would pass for it."""
        path.write_text(text, encoding="utf-8")
        Path(cache_from_source(str(path))).unlink(missing_ok=True)

    def run(self, tests: Sequence[str], *, limit: float | None, first: bool = True) -> Run:
        """Run tests until the first failure (or all of them); after `limit` seconds end them with their children."""
        self._report.unlink(missing_ok=True)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--hypothesis-seed=0"]
        command += [*(["-x"] if first else []), f"--junitxml={self._report}", *tests]
        with self._output.open("wb") as output:  # no pipe: a child that outlives the tests would keep it open
            process = subprocess.Popen(
                command,
                cwd=self.root,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        code: int | None = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = process.wait(limit)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return self._read(code)

    def _read(self, code: int | None) -> Run:
        failed, unrun, passed, seconds = [], [], False, {}
        if self._report.exists():
            for case in ET.parse(self._report).iter("testcase"):
                name = f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name')}"
                seconds[name] = float(case.get("time", 0))
                if case.find("failure") is not None:
                    failed.append(name)
                elif case.find("error") is not None:
                    unrun.append(name)
                else:
                    passed = passed or case.find("skipped") is None
        output = self._output.read_bytes().decode(errors="replace")
        return Run(code, tuple(failed), tuple(unrun), passed, seconds, output[-_TAIL:])


def _left_out(tree: Path, folder: str, names: list[str]) -> set[str]:
    caches = {name for name in names if name.endswith("_cache") or name == ".hypothesis"}
    return caches | (_LEFT_OUT & set(names) if Path(folder) == tree else set())
