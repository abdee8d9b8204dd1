"""Tell the service manager how the process is: `sd_notify(3)`, a datagram to the socket that it names.

systemd waits for `READY=1` of a unit with `Type=notify`, and starts one with `WatchdogSec=` again that says nothing for
so long. Without such a manager nothing is sent.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import closing
from typing import Protocol

from gateway.host.ending import Say, end_within

_SOCKET, _WATCHDOG, _PROCESS = "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"


class ServiceManager:
    """The socket of the service manager, opened once: later there may be no descriptor for it."""

    def __init__(self) -> None:
        address = os.environ.get(_SOCKET, "")
        self._socket: socket.socket | None = None
        if address.startswith(("/", "@")):
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.setblocking(False)
            with contextlib.suppress(OSError):
                self._socket.connect(address.replace("@", "\0", 1) if address[0] == "@" else address)

    @property
    def is_there(self) -> bool:
        """Tell whether a service manager has started this process, and starts it again when it ends."""
        return self._socket is not None

    @property
    def watchdog_s(self) -> float:
        """Seconds after which a silent process is started again; 0.0 when nothing watches this process."""
        process = os.environ.get(_PROCESS, "")
        span = os.environ.get(_WATCHDOG, "")
        watches = self._socket is not None and process in ("", str(os.getpid()))
        return int(span) / 1e6 if watches and span.isdigit() else 0.0

    def every_s(self, usual_s: float) -> float:
        """Return the seconds from one look to the next: the usual ones, or fewer where the manager waits less long."""
        return min(usual_s, self.watchdog_s / 3 or usual_s)

    def tell(self, *lines: str) -> None:
        """Send lines such as `READY=1`. A manager that does not listen is no error."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.send("\n".join(lines).encode())

    def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            self._socket.close()


class Served(Protocol):
    """A process that serves until it is asked to stop."""

    def start(self) -> None:
        """Listen."""

    def look(self) -> str:
        """Do what is to be done again and again. Return the state for the service manager."""

    def stop(self) -> None:
        """Take no more, finish what was taken, close."""


def serve_until_signal(make: Callable[[], Served], every_s: float, stop_hangs: Say) -> None:
    """Run a process until SIGTERM or SIGINT. What it needs to tell its manager is opened before it listens.

    `stop_hangs` says the error of a stop that takes too long; the process is ended then.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with closing(ServiceManager()) as manager:
        process = make()
        process.start()
        manager.tell("READY=1")
        while not stop.wait(manager.every_s(every_s)):
            manager.tell("WATCHDOG=1", process.look())
        manager.tell("STOPPING=1")
        ending = end_within(stop_hangs)
        process.stop()
        ending.cancel()
