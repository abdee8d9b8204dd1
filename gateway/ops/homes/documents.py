"""Read documents from files that a command is given, and write them; refuse others and name the wanted document and its
maker.
"""

from __future__ import annotations

import errno
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.errors import LiaisonError, Malformed, Misused, StorageBroken
from gateway.host.durable import replace
from gateway.signing import strict_json

_NO_PLACE: Final = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG)
"""The system's errors for a wrong path. A disk that fails under a right path is no wrong usage."""

_TYPE: Final = "application/vnd.liaison."


@dataclass(frozen=True, slots=True)
class Wanted:
    """The documents that a command takes: their kinds, in words, and the command that writes them."""

    kinds: Collection[str]
    words: str
    made_by: str


CHARTER: Final = Wanted(("charter",), "charter", "`liaison trust draft` and `trust sign` write one")
TRUST: Final = Wanted(
    ("charter", "descriptor", "status", "appointment"),
    "charter, descriptor, status or appointment",
    "`liaison trust draft`, `trust publish` and `audit appoint` write them",
)
POLICY: Final = Wanted(
    ("policy",), "signed policy", "`liaison policy sign FOLDER --version N --key KEY --out FILE` writes one"
)
HOLD: Final = Wanted(("hold",), "hold", "`liaison audit hold draft` and `audit hold lift` write one")
ACT: Final = Wanted(("act",), "act", "`liaison audit erase … --key KEY --out FILE` writes one")
CARD: Final = Wanted(("card",), "member's card", "`liaison init` writes `member.json` into the authority's folder")


def read_document(file: Path, wanted: Wanted) -> bytes:
    """Read a file with one document, of which only the kind is checked. Raises `Malformed`, `Misused`."""
    data = _read(file)
    _check(file, data.strip(), wanted)
    return data


def read_documents(file: Path, wanted: Wanted) -> list[bytes]:
    """Read a file with one document in each line, and with at least one. Raises `Malformed`, `Misused`."""
    lines = [line for line in _read(file).split(b"\n") if line.strip()]
    for line in lines or [b""]:
        _check(file, line, wanted)
    return lines


@contextmanager
def naming(file: Path) -> Iterator[None]:
    """Add to an error about a document the file that it came in."""
    try:
        yield
    except LiaisonError as error:
        error.where = error.where or str(file)
        raise


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise Misused(f"`{file}` cannot be read: {error.strerror}") from error


def _check(file: Path, data: bytes, wanted: Wanted) -> None:
    found = _kind(data)
    if found not in wanted.kinds:
        message = f"this is no {wanted.words}: {_PLAIN.get(found, f'it is a {found}')}"
        raise Malformed(message, code="unknown-document", where=str(file), remedy=wanted.made_by)


_PLAIN: Final = {
    "": "it is no document of Liaison's at all",
    "empty": "there is no document, the file is empty",
    "broken": "it begins like a document, and is cut off or changed; get it again",
    "appointment": "it is an appointment of an auditor",
}


def _kind(data: bytes) -> str:
    """Return the kind that a document states; `empty`, `broken`, or an empty text for another file."""
    if not data.strip():
        return "empty"
    if not data.lstrip().startswith(b"{"):
        return ""
    try:
        value = strict_json.loads(data, len(data))
    except Malformed:
        return "broken"
    if not isinstance(value, dict):
        return ""
    if "signed" in value:
        return "charter"
    if {"member", "authority", "ca"} <= value.keys():
        return "card"
    name = str(value.get("payloadType", ""))
    return name.removeprefix(_TYPE).partition(".")[0] if name.startswith(_TYPE) else ""


def read_charter(file: Path) -> list[bytes]:
    """Read the versions in a charter file, not verified yet. Raises `Misused` for another file."""
    try:
        return read_documents(file, CHARTER)
    except Malformed as error:
        raise Misused(f"`{file}` is no charter: {error.message.partition(': ')[2]}") from error


def write_document(file: Path, data: bytes) -> None:
    """Write a document so that it survives a loss of power. Raises `Misused` where there can be no such file."""
    try:
        replace(file, data.rstrip(b"\n") + b"\n")
    except (StorageBroken, OSError) as error:
        cause = error.__cause__ if isinstance(error, StorageBroken) else error
        if isinstance(cause, OSError) and cause.errno in _NO_PLACE:
            raise Misused(f"`{file}` cannot be written: {cause.strerror}") from error
        raise
