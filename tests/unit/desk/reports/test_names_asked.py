"""Names in a report are looked up as often as an officer may ask."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from gateway.desk.reports.names import MOST_AN_HOUR, NamesAsked
from gateway.errors import Overloaded
from policy.engine.engine import PolicyEngine
from tests.support.alerts import actor, author
from tests.support.policies import NATIONAL, NOW_US, TH
from tests.support.reports import report


class Clock:
    """A clock that stands."""

    def __init__(self) -> None:
        self.seconds = 1_000_000.0

    def now_us(self) -> int:
        return NOW_US

    def monotonic(self) -> float:
        return self.seconds


def test_n211_an_officer_looks_names_up_so_often_in_an_hour() -> None:
    clock, policy = Clock(), PolicyEngine.load(NATIONAL / "th", TH)
    parts: Any = SimpleNamespace(clock=clock, policy=lambda: policy, member=TH)
    asked = NamesAsked(parts)
    for _ in range(MOST_AN_HOUR):
        asked.check_allowed(author().officer, report())
    with pytest.raises(Overloaded) as caught:
        asked.check_allowed(author().officer, report())
    assert caught.value.code == "officer-rate"
    asked.check_allowed(actor("th", person="2").officer, report())
    clock.seconds += 3_600 / MOST_AN_HOUR + 1
    asked.check_allowed(author().officer, report())
