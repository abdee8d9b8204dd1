"""Reads an export for the verifier. Names of files come from us, never from the export; sizes are limited."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from gateway.audit.checkpoint import verify_checkpoint
from gateway.audit.evidence import LogEvidence, Row
from gateway.audit.export import MANIFEST, SIGNATURE, export_origin
from gateway.audit.tiles import WIDTH, read_bundle, read_leaves, tile_path, widths
from gateway.clock import to_us
from gateway.errors import LiaisonError, Malformed
from gateway.model.names import MemberId, member_id
from gateway.signing import strict_json
from gateway.signing.keys import VerifyKey

_MAX_MANIFEST = 256 * 1024 * 1024
_MAX_LINE = 4 * 1024 * 1024
_MAX_DOCUMENT = 64 * 1024 * 1024
_LOG = re.compile(r"(?:exchange|operations)/[1-9][0-9]{0,8}", re.ASCII)
_FILE = re.compile(r"[a-z0-9.-]+(?:/[a-z0-9.-]+){0,12}", re.ASCII)
_CHUNK = 1 << 20


class ExportReader:
    """An export in a folder. Raises `Malformed` when there is none."""

    def __init__(self, folder: Path) -> None:
        if not (folder / MANIFEST).is_file():
            raise _bad(f"`{MANIFEST}` is missing")
        self._folder = folder
        self._manifest = _read(folder, MANIFEST, _MAX_MANIFEST)
        value = strict_json.loads(self._manifest, _MAX_MANIFEST)
        if (
            not isinstance(value, dict)
            or value.keys() != {"v", "member", "created", "logs", "files"}
            or value["v"] != 1
        ):
            raise _bad("its manifest is not one of version 1")
        self.member: MemberId = member_id(str(value["member"]))
        self.created_us = _moment(value["created"])
        self._sizes: dict[str, int] = _sizes(value["logs"])
        self._files: dict[str, str] = _files(value["files"])

    def descriptors(self) -> list[bytes]:
        """Descriptors that the export carries."""
        found: list[bytes] = []
        for name in sorted(self._files):
            if name.startswith("trust/descriptors/"):
                data = _read(self._folder, name, _MAX_DOCUMENT)
                found += [line for line in data.split(b"\n") if line]
        return found

    def check_files(self, keys: Sequence[VerifyKey]) -> Iterator[str]:
        """What is wrong with manifest and files; nothing when they are as they were signed."""
        if not self._signed(keys):
            yield "the manifest is not signed by a listed log key"
        for name, expected in self._files.items():
            path = self._folder / name
            if path.is_symlink() or not path.is_file():
                yield f"`{name}` is missing"
            elif _hash(path) != expected:
                yield f"`{name}` is not the file that was exported"

    def _signed(self, keys: Sequence[VerifyKey]) -> bool:
        try:
            note = _read(self._folder, SIGNATURE, _MAX_LINE)
        except Malformed:
            return False
        for key in keys:
            try:
                head = verify_checkpoint(note, export_origin(self.member), key)
            except LiaisonError:
                continue
            return head.root == hashlib.sha256(self._manifest).digest()
        return False

    def logs(self) -> list[LogEvidence]:
        """The logs in it."""
        return [ExportLog(self._folder / name.replace("/", "-"), name, size) for name, size in self._sizes.items()]


class ExportLog:
    """A log in an export."""

    def __init__(self, folder: Path, name: str, size: int) -> None:
        self.name = name
        self.size = size
        self._folder = folder

    def heads(self) -> list[bytes]:
        """The one head that it carries."""
        return [_read(self._folder, "checkpoint", _MAX_LINE)]

    def rows(self) -> Iterator[Row]:
        """Rows with their openings and statements. Raises `Malformed` for files that cannot be read."""
        leaves = self._leaves()
        openings = _Lines(self._folder / "openings.jsonl")
        statements = _Lines(self._folder / "statements.jsonl")
        for place, width in widths(self.size):
            data = _read(self._folder, tile_path("entries", place, width), WIDTH * (1 << 16) + 2 * WIDTH)
            for offset, body in enumerate(read_bundle(data, width)):
                index = place * WIDTH + offset
                opening, kept = openings.take(index), statements.take(index)
                yield _row(index, body, next(leaves), opening, kept)

    def _leaves(self) -> Iterator[bytes]:
        try:
            yield from read_leaves(self._folder, self.size)
        except OSError as error:
            name = Path(str(error.filename)).relative_to(self._folder)
            raise _broken(f"`{name}` is missing or cannot be read") from error


class _Lines:
    """A file of JSON lines, each with an `index` that goes up."""

    def __init__(self, path: Path) -> None:
        self._lines = _lines(path)
        self._next = next(self._lines, None)

    def take(self, index: int) -> dict[str, Any]:
        """The line of `index`, or an empty one."""
        while self._next is not None and self._next["index"] < index:
            self._next = next(self._lines, None)
        if self._next is None or self._next["index"] != index:
            return {}
        found, self._next = self._next, next(self._lines, None)
        return found


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open("rb") as file:
            while line := file.readline(_MAX_LINE):
                value = json.loads(line)
                if not isinstance(value, dict) or not isinstance(value.get("index"), int):
                    raise _bad(f"a line of `{path.name}` is not an opening or a statement")
                yield value
    except (OSError, ValueError, RecursionError) as error:
        raise _bad(f"`{path.name}` cannot be read") from error


def _row(index: int, body: bytes, leaf: bytes, opening: dict[str, Any], kept: dict[str, Any]) -> Row:
    try:
        private = base64.b64decode(opening["private"], validate=True) if "private" in opening else None
        request = base64.b64decode(kept.get("request", ""), validate=True)
        answer = base64.b64decode(kept.get("answer", ""), validate=True)
    except (binascii.Error, ValueError, TypeError):
        return Row(index, body, leaf, None, b"", b"", problem="its opening or statements are not base64")
    erased = str(opening.get("erased", ""))[:80]
    if private is None and not erased:
        return Row(index, body, leaf, None, b"", b"", erased="not in the export")
    return Row(index, body, leaf, private, request, answer, erased=erased if private is None else "")


def _moment(value: Any) -> int:
    """When the export was made, by its own signed word, in microseconds since 1970."""
    try:
        return to_us(datetime.fromisoformat(value))
    except (TypeError, ValueError) as error:
        raise _bad("it does not say when it was made") from error


def _sizes(value: Any) -> dict[str, int]:
    if not isinstance(value, dict):
        raise _bad("its list of logs is not one")
    for name, size in value.items():
        if not _LOG.fullmatch(name) or type(size) is not int or size < 0:
            raise _bad("its list of logs is not one")
    return value


def _files(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise _bad("its list of files is not one")
    for name, digest in value.items():
        if (
            not _FILE.fullmatch(name)
            or any(part.strip(".") == "" for part in name.split("/"))
            or type(digest) is not str
        ):
            raise _bad("a file's name in the manifest is not allowed")
    return value


def _read(folder: Path, name: str, limit: int) -> bytes:
    path = folder / name
    try:
        if path.is_symlink() or not path.is_file():
            raise _broken(f"`{name}` is missing")
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise _broken(f"`{name}` cannot be read") from error
    if len(data) > limit:
        raise _broken(f"`{name}` is too large")
    return data


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _broken(why: str) -> Malformed:
    return Malformed(why, code="broken-export", where="export", remedy="get the whole export again")


def _bad(why: str) -> Malformed:
    return Malformed(
        f"this is not an export: {why}",
        code="bad-export",
        where="export",
        remedy="make it again with `liaison audit export`",
    )
