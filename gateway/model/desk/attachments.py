"""Attachments: files that belong to a notice, which their recipient fetches in chunks and opens at its desk."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from gateway.model.marking import Level
from gateway.model.names import ExchangeId

CHUNK = 1024 * 1024
"""The bytes of a chunk: a leaf of the file's tree. The last chunk may be shorter."""

MAX_SIZE = 2 * 1024**3
"""The most bytes of one file."""

MAX_FILES = 16
"""The most files of one notice."""

MAX_NAME = 120


class MediaType(StrEnum):
    """The closed list of types. What can hold other files or run (archives, office files, HTML, SVG) is not on it."""

    JPEG = "image/jpeg"
    PNG = "image/png"
    TIFF = "image/tiff"
    PDF = "application/pdf"
    MP4 = "video/mp4"
    TEXT = "text/plain"
    CSV = "text/csv"


ENDINGS: Mapping[MediaType, tuple[str, ...]] = {
    MediaType.JPEG: (".jpg", ".jpeg"),
    MediaType.PNG: (".png",),
    MediaType.TIFF: (".tif", ".tiff"),
    MediaType.PDF: (".pdf",),
    MediaType.MP4: (".mp4", ".m4v", ".mov"),
    MediaType.TEXT: (".txt", ".log"),
    MediaType.CSV: (".csv",),
}
"""The endings that the name of a file of each type may have."""


class Attachment(msgspec.Struct, frozen=True):
    """A file as a notice names it. `root` is that of the tree (RFC 6962) over its chunks."""

    name: str
    type: MediaType
    size: int
    root: bytes
    marking: Level = Level.OFFICIAL


class FetchWanted(msgspec.Struct, frozen=True):
    """A request for the chunks of a file from number `chunk` on."""

    notice_id: ExchangeId
    root: bytes
    chunk: int = 0


class Chunk(msgspec.Struct, frozen=True):
    """One chunk on its way, with the hashes that lead from it to the root."""

    number: int
    data: bytes
    path: tuple[bytes, ...]


class FileState(StrEnum):
    """The state of a file at this node."""

    WAITING = "waiting"
    """It is fetched from the member whose notice names it."""
    UNSCANNED = "unscanned"
    """It is here, and no scanner has said yet that it is clean."""
    CLEAN = "clean"
    SHUT = "shut"
    """The scanner found something: it is kept shut."""
    REFUSED = "refused"
    """Its owner does not give it, or it is not what the notice says: it is not fetched again."""
    LOST = "lost"
    """The file is gone from this node's disk, and nothing can bring it back."""


def chunk_count(size: int) -> int:
    """Return how many chunks a file of this size has."""
    return (size + CHUNK - 1) // CHUNK


def chunk_size(size: int, number: int) -> int:
    """Return the bytes of a chunk of a file of this size."""
    return min(CHUNK, size - number * CHUNK)
