"""Cuts connections whose server has stopped answering: the last resort, after the server's own time limit.

A server that is stopped, or a network that drops everything, ends no statement. The watchdog shuts the connection's
socket, which wakes the waiting thread; its driver then reports a lost connection.
"""

from __future__ import annotations

import os
import socket
import threading
from typing import Any

from gateway.clock import Clock

GRACE_SECONDS = 0.5
"""The time beyond the deadline in which a server may end the statement itself, which keeps the connection."""


class Watchdog:
    """One thread for the connections of one source; started with the first one, ended by `close`."""

    def __init__(self, clock: Clock, name: str) -> None:
        self._clock = clock
        self._name = name
        self._running: dict[int, tuple[float, Any]] = {}
        self._changed = threading.Condition()
        self._next = 0.0
        self._thread: threading.Thread | None = None
        self._open = True

    def watch(self, driver: Any, deadline: float) -> None:
        """Watch the statement that `driver` runs until `deadline`; a thread has one statement at a time."""
        due = deadline + GRACE_SECONDS
        with self._changed:
            if self._thread is None and self._open:
                self._thread = threading.Thread(target=self._run, name=f"watchdog-{self._name}", daemon=True)
                self._thread.start()
            self._running[threading.get_ident()] = (due, driver)
            if not self._next or due < self._next:
                self._changed.notify()

    def done(self) -> None:
        """Stop watching the statement of this thread: it has ended."""
        with self._changed:
            self._running.pop(threading.get_ident(), None)

    def close(self) -> None:
        """End the thread once no statement runs any more."""
        with self._changed:
            self._open = False
            self._changed.notify()

    def _run(self) -> None:
        with self._changed:
            while self._open or self._running:
                now = self._clock.monotonic()
                for thread, (due, driver) in list(self._running.items()):
                    if due <= now:
                        del self._running[thread]
                        cut(driver)
                self._next = min((due for due, _ in self._running.values()), default=0.0)
                self._changed.wait(self._next - now if self._next else None)


def cut(driver: Any) -> None:
    """Shut the socket of a connection, even if another thread reads from it; do nothing if it has no socket."""
    try:
        # PyMySQL has no public way to its socket.
        number = driver._sock.fileno() if hasattr(driver, "_sock") else driver.fileno()
        with socket.socket(fileno=os.dup(number)) as same:
            same.shutdown(socket.SHUT_RDWR)
    except (AttributeError, OSError, ValueError, TypeError):
        return
    except Exception:  # noqa: BLE001 - a driver's own error for a connection that is closed already
        return
