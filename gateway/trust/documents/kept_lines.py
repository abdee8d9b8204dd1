"""Files of documents, one a line, and the folder of those that contradict a document held."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Generic, TypeVar

from gateway.errors import LiaisonError, StorageBroken, TooLarge
from gateway.host.durable import make_folder, replace
from gateway.trust.documents.charter import MAX_CHARTER, Charter, parse_charter
from gateway.trust.documents.descriptor import Descriptor, parse_descriptor
from gateway.trust.documents.status import Status, parse_status

V = TypeVar("V")

MAX_KEPT = 8
"""Documents of one kind and member that are kept as evidence."""

_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
_MAX_FILE = 64 * MAX_CHARTER

Contradicting = Charter | Descriptor | Status
_About = tuple[str, str, int]
"""Kind, member and version of a document."""


def read_lines(path: Path) -> list[bytes]:
    """Return the lines of a file; none where there is no file. Raises `StorageBroken`, `TooLarge`."""
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_FILE + 1)
    except FileNotFoundError:
        return []
    except OSError as error:
        remedy = "use the account that it belongs to, or mend its permissions or its disk"
        raise StorageBroken(
            "cannot be read: {strerror}", where=str(path), remedy=remedy, strerror=error.strerror
        ) from error
    if len(data) > _MAX_FILE:
        raise TooLarge("more than {limit} bytes", where=str(path), limit=_MAX_FILE)
    return [line for line in data.split(b"\n") if line]


def write_lines(path: Path, lines: Iterable[bytes]) -> None:
    """Write a file of lines, durably, in the place of the one before."""
    make_folder(path.parent)
    replace(path, b"".join(line + b"\n" for line in lines))


class Once(Generic[V]):
    """What was read and verified, by name: it is verified again only when what it follows from has changed."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[object, V]] = {}

    def get(self, name: str, source: object, make: Callable[[], V]) -> V:
        """Return what `make` made of an equal `source`, or makes of it now."""
        held = self._held.get(name)
        if held is None or held[0] != source:
            held = self._held[name] = (source, make())
        return held[1]


class Conflicts:
    """The signed documents that contradict one held, each under the hash of what is signed.

    Other signatures under the same document make no other evidence. A member's many documents keep out no other
    member's: of one kind and member there are `MAX_KEPT`, and one about a newer version takes the place of the oldest.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, _About] = {}

    def hashes(self) -> frozenset[bytes]:
        """Return the hashes under which documents are kept."""
        return frozenset(bytes.fromhex(path.stem) for path in self._folder.glob("*.json") if _HASH.fullmatch(path.stem))

    def get(self, digest: bytes) -> list[bytes]:
        """Return the document that is kept under a hash, if there is one."""
        return read_lines(self._path(digest))

    def all(self) -> list[bytes]:
        """Return all documents."""
        return [line for path in sorted(self._folder.glob("*.json")) for line in read_lines(path)]

    def keep(self, new: Contradicting) -> Path:
        """Keep a document, unless as many are kept about as new a version; return its place."""
        path, about = self._path(new.hash), _about(new)
        beside = sorted(
            (kept[2], other.name)
            for other in self._folder.glob("*.json")
            if (kept := self._about(other))[:2] == about[:2] and other != path
        )
        if path.exists() or (len(beside) >= MAX_KEPT and beside[0][0] >= about[2]):
            return path
        write_lines(path, [new.data])
        if len(beside) >= MAX_KEPT:
            (self._folder / beside[0][1]).unlink(missing_ok=True)
        return path

    def _path(self, digest: bytes) -> Path:
        return self._folder / f"{digest.hex()}.json"

    def _about(self, path: Path) -> _About:
        """Return what a kept document is about; each is read once."""
        if path.name not in self._known:
            found = (_about(item) for line in read_lines(path) for item in _read(line))
            self._known[path.name] = next(found, ("", "", 0))
        return self._known[path.name]


def _about(item: Contradicting) -> _About:
    if isinstance(item, Charter):
        return "charter", "", item.version
    if isinstance(item, Descriptor):
        return "descriptor", item.member, item.version
    return "status", item.member, item.descriptor_version


def _read(line: bytes) -> Iterable[Contradicting]:
    with suppress(LiaisonError):
        yield parse_charter(line).charter
    with suppress(LiaisonError):
        yield parse_descriptor(line)[0]
    with suppress(LiaisonError):
        yield parse_status(line)[0]
