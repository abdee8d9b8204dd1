"""Watch that the node's loop turns: its delays as metrics, and its pauses, with a line of the log for each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gateway.model.names import MemberId
from gateway.pauses import OWN, STEP_S
from gateway.telemetry import Counters, Gauge, Logger, LogLine, LoopLag


class Turning:
    """The turns of a node's loop, from `start` to `stop`."""

    def __init__(self, counters: Counters, member: MemberId) -> None:
        self._lag = LoopLag()
        self._log = Logger(component="node", member=member)
        self._stop: Callable[[], None] = lambda: None
        counters.gauge(Gauge.LOOP_LAG, self._lag.quantiles)
        counters.gauge(Gauge.LOOP_HELD, self._lag.held)
        counters.gauge(Gauge.STOOD_STILL, lambda: {(): OWN.stood_s})

    def start(self) -> None:
        """Watch the running loop, in its own thread."""
        self._lag.start()
        self._beat(asyncio.get_running_loop())

    def stop(self) -> None:
        """Watch no more."""
        self._lag.stop()
        self._stop()
        OWN.rest()

    def _beat(self, loop: asyncio.AbstractEventLoop) -> None:
        if stood_s := OWN.beat():
            self._log.warning(LogLine.STOOD_STILL, duration_ms=round(1000 * stood_s))
        self._stop = loop.call_later(STEP_S / 10, self._beat, loop).cancel
