"""Tell whether files have changed since they were read: what stands in them counts only once it was read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

Mark = tuple[str, int, int, int, int]

_GONE = (0, 0, 0, 0)
_UNSEEN = (-1, -1, -1, -1)

_SETTLES_S = 3.0
"""Seconds for which a change is read again: a file system's times may have steps of two seconds, so that a second
change within one step has the same time."""


class FileMarks:
    """The marks of files as they were read last. One thread at a time.

    `look` before reading, `read` after it. After a reading that failed, `failed`: the next look says to read again.
    `fresh` tells whether the last look found another state than the look before it.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._looked: tuple[Mark, ...] | None = None
        self._known: tuple[Mark, ...] | None = None
        self._since = 0.0
        self.fresh = False

    def look(self, files: Iterable[Path]) -> bool:
        """Look at the files, and tell whether they are to be read. Costs one `stat` for each."""
        found = tuple(_mark(path) for path in files)
        self.fresh = found != self._looked
        if self.fresh:
            self._looked, self._since = found, self._monotonic()
        return found != self._known or self._monotonic() - self._since < _SETTLES_S or any(map(_is_unseen, found))

    def read(self) -> None:
        """Note that the files were read as they stood at the last look."""
        self._known = self._looked

    def failed(self) -> None:
        """Note that the files could not be read: they are to be read at the next look."""
        self._known = None


def _mark(path: Path) -> Mark:
    """Return name, inode, times and size: a replaced file has another inode, a rewritten one a later change."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return (str(path), *_GONE)
    except OSError:
        return (str(path), *_UNSEEN)
    return (str(path), found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size)


def _is_unseen(mark: Mark) -> bool:
    return mark[1:] == _UNSEEN
