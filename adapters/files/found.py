"""The results of a reader of files: one document after the other, each with its place, or with the reason for none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

Place = Sequence[int]
"""The place of a row in its file, by which it can be read again alone: offset and length, or a number."""


@dataclass(frozen=True, slots=True)
class Found:
    """A row, or the `reason` why there is none."""

    place: Place
    document: Any = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RawFile:
    """A file of texts as bytes: its header and its first rows, and the character set that the mapping says."""

    name: str
    encoding: str
    rows: Sequence[Sequence[bytes]]


class Reader(Protocol):
    """Reads the files of one table. Raises `Malformed` for a file that cannot be read at all."""

    def columns(self, file: BinaryIO, /) -> list[str]:
        """Return the names of the columns; empty where rows are documents."""

    def scan(self, file: BinaryIO, columns: Sequence[str], /) -> Iterator[Found]:
        """Yield all rows; flat ones with these columns only."""

    def one(self, file: BinaryIO, columns: Sequence[str], place: Place, /) -> Any:
        """Return the row at a place that `scan` gave. Raises `Malformed` when there is none."""
