"""Send spans, metrics and log lines to a collector, from a thread of their own that nothing waits for.

What waits is bounded. When the collector is down, slow or hostile, new items are lost and counted; the batch under way
is tried again, ever more rarely. Nothing here raises into the node, and nothing keeps it from ending.
"""

from __future__ import annotations

import gzip
import threading
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

from gateway.errors import LiaisonError
from gateway.telemetry.counters import Counters
from gateway.telemetry.logs import Logger
from gateway.telemetry.names import LogLine, Metric
from gateway.telemetry.otlp.encoding import Encoder, rejected
from gateway.telemetry.otlp.signals import Signal
from gateway.telemetry.spans import SpanRecord

_EVERY_S = 1.0
_METRICS_S = 15.0
_LONGEST_PAUSE_S = 30.0
_BATCH = 256
_BATCHES = 16
"""Batches of one signal that are sent in a turn, so that the others have theirs."""

_AGAIN = frozenset({429, 502, 503, 504})
"""Statuses after which the same export may be tried again (OTLP/HTTP, section on failures)."""


class CollectorAnswer(Protocol):
    """The answer of a collector, as far as it is looked at."""

    @property
    def status(self) -> int:
        """The HTTP status."""

    @property
    def body(self) -> bytes:
        """The first bytes of the body."""

    @property
    def retry_after(self) -> str:
        """The header `retry-after`, or an empty text."""


Post = Callable[[str, bytes], CollectorAnswer]
"""Sends a body to a path of the collector, in bounded time. Raises `LiaisonError` where no answer came."""


class Exporter:
    """Collects what is to be sent, and sends it. `take` and `take_line` cost a microsecond and never wait."""

    def __init__(
        self,
        post: Post,
        encoder: Encoder,
        counters: Counters,
        signals: Collection[Signal],
        now_us: Callable[[], int],
        every_s: float = _EVERY_S,
    ) -> None:
        self._post = post
        self._encoder = encoder
        self._counters = counters
        self._signals = frozenset(signals)
        self._now_us = now_us
        self._every_s = every_s
        self._waiting: dict[Signal, deque[Any]] = {signal: deque() for signal in Signal}
        self._held: dict[Signal, tuple[bytes, int]] = {}
        self._pause_s = every_s
        self._metrics_due_us = 0
        self._is_lost = False
        self._log = Logger(component="telemetry")
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="telemetry", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, limit_s: float) -> None:
        """Send once more what waits, for `limit_s` seconds at most; leave the thread behind where it still waits."""
        self._ended.set()
        self._thread.join(limit_s)
        for signal, waiting in self._waiting.items():
            if left := len(waiting) + self._held.get(signal, (b"", 0))[1]:
                self._lose(signal, left, "ended")

    def take(self, span: SpanRecord) -> None:
        """Take a span."""
        self._put(Signal.TRACES, span)

    def take_line(self, fields: Mapping[str, Any]) -> None:
        """Take the fields of a log line."""
        self._put(Signal.LOGS, fields)

    def _put(self, signal: Signal, item: object) -> None:
        waiting = self._waiting[signal]
        if len(waiting) >= signal.room:
            self._lose(signal, 1, "full")
        else:
            waiting.append(item)

    def _lose(self, signal: Signal, count: int, reason: str) -> None:
        self._counters.add(Metric.TELEMETRY_LOST, count, signal=signal.value, reason=reason)

    def _run(self) -> None:
        while not self._ended.wait(self._pause_s):
            self._turn()
        self._metrics_due_us = 0
        self._turn()

    def _turn(self) -> None:
        """Send what waits of each signal, until the collector does not take it."""
        try:
            for signal in Signal:
                if signal in self._signals and not self._send_waiting(signal):
                    self._pause_s = max(self._pause_s, min(2 * self._pause_s, _LONGEST_PAUSE_S))
                    return
            self._pause_s = self._every_s
        except Exception as error:  # noqa: BLE001 - telemetry that fails must not end, nor harm the node
            self._log.error(LogLine.ROUNDS_FAILED, error)

    def _send_waiting(self, signal: Signal) -> bool:
        """Send what waits of one signal; False when the collector is to be left alone for a while."""
        for _ in range(_BATCHES):
            held = self._held.pop(signal, None) or self._next(signal)
            if held is None:
                return True
            if not self._send(signal, *held):
                self._held[signal] = held
                return False
        return True

    def _next(self, signal: Signal) -> tuple[bytes, int] | None:
        """Return the next export of a signal, and how many items it has; None when there is nothing to send."""
        if signal is Signal.METRICS:
            return self._metrics()
        waiting = self._waiting[signal]
        batch = [waiting.popleft() for _ in range(min(_BATCH, len(waiting)))]
        if not batch:
            return None
        try:
            return self._packed(signal, batch), len(batch)
        except Exception as error:  # noqa: BLE001 - one item that cannot be said costs its batch, and no more
            self._log.error(LogLine.ROUNDS_FAILED, error)
            self._lose(signal, len(batch), "refused")
            return None

    def _packed(self, signal: Signal, batch: Sequence[Any]) -> bytes:
        encode = self._encoder.spans if signal is Signal.TRACES else self._encoder.lines
        return gzip.compress(encode(batch), 1)

    def _metrics(self) -> tuple[bytes, int] | None:
        now_us = self._now_us()
        if now_us < self._metrics_due_us:
            return None
        self._metrics_due_us = now_us + round(_METRICS_S * 1e6)
        return gzip.compress(self._encoder.metrics(now_us * 1000), 1), 1

    def _send(self, signal: Signal, body: bytes, count: int) -> bool:
        """Send one export; False when it may be tried again. What a collector refuses for good is lost."""
        try:
            answer = self._post(signal.path, body)
        except LiaisonError as error:
            return self._tell(error.message)
        if answer.status in _AGAIN:
            if answer.retry_after.isascii() and answer.retry_after.isdigit():
                self._pause_s = min(max(self._pause_s, float(answer.retry_after[:4])), _LONGEST_PAUSE_S)
            return self._tell("", answer.status)
        if answer.status != 200:
            self._lose(signal, count, "refused")
            self._tell("", answer.status)
            return True
        left = _left_out(signal, answer.body, count)
        if left:
            self._lose(signal, left, "refused")
        self._counters.add(Metric.TELEMETRY_SENT, count - left, signal=signal.value)
        if self._is_lost:
            self._is_lost = False
            self._log.info(LogLine.COLLECTOR_REACHED)
        return True

    def _tell(self, reason: str, status: int = 0) -> bool:
        """Write a line when the collector begins to take nothing; return False."""
        if not self._is_lost:
            self._is_lost = True
            self._log.warning(LogLine.COLLECTOR_LOST, reason=reason or "status", status=status)
        return False


def _left_out(signal: Signal, body: bytes, count: int) -> int:
    """Return how many of `count` items a collector says that it did not keep; what it says is not believed further."""
    try:
        return max(0, min(rejected(signal, body), count))
    except Exception:  # noqa: BLE001 - an answer of other bytes says nothing
        return 0
