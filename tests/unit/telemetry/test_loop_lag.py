"""The delay of the loop's turns: as a metric, and as tests watch it."""

from __future__ import annotations

import asyncio

import pytest

from gateway.telemetry.loop_lag import STEP_S, LoopLag
from tests.support.load import compute
from tests.support.loop_watch import HELD_S, loop_watch


@pytest.mark.long
@pytest.mark.asyncio
async def test_a_loop_that_is_held_shows_in_the_largest_delay() -> None:
    lag = LoopLag()
    assert lag.quantiles() == {}
    lag.start()
    await asyncio.sleep(3 * STEP_S)
    compute(0.2)
    await asyncio.sleep(3 * STEP_S)
    found = {name: delay for ((_, name),), delay in lag.quantiles().items()}
    lag.stop()
    assert found["1"] > 0.2 - STEP_S
    assert found["0.5"] <= found["0.99"] <= found["0.999"] <= found["1"]


@pytest.mark.asyncio
async def test_a_loop_that_waits_for_a_processor_is_late_and_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    lag, loop, waited = LoopLag(), asyncio.get_running_loop(), iter((0.0, 0.2, 0.2))
    monkeypatch.setattr(lag, "_waited_s", lambda: next(waited))
    assert lag.held() == {}
    lag.start()
    lag._turn(loop, loop.time() - 0.1)
    assert lag.quantiles()[("quantile", "1"),] >= 0.1
    assert lag.held()[("quantile", "1"),] == 0.0
    lag._turn(loop, loop.time() - 0.1)
    assert lag.held()[("quantile", "1"),] >= 0.1
    lag.stop()


@pytest.mark.long
@pytest.mark.asyncio
async def test_where_the_system_counts_no_waiting_all_delays_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.telemetry.loop_lag._schedule_file", lambda: None)
    lag = LoopLag()
    lag.start()
    compute(0.1)
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
@pytest.mark.long
async def test_a_watch_tells_work_from_waiting() -> None:
    with loop_watch() as watch:
        await asyncio.sleep(0.05)
        quiet = watch.longest
        compute(0.1)
        await asyncio.sleep(0.01)
    assert quiet < HELD_S
    assert watch.longest > HELD_S  # waits of other threads meanwhile are taken from it, so it may be less than 0.1
