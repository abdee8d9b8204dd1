"""One end of a socket that carries frames. Neither sending nor receiving ever waits, and both are bounded."""

from __future__ import annotations

import socket
import threading
from collections import deque

from gateway.errors import ConnectionLost, TooLarge
from gateway.exchange.workers.frames import HEAD

_READ = 256 * 1024
_ROOM = 1024 * 1024
"""Bytes that the socket is asked to take at once: as many as a batch has. The system may give it fewer."""


class Channel:
    """A connected socket. `send` may be called by any thread, `receive` by one, which calls `flush`, too.

    Of what the other end does not read, `most_waiting` bytes wait here; beyond, the connection is lost.
    """

    def __init__(self, connection: socket.socket, largest: int, most_waiting: int) -> None:
        connection.setblocking(False)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _ROOM)
        self._socket = connection
        self._largest = largest
        self._most_waiting = most_waiting
        self._lock = threading.Lock()
        self._out: deque[memoryview] = deque()
        self._waiting = 0
        self._in = bytearray()
        self._buffer = bytearray(_READ)

    def fileno(self) -> int:
        """Return the descriptor of the socket."""
        return self._socket.fileno()

    @property
    def is_waiting(self) -> bool:
        """Tell whether something waits to be sent: `flush` is to be called when the socket takes more."""
        return bool(self._out)

    def send(self, frame: bytes) -> bool:
        """Send a frame as far as the socket takes it; return whether all of it went. Raises `ConnectionLost`."""
        with self._lock:
            if self._waiting + len(frame) > self._most_waiting:
                raise ConnectionLost("the other end does not read", code="worker-lost")
            self._out.append(memoryview(frame))
            self._waiting += len(frame)
            return self._send()

    def flush(self) -> None:
        """Send what waits, as far as the socket takes it. Raises `ConnectionLost`."""
        with self._lock:
            self._send()

    def receive(self) -> list[bytes]:
        """Return the frames that have arrived whole.

        Raises `TooLarge` for one that is too long, `ConnectionLost` at the end.
        """
        try:
            count = self._socket.recv_into(self._buffer)
        except (BlockingIOError, InterruptedError):
            return []
        except OSError as error:
            raise _lost() from error
        if not count:
            raise _lost()
        self._in += memoryview(self._buffer)[:count]
        frames, start = [], 0
        while len(self._in) - start >= HEAD.size:
            (size,) = HEAD.unpack_from(self._in, start)
            if size > self._largest:
                raise TooLarge("a frame of {count} bytes", code="bad-frame", where="worker", count=size)
            if len(self._in) - start < HEAD.size + size:
                break
            start += HEAD.size
            frames.append(bytes(memoryview(self._in)[start : start + size]))
            start += size
        if start:
            del self._in[:start]
        return frames

    def close(self) -> None:
        """Close the socket; the other end sees that."""
        self._socket.close()

    def _send(self) -> bool:
        while self._out:
            try:
                sent = self._socket.send(self._out[0], socket.MSG_NOSIGNAL)
            except (BlockingIOError, InterruptedError):
                return False
            except OSError as error:
                raise _lost() from error
            self._waiting -= sent
            rest = self._out.popleft()[sent:]
            if rest:
                self._out.appendleft(rest)
        return True


def _lost() -> ConnectionLost:
    return ConnectionLost("the connection ended", code="worker-lost")
