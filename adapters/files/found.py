"""What a reader of files gives: one document after the other, each with its place, or a reason why it is none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

Place = Sequence[int]
"""Where a row stands in its file, so that it can be read again alone: offset and length, or a number."""


@dataclass(frozen=True, slots=True)
class Found:
    """A row, or the `reason` why there is none. `ends`: nothing after it can be read."""

    place: Place
    document: Any = None
    reason: str = ""


class Reader(Protocol):
    """Reads the files of one table. Raises `Malformed` for a file that cannot be read at all."""

    def columns(self, file: BinaryIO, /) -> list[str]:
        """Return the names of the columns; empty where rows are documents."""

    def scan(self, file: BinaryIO, columns: Sequence[str], /) -> Iterator[Found]:
        """Return all rows; flat ones with these columns only."""

    def one(self, file: BinaryIO, columns: Sequence[str], place: Place, /) -> Any:
        """Return the row at a place that `scan` gave. `Malformed` when there is none."""
