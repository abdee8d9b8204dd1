"""Build a home whose exchange log has very many entries, each with real signed statements; measure commands on it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from gateway.demo.command import environment, program
from tests.support.audit_logs import new_id
from tests.support.audited import World, make_world

BATCH = 512
STATEMENTS = 1_000


def make_big_world(folder: Path, entries: int) -> World:
    """A federation in which `th` has given `entries` answers to `vn`, with statements that both really signed.

    A thousand pairs of statements take turns: a verifier that remembers none works as much on them as on a million.
    """
    world = make_world(folder)
    made = [world.answered() for _ in range(min(STATEMENTS, entries))]
    with world.home.log() as log:
        left = entries - log.size
        while left > 0:
            log.append(
                [
                    replace(made[number % len(made)], exchange_id=new_id(), claim=None)
                    for number in range(left, max(0, left - BATCH), -1)
                ]
            )
            left -= BATCH
    return world


@dataclass(frozen=True, slots=True)
class Cost:
    """The result of a command and its cost: seconds, and the most megabytes that it and its children held at once."""

    code: int
    output: Any
    seconds: float
    megabytes: float


def measured(*arguments: str | Path) -> Cost:
    """Run `liaison` in a process of its own."""
    start = time.monotonic()
    child = subprocess.Popen(
        program(*arguments, "--json"), env=environment(), stdout=subprocess.PIPE, stderr=sys.stderr, text=True
    )
    most = _Most(child.pid)
    most.start()
    output, _ = child.communicate()
    seconds = time.monotonic() - start
    most.stop()
    return Cost(child.returncode, json.loads(output), seconds, most.megabytes)


class _Most(threading.Thread):
    """Measures the memory of a process and its children, five times a second; shared pages are counted once."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self._end = threading.Event()
        self.megabytes = 0.0

    def run(self) -> None:
        """Measure until `stop`."""
        while not self._end.wait(0.2):
            self.megabytes = max(self.megabytes, sum(map(_held, _tree(self._pid))) / 1024)

    def stop(self) -> None:
        """Stop measuring."""
        self._end.set()
        self.join()


def _tree(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return [pid]
    return [pid, *(found for child in children for found in _tree(int(child)))]


def _held(pid: int) -> int:
    """Return the kilobytes of a process, with its share of shared pages."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
