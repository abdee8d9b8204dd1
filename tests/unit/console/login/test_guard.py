"""Attempts to sign in are limited by place; another place is not slowed by it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.clock import ManualClock
from gateway.console.login.guard import FAILURES, WITHIN_S, Guard
from gateway.errors import Overloaded
from tests.support.audit_logs import NOON


def test_a_place_that_fails_too_often_is_locked_out_for_a_while_and_no_other_is() -> None:
    clock = ManualClock(NOON)
    guard = Guard(clock.monotonic)
    for _ in range(FAILURES):
        guard.enter("a")
        guard.failed("a")
        clock.advance(timedelta(seconds=2))
    with pytest.raises(Overloaded):
        guard.enter("a")
    guard.enter("b")
    clock.advance(timedelta(seconds=WITHIN_S))
    guard.enter("a")


def test_who_signs_in_begins_anew() -> None:
    clock = ManualClock(NOON)
    guard = Guard(clock.monotonic)
    for _ in range(3):
        for _ in range(FAILURES - 1):
            guard.failed("a")
        guard.succeeded("a")
    guard.enter("a")


def test_a_place_that_tries_too_fast_waits() -> None:
    clock = ManualClock(NOON)
    guard = Guard(clock.monotonic)
    for _ in range(20):
        guard.enter("a")
    with pytest.raises(Overloaded):
        guard.enter("a")
    clock.advance(timedelta(seconds=2))
    guard.enter("a")
