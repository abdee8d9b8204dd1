"""Let one thread use a connection and another one close it: while it is in use, its user closes it afterwards.

A driver in C may crash the process when a connection is closed under a statement.
"""

from __future__ import annotations

import threading
from collections.abc import Callable


class InUse:
    """Guards a connection of one thread. `with` tells whether it is still open, and holds it open for the block."""

    __slots__ = ("_close", "_is_over", "_lock")

    def __init__(self, close: Callable[[], object]) -> None:
        self._close: Callable[[], object] | None = close
        self._lock = threading.Lock()
        self._is_over = False

    def __enter__(self) -> bool:
        self._lock.acquire()
        return not self._is_over

    def __exit__(self, *_: object) -> None:
        self._lock.release()
        if self._is_over:  # it was to be closed meanwhile
            self.close()

    def close(self) -> None:
        """Close the connection, now or when its user is done with it. Never waits."""
        self._is_over = True
        if not self._lock.acquire(blocking=False):
            return
        try:
            close, self._close = self._close, None
            if close is not None:
                close()
        finally:
            self._lock.release()
