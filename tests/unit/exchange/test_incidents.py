"""Incidents: what is written at once, what waits for the end of its minute, and what a flood leaves."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.clock import ManualClock
from gateway.exchange.incidents import LIMITS, Incidents
from tests.support.audit_logs import NOON


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.mark.parametrize("code", sorted(LIMITS))
def test_what_is_turned_away_has_one_entry_for_each_member_limit_and_minute(code: str, clock: ManualClock) -> None:
    incidents, begun_us = Incidents(clock), clock.now_us()
    for _ in range(59):
        for member in ("th", "kh"):
            incidents.note(member, code)
        clock.advance(timedelta(seconds=1))
        assert incidents.drafts() == []
    clock.advance(timedelta(seconds=1))
    drafts = {draft.peer: draft for draft in incidents.drafts()}
    assert drafts.keys() == {"th", "kh"}
    for draft in drafts.values():
        assert draft.kind == "turned-away"
        assert (draft.private["code"], draft.private["count"]) == (code, 59)
        first_us, last_us = draft.private["first_us"], draft.private["last_us"]
        assert begun_us <= first_us < last_us <= begun_us + 60_000_000
    assert incidents.drafts(ending=True) == []


def test_at_a_stop_everything_that_was_counted_is_due(clock: ManualClock) -> None:
    incidents = Incidents(clock)
    incidents.note("th", "rate-limit", count=3)
    incidents.note("th", "replayed", "other bytes", "0" * 32)
    found = [(draft.kind, draft.private["count"]) for draft in incidents.drafts(ending=True)]
    assert found == [("turned-away", 3), ("alarm", 1)]


def test_an_alarm_is_due_at_once_and_a_flood_of_it_is_counted(clock: ManualClock) -> None:
    incidents, counts = Incidents(clock), []
    for _ in range(10 * 60):
        for _ in range(5):
            incidents.note("th", "replayed", "other bytes", "0" * 32)
        counts += [draft.private["count"] for draft in incidents.drafts()]
        clock.advance(timedelta(seconds=1))
    counts += [draft.private["count"] for draft in incidents.drafts(ending=True)]
    assert counts[0] == 5
    assert sum(counts) == 10 * 60 * 5, "none is lost"
    assert len(counts) <= 10 * 21


def test_causes_without_end_take_no_more_memory(clock: ManualClock) -> None:
    incidents = Incidents(clock)
    for number in range(20_000):
        incidents.note("th", "replayed", f"detail {number}")
    drafts = incidents.drafts()
    assert len(drafts) <= 4_097
    assert sum(draft.private["count"] for draft in drafts) == 20_000
