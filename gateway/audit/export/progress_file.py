"""The finished part of an export, in `export.part`: a killed export goes on where it was.

The first line is the plan, durable before anything else is written. Each further line tells of a segment of entries
that was written, with its files and hashes. A line without its end was not fully written. Files that a line names are
hashed again before they count.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gateway.audit.export.layout import PART, LogRange
from gateway.errors import LiaisonError, Malformed
from gateway.host.durable import sync_folder
from gateway.signing import strict_json

_MAX = 1 << 30


@dataclass(frozen=True, slots=True)
class LogPlan:
    """The newest head of a log when the export began, and the part that is to be exported."""

    head: str
    range: LogRange


@dataclass(frozen=True, slots=True)
class Plan:
    """The content of an export, decided once. `appointment` is the hash of the auditor's, empty without one."""

    member: str
    created_us: int
    since_us: int
    until_us: int
    appointment: str
    logs: Mapping[str, LogPlan]

    @property
    def wanted(self) -> tuple[object, ...]:
        """The request; time and heads are those of the moment in which the export began."""
        return self.member, self.since_us, self.until_us, self.appointment


@dataclass(frozen=True, slots=True)
class Done:
    """A written segment: its files with their SHA-256, and the nodes over its complete pieces, in hexadecimal."""

    log: str
    start: int
    files: Mapping[str, str]
    nodes: tuple[str, ...]


class Part:
    """The file `export.part` of an export. One process at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / PART

    def begin(self, plan: Plan) -> None:
        """Write the plan, durably."""
        self._write(asdict(plan))
        sync_folder(self._folder)

    def _write(self, value: dict[str, Any]) -> None:
        rest = memoryview(strict_json.dumps(value) + b"\n")
        with self._path.open("ab", buffering=0) as file:  # a buffer would write a line again that was said to fail
            while rest:
                rest = rest[file.write(rest) :]
            os.fsync(file.fileno())

    def resume(self) -> tuple[Plan, dict[tuple[str, int], Done]] | None:
        """Return the plan and the finished segments, where an export was begun here; else None. Raises `Malformed`."""
        try:
            whole = self._whole_lines()
        except FileNotFoundError:
            return None
        if not whole:
            self._path.unlink()
            return None
        try:
            plan = _plan(strict_json.loads(whole[0], _MAX))
            done = [_done(strict_json.loads(line, _MAX)) for line in whole[1:]]
        except (LiaisonError, TypeError, KeyError, ValueError) as error:
            raise Malformed(
                "what was begun cannot be continued",
                code="bad-part",
                where=str(self._path),
                remedy="remove the folder, then export again",
            ) from error
        return plan, {(item.log, item.start): item for item in done if self._is_whole(item)}

    def _whole_lines(self) -> list[bytes]:
        data = self._path.read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            with self._path.open("r+b") as file:
                file.truncate(whole)
        return data[:whole].split(b"\n")[:-1]

    def add(self, done: Done) -> None:
        """Note a segment whose files are written, durably."""
        self._write(asdict(done) | {"nodes": list(done.nodes)})

    def end(self) -> None:
        """Remove the file: everything is written."""
        self._path.unlink()

    def _is_whole(self, done: Done) -> bool:
        return all(_hash(self._folder / name) == digest for name, digest in done.files.items())


def _done(value: dict[str, Any]) -> Done:
    return Done(**(value | {"nodes": tuple(value["nodes"])}))


def _hash(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return ""


def _plan(value: dict[str, Any]) -> Plan:
    logs = {name: LogPlan(item["head"], LogRange(**item["range"])) for name, item in value.pop("logs").items()}
    return Plan(**value, logs=logs)
