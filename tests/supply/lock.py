"""Read the lock files: each package with its version, the condition it is installed under, and its hashes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.shared import PROJECT

LOCKS: Final = tuple(PROJECT / "requirements" / f"{name}.lock" for name in ("base", "dev", "fuzz"))
BASE, DEV = LOCKS[:2]

_BLOCK = re.compile(r"^[a-z0-9].*?(?=^[a-z0-9]|\Z)", re.MULTILINE | re.DOTALL)
_HEAD = re.compile(r"([a-z0-9._-]+)==([^\s;]+)(?:\s*;\s*([^\\\n]+?))?\s*\\\n")
_VIA = re.compile(r"^    #(?: via)? +(\S.*)$", re.MULTILINE)
_PROJECT = "liaison-gateway"


@dataclass(frozen=True, slots=True)
class Locked:
    """One package of a lock. `wanted_by` names the packages that need it, and the project itself."""

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]
    wanted_by: tuple[str, ...]


def read(lock: Path) -> list[Locked]:
    """Return the packages of a lock; raise `ValueError` for any other block, so that none is passed over."""
    return list(_packages(lock.read_text(encoding="utf-8"), lock.name))


def _packages(text: str, where: str) -> Iterator[Locked]:
    for block in _BLOCK.findall(text):
        head = _HEAD.match(block)
        hashes = tuple(re.findall(r"--hash=sha256:([0-9a-f]{64})", block))
        if head is None or not hashes:
            raise ValueError(f"{where}: `{block.splitlines()[0]}` is no locked package with hashes")
        wanted_by = tuple(_name(line) for line in _VIA.findall(block) if not line.startswith(("via", "-c")))
        yield Locked(head[1], head[2], head[3] or "", hashes, wanted_by)


def _name(line: str) -> str:
    """Return who wants a package: another package, the project, or one of the project's groups of developers."""
    name, _, where = line.partition(" ")
    group = where.partition(":")[2].rstrip(")")
    return f"{name}:{group}" if group else name


def extras() -> list[Locked]:
    """Return the packages that are installed with extras of the product only."""
    base, locked = {package.name for package in read(BASE)}, read(DEV)
    shipped = {_PROJECT} | base
    while found := {package.name for package in locked if shipped.intersection(package.wanted_by)} - shipped:
        shipped |= found
    return [package for package in locked if package.name in shipped - base]
