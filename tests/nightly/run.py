"""Run parts one after the other; what was found of a tree is kept, and a call after an interruption goes on there.

Results are in a folder beside the logs, under the hash of all files of the tree: one changed byte begins anew. Of a
part that failed the result stays as well, until it is named: nothing here tries again until it succeeds. A part that
could not be run is taken up by the next call.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.nightly.parts import Part
from tests.support.optional import missing

PASSED, FAILED, NOT_RUN = "passed", "failed", "not run"
_TELL_S = 60.0
_END_S = 20.0
_LAST_LINES = 15


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a part: why it failed or was not run, how long it took, and where its output stands."""

    name: str
    result: str
    minutes: float
    log: str
    why: str = ""


class Night:
    """A folder of results of one tree, locked while it is used."""

    def __init__(self, folder: Path, project: Path) -> None:
        self._folder, self._project = folder, project
        self._kept = folder / "results.json"

    @contextmanager
    def opened(self, forgotten: Collection[str] = ()) -> Iterator[dict[str, Result]]:
        """Yield what is known of the tree as it stands, but for forgotten parts; `SystemExit` in another night."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise SystemExit(f"another night runs in `{self._folder}`") from None
            self._tree = tree_hash(self._project)
            yield {name: result for name, result in self._read().items() if name not in forgotten}

    def run(
        self, parts: Sequence[Part], known: dict[str, Result], again: Collection[str], tell: Callable[[str], None]
    ) -> Iterator[Result]:
        """Run each part of which nothing is known, or that failed and is named in `again`; yield the result of each."""
        for number, part in enumerate(parts, 1):
            done = known.get(part.name)
            if done is not None and (done.result == PASSED or (done.result == FAILED and part.name not in again)):
                tell(f"[{number}/{len(parts)}] {part.name}: {done.result} before, {done.log}")
                yield done
                continue
            log = self._folder / f"{part.name}.log"
            tell(f"[{number}/{len(parts)}] {part.name}: {part.holds} (about {part.minutes} min), {self._shown(log)}")
            result = self._ran(part, log, tell)
            tell(f"    {result.result} after {result.minutes:.1f} min {result.why}".rstrip())
            known[part.name] = result
            self._write(known)
            yield result

    def _ran(self, part: Part, log: Path, tell: Callable[[str], None]) -> Result:
        if lacking := missing(part.needs):
            return Result(part.name, NOT_RUN, 0.0, "-", lacking)
        begun = time.monotonic()
        with log.open("wb") as out:
            process = subprocess.Popen(
                part.command,
                cwd=self._project,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                why = _awaited(process, part, log, tell)
            finally:
                _end(process)
        if why:
            for line in _tail(log)[-_LAST_LINES:]:
                tell(f"    | {line}")
        minutes = round((time.monotonic() - begun) / 60, 2)
        return Result(part.name, FAILED if why else PASSED, minutes, self._shown(log), why)

    def _shown(self, log: Path) -> str:
        return str(log.relative_to(self._project) if log.is_relative_to(self._project) else log)

    def _read(self) -> dict[str, Result]:
        with suppress(FileNotFoundError, ValueError, KeyError, TypeError):
            kept = json.loads(self._kept.read_text(encoding="utf-8"))
            if kept["tree"] == self._tree:
                return {row["name"]: Result(**row) for row in kept["parts"]}
        return {}

    def _write(self, known: dict[str, Result]) -> None:
        new = self._kept.with_suffix(".new")
        new.write_text(json.dumps({"tree": self._tree, "parts": [asdict(row) for row in known.values()]}, indent=2))
        new.replace(self._kept)


def tree_hash(project: Path) -> str:
    """Return the hash that git gives all files of a tree as they stand: changed and new ones too, ignored ones not."""
    with tempfile.TemporaryDirectory() as folder:
        index = os.environ | {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        for command in (("add", "--all"), ("write-tree",)):
            done = subprocess.run(("git", *command), cwd=project, env=index, capture_output=True, text=True)
            if done.returncode:
                raise SystemExit(f"a night needs a git clone: {done.stderr.strip()}")
    return done.stdout.strip()


def _awaited(process: subprocess.Popen[bytes], part: Part, log: Path, tell: Callable[[str], None]) -> str:
    """Wait until a part has ended, tell now and then how far it is, and return why it failed, or nothing."""
    begun = time.monotonic()
    while (passed := time.monotonic() - begun) < part.limit_s:
        try:
            code = process.wait(min(_TELL_S, part.limit_s - passed))
        except subprocess.TimeoutExpired:
            tell(f"    {(time.monotonic() - begun) / 60:.0f} min: {(_tail(log) or [''])[-1][:100]}")
            continue
        return f"exit code {code}" if code else ""
    return f"no end within {part.limit_s / 60:.0f} min"


def _end(process: subprocess.Popen[bytes]) -> None:
    """End whatever a part has left running in its session."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_END_S)


def _tail(log: Path) -> list[str]:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 8192))
        return [line for line in file.read().decode("utf-8", "replace").splitlines() if line.strip()]
