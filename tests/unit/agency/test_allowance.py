"""Limits on calls: each caller has its own, and what is refused does not fill the log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from gateway.agency.calls.allowance import Allowance
from gateway.config.schema import Limits
from gateway.errors import Overloaded, Reason
from gateway.exchange.refusals import ENTRIES

LIMITS = Limits(
    system_rate_per_s=5,
    system_in_flight=3,
    officer_rate_per_s=2,
    officer_in_flight=1,
    system_streams=40,
    officer_streams=2,
)
STREAMS = 60


@dataclass
class Time:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def allowance(time: Time) -> Allowance:
    return Allowance(LIMITS, time, lambda: STREAMS)


def refusal(enter: Callable[[dict[str, Any], str], None], name: str) -> str:
    """Return the code with which a call is refused; empty where it is not, and then it ends at once."""
    state: dict[str, Any] = {}
    try:
        enter(state, name)
    except Overloaded as error:
        return error.code if error.reason is Reason.RESOURCE_EXHAUSTED else "another reason"
    for use in state["entered"]:
        use.leave()
    return ""


def test_calls_at_a_time_are_counted_for_each_system(allowance: Allowance) -> None:
    running: list[dict[str, Any]] = [{} for _ in range(3)]
    for state in running:
        allowance.enter_system(state, "desk")
    assert refusal(allowance.enter_system, "desk") == "system-busy"
    assert refusal(allowance.enter_system, "other") == ""
    allowance.leave(running[0])
    allowance.leave(running[0])
    assert refusal(allowance.enter_system, "desk") == ""


def test_calls_in_a_second_are_counted_for_each_officer(allowance: Allowance, time: Time) -> None:
    assert [refusal(allowance.enter_officer, "th.o.1") for _ in range(6)] == ["", "", "", "", *["officer-rate"] * 2]
    assert refusal(allowance.enter_officer, "th.o.2") == ""
    time.now += 0.5
    assert [refusal(allowance.enter_officer, "th.o.1") for _ in range(2)] == ["", "officer-rate"]
    time.now += 3600
    assert [refusal(allowance.enter_officer, "th.o.1") for _ in range(5)] == ["", "", "", "", "officer-rate"]


def test_a_call_that_its_officer_may_not_make_still_counts_off_its_system(allowance: Allowance) -> None:
    state: dict[str, Any] = {}
    allowance.enter_officer({}, "th.o.1")
    for _ in range(4):
        allowance.enter_system(state, "desk")
        with pytest.raises(Overloaded):
            allowance.enter_officer(state, "th.o.1")
        allowance.leave(state)
    assert refusal(allowance.enter_system, "desk") == ""


def opened(allowance: Allowance, system: str, officers: int) -> tuple[list[dict[str, Any]], str]:
    """Open streams of a system, each of an officer of its own; return those that are open, and the code of the end."""
    streams: list[dict[str, Any]] = []
    for number in range(officers):
        state: dict[str, Any] = {}
        try:
            allowance.enter_stream(state, system, f"th.o.{number}")
        except Overloaded as error:
            return streams, error.code
        streams.append(state)
    return streams, ""


def test_n290_a_call_that_became_a_stream_counts_among_streams_alone(allowance: Allowance) -> None:
    states: list[dict[str, Any]] = [{} for _ in range(3)]
    for number, state in enumerate(states):
        allowance.enter_system(state, "desk")
        allowance.enter_officer(state, f"th.o.{number}")
        allowance.enter_stream(state, "desk", f"th.o.{number}")
    assert refusal(allowance.enter_system, "desk") == ""
    assert refusal(allowance.enter_officer, "th.o.1") == ""
    allowance.leave(states[0])
    allowance.leave(states[0])
    assert len(opened(allowance, "desk", STREAMS)[0]) == STREAMS // 2 - 2


def test_n290_streams_of_an_officer_are_counted_at_each_system(allowance: Allowance) -> None:
    def streams(system: str) -> int:
        return len(opened(allowance, system, 1)[0])

    assert [streams("desk") for _ in range(3)] == [1, 1, 0]
    assert [streams("other") for _ in range(3)] == [1, 1, 0]
    assert opened(allowance, "desk", 1)[1] == "officer-streams"


def test_n290_systems_that_take_all_streams_that_they_get_leave_some_to_the_next(allowance: Allowance) -> None:
    first, ended = opened(allowance, "first", STREAMS)
    assert (len(first), ended) == (30, "streams-short")
    assert [len(opened(allowance, name, STREAMS)[0]) for name in ("second", "third", "fourth")] == [15, 8, 4]
    assert opened(allowance, "first", STREAMS) == ([], "streams-short")
    allowance.leave(first.pop())
    assert len(opened(allowance, "fifth", STREAMS)[0]) == 2


def test_n290_a_system_has_its_own_limit_and_a_lower_one_counts_for_new_streams() -> None:
    allowance = Allowance(LIMITS, lambda: 0.0, lambda: 1000)
    streams, ended = opened(allowance, "desk", STREAMS)
    assert (len(streams), ended) == (40, "system-streams")
    allowance.limit(Limits(system_streams=39))
    allowance.leave(streams.pop())
    assert opened(allowance, "desk", STREAMS) == ([], "system-streams")
    allowance.leave(streams.pop())
    assert len(opened(allowance, "desk", STREAMS)[0]) == 1


def test_newcomers_push_out_the_caller_that_was_silent_for_longest(allowance: Allowance) -> None:
    running: dict[str, Any] = {}
    allowance.enter_officer(running, "th.o.busy")
    for number in range(5_000):
        assert refusal(allowance.enter_officer, f"th.o.{number}") == ""
    allowance.leave(running)
    assert len(allowance._officers._uses) == 4096
    assert refusal(allowance.enter_officer, "th.o.busy") == ""


def test_refused_calls_beyond_a_number_are_counted_in_one_entry(allowance: Allowance) -> None:
    assert sum(allowance.is_entry("desk", "system-rate") for _ in range(ENTRIES + 40)) == ENTRIES
    assert allowance.is_entry("other", "no-token")
    (draft,) = allowance.drafts()
    assert (draft.private["code"], draft.private["count"]) == ("system-rate", 40)
    assert "`desk`" in draft.private["detail"]
    assert allowance.drafts() == []
    assert allowance.is_entry("desk", "system-rate")
