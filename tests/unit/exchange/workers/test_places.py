"""A worker that ends now and then has a successor at once; where all end soon, the pauses grow."""

from __future__ import annotations

import subprocess
import sys

import pytest

from gateway.exchange.workers.places import Places
from gateway.exchange.workers.seat import Seat

_KILLS = 20


def pauses(served_s: float, *, is_ready: bool = True) -> list[float]:
    """The pauses before the successors of workers that each end after `served_s` seconds."""
    places, now, found = Places(1), 0.0, []
    place = places.all[0]
    for _ in range(_KILLS):
        process = subprocess.Popen([sys.executable, "-c", ""])
        process.kill()
        process.wait()
        place.seat = seat = Seat(0, process, now)
        if is_ready:
            seat.ready.add(b"policy")
        now += served_s
        places.vacate(seat, now)
        found.append(round(place.due - now, 3))
        now = place.due
    return found


@pytest.mark.process
def test_workers_that_are_killed_after_some_seconds_have_successors_at_once() -> None:
    assert max(pauses(3.0)) < 0.2


@pytest.mark.process
def test_where_workers_end_as_they_start_or_soon_after_the_pauses_grow() -> None:
    for found in (pauses(0.5), pauses(30.0, is_ready=False)):
        assert found == sorted(found)
        assert found[-1] == 10.0
