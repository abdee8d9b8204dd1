"""The exports in a home: those that auditors have made at the console, and those of counterparts beside them.

One that was made at the console holds what its auditor's mandate allows. So it is that auditor's alone, and it is
deleted after a day. Exports of counterparts are put there by an administrator, or brought at the console by an auditor,
and are only compared. One that was brought is that auditor's alone, and is deleted after a day as well.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tarfile
import threading
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gateway.audit.export.layout import MANIFEST
from gateway.errors import Unknown

KEPT_US = 24 * 3600 * 1_000_000
"""The time for which an export that was made at the console, or brought there, is kept."""

BROUGHT = "brought-"
"""The beginning of the names of exports that were brought at the console."""

_OWN = "made-"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)


@dataclass(frozen=True, slots=True)
class KeptExport:
    """An export. `is_own` is False for one of a counterpart; `size` is in bytes.

    `brought_from` is the member whose export an auditor brought; empty for all others.
    """

    name: str
    folder: Path
    is_own: bool
    size: int
    made_us: int
    brought_from: str = ""


def export_name(person: str, act: str) -> str:
    """Return the name of a person's export that an act announced."""
    return f"{_of(person)}{act[:16]}"


def brought_name(person: str, member: str) -> str:
    """Return the name of the export of a member that a person brought."""
    return f"{_brought(person)}{member}"


def kept_exports(exports: Path, person: str) -> list[KeptExport]:
    """Return the finished exports that a person may use, the newest first."""
    found = []
    with suppress(FileNotFoundError):
        for folder in exports.iterdir():
            is_own = folder.name.startswith(_of(person))
            is_other = not folder.name.startswith((_OWN, BROUGHT)) and _NAME.fullmatch(folder.name)
            brought = folder.name.removeprefix(_brought(person)) if folder.name.startswith(_brought(person)) else ""
            if (is_own or is_other or brought) and not folder.is_symlink() and (folder / MANIFEST).is_file():
                made_us = (folder / MANIFEST).stat().st_mtime_ns // 1000
                size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
                found.append(KeptExport(folder.name, folder, is_own, size, made_us, brought))
    return sorted(found, key=lambda item: -item.made_us)


def export_named(exports: Path, person: str, name: str) -> KeptExport:
    """Return an export that a person may use. Raises `Unknown`, for those of other persons too."""
    for item in kept_exports(exports, person):
        if item.name == name:
            return item
    raise Unknown("there is no such export", code="no-such-export", where="exports")


def packed(folder: Path) -> Generator[bytes]:
    """Yield a folder as a tar file, as it is read. Ending the iteration ends the packing."""
    read, write = os.pipe()
    packing = threading.Thread(target=_pack, args=(folder, write), daemon=True)
    packing.start()
    try:
        while part := os.read(read, 65_536):
            yield part
    finally:
        os.close(read)
        packing.join()


def _pack(folder: Path, write: int) -> None:
    with suppress(BrokenPipeError), os.fdopen(write, "wb") as file, tarfile.open(fileobj=file, mode="w|") as archive:
        archive.add(folder, folder.name)


def remove_export(item: KeptExport) -> None:
    """Delete an export that was made at the console."""
    if item.is_own:
        shutil.rmtree(item.folder, ignore_errors=True)


def remove_old(exports: Path, now_us: int) -> int:
    """Delete exports that were made or brought at the console and whose time is over; return their number."""
    count = 0
    with suppress(FileNotFoundError):
        for folder in exports.iterdir():
            if folder.name.startswith((_OWN, BROUGHT)) and now_us - folder.stat().st_mtime_ns // 1000 > KEPT_US:
                shutil.rmtree(folder, ignore_errors=True)
                count += 1
    return count


def remove_brought(exports: Path, person: str) -> None:
    """Delete what a person has brought before."""
    for folder in exports.iterdir():
        if folder.name.startswith(_brought(person)):
            shutil.rmtree(folder, ignore_errors=True)


def _of(person: str) -> str:
    return f"{_OWN}{_short(person)}-"


def _brought(person: str) -> str:
    return f"{BROUGHT}{_short(person)}-"


def _short(person: str) -> str:
    return hashlib.sha256(person.encode()).hexdigest()[:16]
