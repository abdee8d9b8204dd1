"""How long a caller waits that is turned away: an honest one not at all, a flood as long as it floods."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.clock import ManualClock
from gateway.exchange.answering.admission import (
    CALLS_BURST_S,
    CALLS_PER_S,
    MAX_WAIT_S,
    TURNED_AWAY_PER_S,
    Patience,
)
from tests.support.audit_logs import NOON


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


def test_who_is_a_little_over_its_rate_does_not_wait(clock: ManualClock) -> None:
    patience = Patience(clock, lambda: 1)
    for _ in range(500):
        clock.advance(timedelta(seconds=0.1))
        assert patience.frames_wait_s("th", 20) == 0.0
        assert patience.call_waits_s("th") == 0.0


@pytest.mark.parametrize(("streams", "frames"), [(1, 64), (32, 64), (32, 1)])
def test_a_flood_on_all_streams_is_turned_away_no_faster_than_its_pace(
    streams: int, frames: int, clock: ManualClock
) -> None:
    """Each stream reads a message, waits as it is told, and reads the next one."""
    patience, turned_away = Patience(clock, lambda: 1), 0
    due = [clock.monotonic()] * streams
    for _ in range(20_000):
        for number, at in enumerate(due):
            if at <= clock.monotonic():
                turned_away += frames
                wait = patience.frames_wait_s("th", frames)
                assert wait <= MAX_WAIT_S
                due[number] = clock.monotonic() + wait
        clock.advance(timedelta(seconds=0.001))
    most = max(TURNED_AWAY_PER_S, streams * frames / MAX_WAIT_S)
    assert turned_away <= 20 * most * 1.05 + 2 * streams * frames
    assert patience.frames_wait_s("kh", 64) == 0.0, "another member does not wait"
    clock.advance(timedelta(seconds=MAX_WAIT_S + 0.1))
    assert patience.frames_wait_s("th", 1) == 0.0, "nor does this one, as soon as it stops"


def test_calls_have_a_rate_that_the_processes_share(clock: ManualClock) -> None:
    for processes in (1, 2):
        patience = [Patience(clock, lambda processes=processes: processes) for _ in range(processes)]  # type: ignore[misc]
        taken = sum(one.admits("th") for one in patience for _ in range(2_000))
        assert taken == CALLS_PER_S * CALLS_BURST_S
