"""Admission: rates and numbers inside for each member, and the share of a process."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.clock import ManualClock
from gateway.errors import Overloaded
from gateway.exchange.answering.admission import Admission, AdmissionLimits, Faults
from tests.support.audit_logs import NOON

LIMITS = AdmissionLimits(in_flight_per_member=10, in_flight=25, rate_per_member=5, burst_per_member=40)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


def taken(admission: Admission, member: str, tries: int, *, leaves: bool = True) -> tuple[int, set[str]]:
    """How many of a member's requests were let in, and the codes of the others."""
    entered, codes = 0, set()
    for _ in range(tries):
        try:
            admission.enter(member)
        except Overloaded as error:
            codes.add(error.code)
        else:
            entered += 1
            if leaves:
                admission.leave([member])
    return entered, codes


@pytest.mark.parametrize("processes", [1, 2, 4])
def test_a_member_has_its_burst_and_then_its_rate_shared_by_the_processes(processes: int, clock: ManualClock) -> None:
    each = [Admission(LIMITS, clock, lambda: processes) for _ in range(processes)]
    assert sum(taken(one, "th", 100)[0] for one in each) == 40
    assert taken(each[0], "th", 1) == (0, {"rate-limit"})
    assert taken(each[0], "kh", 5) == (5, set()), "another member has its own"
    total = 0
    for _ in range(80):
        clock.advance(timedelta(seconds=0.25))
        total += sum(taken(one, "th", 20)[0] for one in each)
    assert 80 * 0.25 * 5 - processes <= total <= 80 * 0.25 * 5 + processes


def test_a_process_that_is_gone_leaves_its_share_to_the_others(clock: ManualClock) -> None:
    alive = [2]
    admission = Admission(LIMITS, clock, lambda: alive[0])
    assert taken(admission, "th", 10, leaves=False) == (5, {"in-flight-limit"})
    alive[0] = 1
    assert taken(admission, "th", 10, leaves=False) == (5, {"in-flight-limit"})


def test_what_is_inside_is_limited_for_each_member_and_for_all(clock: ManualClock) -> None:
    admission = Admission(LIMITS, clock, lambda: 1)
    assert taken(admission, "th", 12, leaves=False) == (10, {"in-flight-limit"})
    assert taken(admission, "kh", 12, leaves=False) == (10, {"in-flight-limit"})
    assert taken(admission, "la", 12, leaves=False) == (5, {"in-flight-limit"})
    admission.leave(["th"] * 10)
    assert admission.inside == 15
    assert taken(admission, "la", 2, leaves=False) == (2, set())


def test_refused_requests_use_up_no_turn(clock: ManualClock) -> None:
    admission = Admission(LIMITS, clock, lambda: 1)
    taken(admission, "th", 10, leaves=False)
    taken(admission, "th", 1_000)
    admission.leave(["th"] * 10)
    assert taken(admission, "th", 40)[0] == 30


def test_faults_have_a_rate_of_their_own_and_few_are_kept_whole(clock: ManualClock) -> None:
    faults = Faults(clock, lambda: 1)
    assert sum(faults.has_entry("th") for _ in range(5_000)) == 600
    assert sum(faults.is_whole("th") for _ in range(5_000)) == 5
    assert faults.has_entry("kh")
    clock.advance(timedelta(minutes=1))
    assert sum(faults.has_entry("th") for _ in range(5_000)) == 600
    assert sum(faults.is_whole("th") for _ in range(5_000)) == 5
