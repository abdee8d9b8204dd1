"""The delay of the loop's turns: as a metric, and as tests watch it."""

from __future__ import annotations

import asyncio
import time

import pytest

from gateway.telemetry.loop_lag import STEP_S, LoopLag
from tests.support.loop_watch import HELD_S, loop_watch


def _hold(seconds: float) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


@pytest.mark.asyncio
async def test_a_loop_that_is_held_shows_in_the_largest_delay() -> None:
    lag = LoopLag()
    assert lag.quantiles() == {}
    lag.start()
    await asyncio.sleep(3 * STEP_S)
    _hold(0.2)
    await asyncio.sleep(3 * STEP_S)
    found = {name: delay for ((_, name),), delay in lag.quantiles().items()}
    lag.stop()
    assert found["1"] > 0.2 - STEP_S
    assert found["0.5"] <= found["0.99"] <= found["0.999"] <= found["1"]


@pytest.mark.asyncio
async def test_a_loop_that_waits_for_a_processor_is_late_and_not_held() -> None:
    lag = LoopLag()
    assert lag.held() == {}
    lag.start()
    await asyncio.sleep(2 * STEP_S)
    lag._waited -= 0.2  # as if the system had counted as much since the last turn
    _hold(0.1)
    await asyncio.sleep(3 * STEP_S)
    late, held = lag.quantiles()[("quantile", "1"),], lag.held()[("quantile", "1"),]
    _hold(0.1)
    await asyncio.sleep(3 * STEP_S)
    held_later = lag.held()[("quantile", "1"),]
    lag.stop()
    assert late > 0.1 - STEP_S
    assert held < 0.1 - STEP_S
    assert held_later > 0.1 - 2 * STEP_S


@pytest.mark.asyncio
async def test_where_the_system_counts_no_waiting_all_delays_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.telemetry.loop_lag._schedule_file", lambda: None)
    lag = LoopLag()
    lag.start()
    _hold(0.1)
    await asyncio.sleep(3 * STEP_S)
    assert lag.held() == lag.quantiles()
    lag.stop()


@pytest.mark.asyncio
async def test_a_stopped_measure_takes_no_more_turns() -> None:
    lag = LoopLag()
    lag.start()
    await asyncio.sleep(2 * STEP_S)
    lag.stop()
    lag.stop()
    before = len(lag._delays)
    await asyncio.sleep(3 * STEP_S)
    assert len(lag._delays) == before


@pytest.mark.asyncio
async def test_a_watch_tells_work_from_waiting() -> None:
    with loop_watch() as watch:
        await asyncio.sleep(0.05)
        quiet = watch.longest
        _hold(0.1)
        await asyncio.sleep(0.01)
    assert quiet < HELD_S
    assert watch.longest > 0.09
