"""Long work stands aside for the exchanges of others, and goes on in between."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.courtesy import GO_ON_S, LONGER_S, MUCH_S, STAND_ASIDE_S, Courtesy
from tests.support.load import compute as busy


@pytest.fixture
def moves(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Time that only moves when told so, or when somebody sleeps."""
    Slept.seconds, now = 0.0, 1_000.0

    def move(seconds: float) -> None:
        nonlocal now
        now += seconds

    def sleep(seconds: float) -> None:
        move(seconds)
        Slept.seconds += seconds

    monkeypatch.setattr("gateway.courtesy.time.monotonic", lambda: now)
    monkeypatch.setattr("gateway.courtesy.time.sleep", sleep)
    return move


class Slept:
    """For how long the work of a test stood aside."""

    seconds = 0.0


def stood_aside(courtesy: Courtesy) -> float:
    before = Slept.seconds
    courtesy.give_way()
    return Slept.seconds - before


def test_long_work_stands_aside_while_another_member_s_exchange_is_under_way_and_then_goes_on(
    moves: Callable[[float], None],
) -> None:
    courtesy = Courtesy()
    courtesy.enter("vn")
    with courtesy.long("kh"):
        assert stood_aside(courtesy) >= STAND_ASIDE_S - 1e-9
        moves(GO_ON_S)
        assert stood_aside(courtesy) >= STAND_ASIDE_S - 1e-9, "its time to go on was over"


def test_long_work_waits_no_longer_than_the_other_exchange_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    courtesy = Courtesy()
    courtesy.enter("vn")
    looked: list[float] = []

    def leave_at_the_first_look(seconds: float) -> None:
        looked.append(seconds)
        courtesy.leave(["vn"])

    monkeypatch.setattr("gateway.courtesy.time.sleep", leave_at_the_first_look)
    with courtesy.long("kh"):
        courtesy.give_way()
    assert len(looked) == 1, "it looked once more after the other exchange had ended"


def test_neither_short_work_nor_a_member_s_own_exchanges_nor_an_idle_node_make_work_wait(
    moves: Callable[[float], None],
) -> None:
    courtesy = Courtesy()
    courtesy.enter("kh")
    with courtesy.long("kh"):
        assert stood_aside(courtesy) == 0
    courtesy.enter("vn")
    assert stood_aside(courtesy) == 0, "this thread does no long work"
    courtesy.leave(["kh", "vn"])
    with courtesy.long("kh"):
        assert stood_aside(courtesy) == 0


def compute(courtesy: Courtesy, member: str, seconds: float) -> None:
    with courtesy.long(member):
        busy(seconds)


@pytest.mark.long
def test_a_member_that_computes_much_stands_aside_for_longer_and_no_other_member_for_it(
    moves: Callable[[float], None],
) -> None:
    courtesy = Courtesy()
    courtesy.enter("vn")
    courtesy.enter("kh")
    compute(courtesy, "kh", 2 * MUCH_S)
    with courtesy.long("vn"):
        assert stood_aside(courtesy) == 0
    moves(2 * GO_ON_S)
    with courtesy.long("kh"):
        assert stood_aside(courtesy) == pytest.approx(LONGER_S, abs=0.001)
        moves(60)
        assert stood_aside(courtesy) == pytest.approx(STAND_ASIDE_S, abs=0.001), "that was long ago"
