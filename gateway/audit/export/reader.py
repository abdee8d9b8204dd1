"""Read an export for the verifier. File names come from us, never from the export; sizes are limited."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from gateway.audit.export.files import hash_file, read_file
from gateway.audit.export.layout import (
    APPOINTMENT,
    CHARTER,
    MANIFEST,
    NAMES,
    POLICIES,
    SIGNATURE,
    VERSION,
    LogRange,
    export_origin,
    log_folder,
)
from gateway.audit.export.log_reader import ExportLog
from gateway.audit.tree.checkpoint import signed_head
from gateway.audit.tree.tiles import places
from gateway.clock import to_us
from gateway.errors import Malformed
from gateway.model.names import MemberId, member_id
from gateway.signing import strict_json
from gateway.signing.keys import VerifyKey

_MAX_MANIFEST = 64 * 1024 * 1024
_MAX_NOTE = 256 * 1024
_MAX_DOCUMENT = 64 * 1024 * 1024
_MEMBERS = {"v", "member", "created", "since", "until", "appointment", "auditor", "appointed_by", "logs", "files"}
_RANGE = {"size", "first", "stop", "low", "high"}
_DOCUMENTS = ("trust/", f"{POLICIES}/", f"{NAMES}/")
_LOG = re.compile(r"(?:exchange|operations)/[1-9][0-9]{0,8}", re.ASCII)
_FILE = re.compile(r"[a-z0-9._-]+(?:/[a-z0-9._-]+){0,12}", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
_MAX_SIZE = 1 << 40


class ExportReader:
    """An export in a folder. Raises `Malformed` when there is none.

    The manifest's content (`member`, times, ranges) is the exporter's word until `check_files` finds it signed.
    `appointment_hash` is empty where the export is made for no auditor.
    """

    def __init__(self, folder: Path) -> None:
        if not (folder / MANIFEST).is_file():
            raise _bad(f"`{MANIFEST}` is missing")
        self.folder = folder
        self._manifest = read_file(folder, MANIFEST, _MAX_MANIFEST)
        value = strict_json.loads(self._manifest, _MAX_MANIFEST)
        if not isinstance(value, dict) or value.keys() != _MEMBERS or value["v"] != VERSION:
            raise _bad(f"its manifest is not one of version {VERSION}")
        self.member: MemberId = member_id(str(value["member"]))
        self.created_us = _moment(value["created"])
        self.since_us, self.until_us = (_moment(value[name]) if value[name] else 0 for name in ("since", "until"))
        self.appointment_hash = value["appointment"]
        if self.appointment_hash != "" and not _is_hash(self.appointment_hash):
            raise _bad("it does not say for whom it was made")
        self._ranges = _ranges(value["logs"])
        self._files: dict[str, str] = _files(value["files"])
        for name, item in self._ranges.items():
            self._check_bundles(name, item)

    def _check_bundles(self, name: str, part: LogRange) -> None:
        """Raise `Malformed` unless the range has as many bundles as are listed: a false one would never end."""
        prefix = f"{log_folder(name)}/tile/entries/"
        listed = sum(1 for file in self._files if file.startswith(prefix))
        if listed != len(places(part.first, part.stop)):
            raise _bad(f"its manifest lists {listed} bundles of {name}, and names another range")

    def descriptors(self) -> list[bytes]:
        """Return the descriptors that the export carries."""
        found: list[bytes] = []
        for name in self._named("trust/descriptors/"):
            found += [line for line in read_file(self.folder, name, _MAX_DOCUMENT).split(b"\n") if line]
        return found

    def charter(self) -> list[bytes]:
        """Return the versions of the charter that the export carries, not verified; none where it has no such file."""
        if CHARTER not in self._files:
            return []
        return [line for line in read_file(self.folder, CHARTER, _MAX_DOCUMENT).split(b"\n") if line]

    def appointment(self) -> bytes:
        """Return the appointment that the export carries, not verified; empty when there is none."""
        return read_file(self.folder, APPOINTMENT, _MAX_DOCUMENT) if APPOINTMENT in self._files else b""

    def policies(self) -> Iterator[tuple[str, bytes]]:
        """Yield the policies that the export carries, with the hash in each name."""
        for name in self._named(f"{POLICIES}/"):
            yield Path(name).stem, read_file(self.folder, name, _MAX_DOCUMENT)

    def name_tables(self, largest: int) -> Iterator[tuple[str, bytes]]:
        """Yield the member's own tables of names, by the name of the table. Raises `Malformed` for a larger one."""
        for name in self._named(f"{NAMES}/"):
            yield Path(name).stem, read_file(self.folder, name, largest)

    def _named(self, prefix: str) -> list[str]:
        return [name for name in sorted(self._files) if name.startswith(prefix)]

    def check_files(self, keys: Sequence[VerifyKey], read: Mapping[str, str], *, complete: bool) -> Iterator[str]:
        """Yield the faults of the manifest and the files; none when they are as they were signed.

        `read` are hashes of files that were read already; `complete`: every log could be read to its end. A file that
        was not read then is a document, or does not belong to an export.
        """
        if not self._signed(keys):
            yield "the manifest is not signed by a listed log key"
        for name in sorted(read.keys() - self._files.keys()):
            yield f"`{name}` is not in the manifest"
        for name, expected in self._files.items():
            found = read.get(name)
            if found is None and name.startswith(_DOCUMENTS):
                found = hash_file(self.folder, name, _MAX_DOCUMENT)
            if found == "":
                yield f"`{name}` is missing, or cannot be read"
            elif found is not None and found != expected:
                yield f"`{name}` is not the file that was exported"
            elif found is None and complete:
                yield f"`{name}` is no file of an export"

    def _signed(self, keys: Sequence[VerifyKey]) -> bool:
        try:
            note = read_file(self.folder, SIGNATURE, _MAX_NOTE)
        except Malformed:
            return False
        head = signed_head(note, export_origin(self.member), keys)
        return head is not None and head.root == hashlib.sha256(self._manifest).digest()

    def logs(self) -> list[ExportLog]:
        """Return the logs in the export."""
        return [ExportLog(self.folder, self.member, name, item) for name, item in self._ranges.items()]


def exchange_logs(export: ExportReader) -> list[ExportLog]:
    """Return the exchange logs of an export, the oldest first."""
    logs = [log for log in export.logs() if log.name.startswith("exchange/")]
    return sorted(logs, key=lambda log: int(log.name.partition("/")[2]))


def is_file_name(name: str) -> bool:
    """Tell whether a file of an export may have this name."""
    return _FILE.fullmatch(name) is not None and all(part.strip(".") for part in name.split("/"))


def _moment(value: Any) -> int:
    """Return a time in the manifest, in microseconds since 1970."""
    try:
        return to_us(datetime.fromisoformat(value))
    except (TypeError, ValueError, OverflowError) as error:
        raise _bad("a time in its manifest is none") from error


def _is_hash(value: Any) -> bool:
    return isinstance(value, str) and _HASH.fullmatch(value) is not None


def _ranges(value: Any) -> dict[str, LogRange]:
    if not isinstance(value, dict):
        raise _bad("its list of logs is not one")
    found = {}
    for name, item in value.items():
        if not _LOG.fullmatch(name) or not isinstance(item, dict) or item.keys() != _RANGE:
            raise _bad("its list of logs is not one")
        if not all(type(number) is int and 0 <= number < _MAX_SIZE for number in item.values()):
            raise _bad("its list of logs is not one")
        found[name] = LogRange(**item)
        found[name].check()
    return found


def _files(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise _bad("its list of files is not one")
    for name, digest in value.items():
        if not is_file_name(name) or not _is_hash(digest):
            raise _bad("a file's name in the manifest is not allowed")
    return value


def _bad(why: str) -> Malformed:
    return Malformed(
        "this is not an export: {why}",
        code="bad-export",
        where="export",
        remedy="make it again with `liaison audit export`",
        why=why,
    )
