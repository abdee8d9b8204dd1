"""Compare the speed of this tree with another revision's: `python -m tests.bench.against REF` (`make bench-against`).

Both trees are measured in turn, pass by pass, each by its own `liaison bench` beside the same bare echo, so that other
work on the machine falls on both alike. Two figures of each way of asking are judged: the node's CPU per exchange, and
the rate as a part of the echo's. A figure counts as worse only where it is worse by more than 3 % and its 95 % interval
lies wholly on that side.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.shared import PROJECT

WORSE = 0.03
"""A difference up to this is noise of the machine."""

ENOUGH = 6
"""Passes that a 95 % interval of the median needs."""

RELEASES = {"v0.1.0": "caa10c4c20f70a2810de77595ec4fcea7718054e"}
"""Commits of releases, for a clone that came without tags."""

_ECHO = "echo"
_BENCH = ("bench", "--json", "--passes", "1", "--concurrency", "64", "--rows", "1000")
_PASS_S = 300
_FIGURES = (("server_cpu_us_per_request", "node CPU per exchange", True), ("ratio_to_echo", "rate over echo", False))

Measured = dict[str, dict[str, Any]]
"""The rows that one run of a bench measured, by their names."""


@dataclass(frozen=True, slots=True)
class Figure:
    """Ratios of one figure, this tree's over the other's, pass by pass; `low` and `high` bound their median."""

    way: str
    name: str
    ratios: tuple[float, ...]
    more_is_worse: bool

    @property
    def median(self) -> float:
        """Return the median of the ratios."""
        return statistics.median(self.ratios)

    @property
    def interval(self) -> tuple[float, float]:
        """Return a 95 % interval of the median, by order statistics (of nine passes: the second and the eighth)."""
        ordered = sorted(self.ratios)
        left_out = _left_out(len(ordered))
        return ordered[left_out], ordered[len(ordered) - 1 - left_out]

    @property
    def worse(self) -> bool:
        """Tell whether this tree is worse by more than noise."""
        low, high = self.interval
        return self.judged and (low > 1 + WORSE if self.more_is_worse else high < 1 - WORSE)

    @property
    def judged(self) -> bool:
        """Tell whether there are enough passes for a 95 % interval: all of fewer than six may lie on one side."""
        return len(self.ratios) >= ENOUGH

    def line(self) -> str:
        """Return the figure as one line."""
        low, high = self.interval
        judged = ("WORSE" if self.worse else "ok") if self.judged else f"not judged: fewer than {ENOUGH} passes"
        return f"{self.way:28} {self.name:22} {self.median:6.3f}  [{low:.3f}, {high:.3f}]  {judged}"


def _left_out(count: int) -> int:
    """Return how many ratios at each end a 95 % interval of the median leaves out (sign test)."""
    tail, term, left_out = 0.0, 0.5**count, 0
    while tail + term <= 0.025:
        tail += term
        term *= (count - left_out) / (left_out + 1)
        left_out += 1
    return max(0, left_out - 1)


@contextmanager
def tree_of(revision: str) -> Iterator[Path]:
    """Yield a folder with the files of a revision of this repository."""
    with tempfile.TemporaryDirectory(prefix="liaison-against-") as folder:
        known = subprocess.run(["git", "rev-parse", "--verify", "--quiet", revision], cwd=PROJECT, capture_output=True)
        named = RELEASES.get(revision, revision) if known.returncode else revision
        archive = subprocess.run(["git", "archive", named], cwd=PROJECT, capture_output=True, check=True).stdout
        subprocess.run(["tar", "-x", "-C", folder], input=archive, check=True)
        yield Path(folder)


def measure(tree: Path, seconds: float, only: str) -> Measured:
    """Run the bench of a tree once, and return its rows by their names."""
    command = [
        sys.executable,
        "-m",
        "gateway.cli",
        *_BENCH,
        "--seconds",
        str(seconds),
        *(("--only", only) if only else ()),
    ]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(tree), str(tree / "proto" / "gen")))}
    run = subprocess.run(command, cwd=tree, env=environment, capture_output=True, check=True, timeout=_PASS_S)
    found = rows_of(run.stdout.decode())
    bad = [row["name"] for row in found if row["bad_answers"]]
    if bad:
        raise SystemExit(f"bad answers in {tree.name}: {', '.join(bad)}")
    return {row["name"]: row for row in found}


def rows_of(printed: str) -> list[dict[str, Any]]:
    """Return the rows about exchanges: of one JSON document, or of the JSON lines that earlier trees print."""
    try:
        return list(json.loads(printed)["exchanges"])
    except json.JSONDecodeError:
        return [row for line in printed.splitlines() if "bad_answers" in (row := json.loads(line))]


def compare(ours: Sequence[Measured], theirs: Sequence[Measured]) -> list[Figure]:
    """Return the figures of each way of asking that both trees measured in each pass."""
    figures = []
    for way in sorted(ours[0]):
        if way.startswith(_ECHO):
            continue
        for name, more_is_worse in (("server_cpu_us_per_request", True), ("ratio_to_echo", False)):
            ratios = tuple(a[way][name] / b[way][name] for a, b in zip(ours, theirs, strict=True))
            figures.append(
                Figure(way, "node CPU per exchange" if more_is_worse else "rate over echo", ratios, more_is_worse)
            )
    return figures


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare; return 1 where this tree is worse."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.against", description=__doc__)
    parser.add_argument("ref", help="the revision to compare with, such as v0.1.0")
    parser.add_argument("--passes", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--only", default="", choices=["", "unary", "no-hit", "streams"])
    given = parser.parse_args(arguments)
    ours: list[Measured] = []
    theirs: list[Measured] = []
    with tree_of(given.ref) as other:
        for number in range(given.passes):
            sys.stderr.write(f"pass {number + 1} of {given.passes}\n")
            # The order changes with each pass, so that a machine that grows slower favours neither.
            for tree, found in ((PROJECT, ours), (other, theirs))[:: 1 if number % 2 else -1]:
                found.append(measure(tree, given.seconds, given.only))
    figures = compare(ours, theirs)
    sys.stdout.write(f"this tree over {given.ref}, medians of {given.passes} paired passes, 95 % intervals\n")
    sys.stdout.writelines(figure.line() + "\n" for figure in figures)
    return int(any(figure.worse for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
