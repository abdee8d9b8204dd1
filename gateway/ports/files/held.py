"""The files of notices: their rows, and the sealed chunks beside the database.

A file lies sealed under a key of its own. That key is in its rows, sealed as all values of the desk are: it goes with
the last row, and with the month's key from every backup.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Protocol

import msgspec

from gateway.model.desk.attachments import Attachment, FileState
from gateway.model.desk.threads import ThreadKey
from gateway.model.names import ExchangeId, MemberId

ByteReader = Callable[[int, int], bytes]
"""Returns up to so many bytes of a file from an offset on."""

KEY_BYTES = 32
"""Gives the size of the key under which a file lies sealed."""


class HeldFile(msgspec.Struct, frozen=True):
    """A file that a notice names, or one that an officer has brought and no notice names yet.

    Of the latter `peer` and `thread_id` are empty, `notice_id` is its own id, and `officer` the person who brought it.
    `file` names its sealed bytes, which several rows share where one file goes to several members; `key` opens them.
    `due_us` is when it is fetched or scanned next, and `problem` the code of why that failed. `original` is the SHA-256
    of a table whose formulas people get as texts.
    """

    peer: MemberId
    notice_id: ExchangeId
    thread_id: str
    about: Attachment
    ours: bool
    state: FileState
    file: str
    key: bytes
    time_us: int
    officer: str = ""
    due_us: int = 0
    tries: int = 0
    problem: str = ""
    original: bytes = b""

    @property
    def place(self) -> tuple[str, str, bytes]:
        """The key of its row."""
        return self.peer, self.notice_id, self.about.root


class FileRows(Protocol):
    """The rows of files. Thread-safe; those of a notice are written with its entry."""

    def put(self, row: HeldFile) -> None:
        """Write the row of a file that no notice names yet."""

    def note(self, row: HeldFile) -> bool:
        """Write what changed of a row (state, time, tries, problem); False where it is there no more."""

    def of_thread(self, key: ThreadKey) -> list[HeldFile]:
        """Return the files of a thread."""

    def one(self, peer: str, notice_id: str, root: bytes) -> HeldFile | None:
        """Return the file that a notice names by its root, or None."""

    def brought(self, root: bytes) -> HeldFile | None:
        """Return a file with this root that an officer of ours has brought and that is still kept for notices."""

    def upload(self, file_id: str) -> HeldFile | None:
        """Return a file by the id that it got when an officer brought it, or None."""

    def due(self, states: Collection[FileState], now_us: int, limit: int) -> list[HeldFile]:
        """Return files in these states whose time has come: the first due of each counterpart and of ours, then the
        second of each, and so on. So none of them waits behind all files of another."""

    def used(self, peer: str, begun: Collection[str] = ()) -> int:
        """Return the bytes of all files of one counterpart's notices that are here, or of ours for an empty name.

        `begun` are files of which a part is here: as far as they wait, the whole of them counts.
        """

    def names(self) -> set[str]:
        """Return the names of all sealed files that some row names."""

    def forget_brought(self, before_us: int) -> int:
        """Delete the rows of files that were brought before a time for notices; return their number."""


class ChunkWriter(Protocol):
    """Takes the chunks of one file in their order. Not thread-safe."""

    @property
    def count(self) -> int:
        """The number of chunks that are there."""

    def append(self, data: bytes) -> None:
        """Seal the next chunk and write it."""

    def finish(self, leaves: Sequence[bytes] = ()) -> None:
        """Make the file durable and give it its name. `leaves` are kept with a file that others fetch from us."""

    def close(self, *, keep: bool) -> None:
        """Leave an unfinished file: for a later writer where `keep`, else it goes."""


class SealedFiles(Protocol):
    """The sealed files of one node. Thread-safe."""

    def writer(self, row: HeldFile) -> ChunkWriter:
        """Return the writer of a file; it goes on behind the chunks that an earlier one has left, each verified."""

    def has(self, row: HeldFile) -> bool:
        """Tell whether all of the file is here."""

    def progress(self, row: HeldFile) -> int:
        """Return how many bytes of the file are here."""

    def chunk(self, row: HeldFile, number: int) -> bytes:
        """Return one chunk. Raises `Contradicted` for a changed one, `Unknown` where the file is gone."""

    def leaves(self, row: HeldFile) -> list[bytes]:
        """Return the leaves of a file of ours, as `finish` got them."""

    def reader(self, row: HeldFile) -> ByteReader:
        """Return a reader of the file, for one thread."""

    def remove(self, row: HeldFile) -> None:
        """Delete a file, finished or not."""

    def free(self) -> int:
        """Return the free bytes of the disk."""

    def sweep(self, named: Collection[str], before_s: float) -> int:
        """Delete files that no row names and that were last written before a time (Unix); return their number."""

    def paths(self) -> Iterator[str]:
        """Yield the names of all finished files."""

    def unfinished(self) -> set[str]:
        """Return the files of which a part is here."""
