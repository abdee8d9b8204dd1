"""A time of today is read in the country's own time, in the digits of any script."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gateway.clock import from_us, to_us
from gateway.desk.people.times import near_us
from gateway.errors import Malformed
from tests.support.tables import table

NOW_US = to_us(datetime(2026, 11, 28, 7, 4, tzinfo=UTC))
"""14:04 in Thailand, 13:34 in Myanmar."""


@table(
    ("text", "member", "at"),
    [
        ("14:30", "th", "2026-11-28T07:30"),
        ("๑๔:๓๐", "th", "2026-11-28T07:30"),
        ("14.30 น.", "th", "2026-11-28T07:30"),
        ("14:30", "mm", "2026-11-28T08:00"),
        ("၁၄:၃၀", "mm", "2026-11-28T08:00"),
        ("14:00", "th", "2026-11-29T07:00"),
        ("29/11/2569 08:00", "th", "2026-11-29T01:00"),
        ("14:30", "xx", "2026-11-28T14:30"),
    ],
)
def test_the_next_moment_with_this_hour_is_meant(text: str, member: str, at: str) -> None:
    assert from_us(near_us(text, member, NOW_US)).strftime("%Y-%m-%dT%H:%M") == at


@table("text", ["", "25:00", "14:60", "soon", "14"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        near_us(text, "th", NOW_US)
