"""Put each mistake into a copy, run the tests that name its place, and keep what came of it."""

from __future__ import annotations

import hashlib
import json
import queue
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tests.mutants.copies import Copy, Run
from tests.mutants.rows import Mutant
from tests.support.shared import PROJECT

HANGS_S = 60.0
KILLED, HUNG, SURVIVED, BROKEN = "killed", "hung", "survived", "broken"
"""What came of a mistake: one with which the tests hang was seen as well, and the last two are never right."""


@dataclass(frozen=True)
class Outcome:
    """What came of one mistake, and which test fell first or what was wrong."""

    name: str
    verdict: str
    detail: str
    seconds: float
    kept: bool = False


class Runs:
    """Runs mistakes side by side, each worker with a copy of the tree of its own.

    What came of each is kept in `tmp/mutants` of the tree, and known until its row, its file or its tests change.
    """

    def __init__(
        self,
        mutants: Sequence[Mutant],
        *,
        jobs: int = 2,
        fresh: bool = False,
        tree: Path = PROJECT,
        hangs_s: float = HANGS_S,
    ) -> None:
        self._mutants = mutants
        self._jobs = jobs
        self._fresh = fresh
        self._tree = tree
        self._kept = tree / "tmp" / "mutants"
        self._hangs_s = hangs_s

    def outcomes(self) -> Iterator[Outcome]:
        """Yield what is known, then each outcome as soon as it is there."""
        pending = []
        for mutant in self._mutants:
            if (known := None if self._fresh else self._known(mutant)) is None:
                pending.append(mutant)
            else:
                yield known
        if pending:
            with tempfile.TemporaryDirectory(prefix="liaison-mutants-") as folder:
                yield from self._run(pending, Path(folder))

    def _run(self, pending: Sequence[Mutant], folder: Path) -> Iterator[Outcome]:
        copies: queue.SimpleQueue[Copy] = queue.SimpleQueue()
        stop = threading.Event()
        for number in range(min(self._jobs, len(pending))):
            copies.put(Copy(self._tree, folder / str(number)))
        with ThreadPoolExecutor(max_workers=self._jobs) as workers:
            try:
                before = self._without(pending, copies, workers)
                yield from (
                    outcome
                    for outcome in workers.map(lambda mutant: self._tried(mutant, before, copies, stop), pending)
                    if outcome
                )
            finally:
                stop.set()

    def _without(
        self, pending: Sequence[Mutant], copies: queue.SimpleQueue[Copy], workers: ThreadPoolExecutor
    ) -> list[Run]:
        """Run all named tests without any mistake: what is red then tells nothing of a mistake."""
        tests = sorted({test for mutant in pending for test in mutant.tests})
        files = sorted({test.partition("::")[0] for test in tests})
        shares = [
            [test for test in tests if test.partition("::")[0] in files[n :: self._jobs]] for n in range(self._jobs)
        ]

        def run(share: list[str]) -> Run:
            copy = copies.get()
            try:
                seen = copy.run(share, limit=None, first=False)
            finally:
                copies.put(copy)
            assert seen.code in (0, 1), seen.tail
            return seen

        return list(workers.map(run, filter(None, shares)))

    def _tried(
        self, mutant: Mutant, before: Sequence[Run], copies: queue.SimpleQueue[Copy], stop: threading.Event
    ) -> Outcome | None:
        if stop.is_set():
            return None
        if red := [name for run in before for name in (*run.failed, *run.unrun) if mutant.names(name)]:
            return Outcome(mutant.name, BROKEN, f"{red[0]} does not pass without the mistake", 0.0)
        # On a busy machine the same tests have just taken longer, too.
        usual_s = sum(took for run in before for name, took in run.seconds.items() if mutant.names(name))
        copy = copies.get()
        began = time.monotonic()
        try:
            with copy.mistaken(mutant):
                seen = copy.run(mutant.tests, limit=self._hangs_s + usual_s)
            kept = self._kept / f"{_key(mutant, copy.root)}.json"
        finally:
            copies.put(copy)
        if seen.code is None:
            verdict, detail = HUNG, f"ended {self._hangs_s:.0f} s after its time"
        elif seen.code == 0 and seen.passed:
            verdict, detail = SURVIVED, "no test saw it"
        elif seen.code == 0:
            verdict, detail = BROKEN, "its tests are skipped here"
        elif seen.failed:
            verdict, detail = KILLED, seen.failed[0]
        else:
            verdict, detail = BROKEN, f"no test could be run with it: {seen.tail}"
        outcome = Outcome(mutant.name, verdict, detail, round(time.monotonic() - began, 1))
        if verdict != BROKEN:
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps(asdict(outcome)), encoding="utf-8")
        return outcome

    def _known(self, mutant: Mutant) -> Outcome | None:
        path = self._kept / f"{_key(mutant, self._tree)}.json"
        return replace(Outcome(**json.loads(path.read_text(encoding="utf-8"))), kept=True) if path.exists() else None


def _key(mutant: Mutant, tree: Path) -> str:
    """Return what an outcome is kept under: the row, its file and its tests, byte for byte."""
    whole = hashlib.sha256(repr(mutant).encode())
    for name in (mutant.file, *mutant.test_files):
        whole.update(hashlib.sha256((tree / name).read_bytes()).digest())
    return whole.hexdigest()[:40]
