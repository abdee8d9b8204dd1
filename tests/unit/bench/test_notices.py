"""The bench's notices: two nodes of their own processes, one of which writes and the other one takes."""

from __future__ import annotations

import pytest

from gateway.bench.notices import ROUND_TRIP_MS, run_notices

pytestmark = [pytest.mark.small_form, pytest.mark.process]


def test_each_notice_is_taken_once_and_listed_and_the_link_adds_its_round_trip() -> None:
    near, far = run_notices(2.0, 1, lambda _: None, rate=20.0, alerts=3)
    for row in (near, far):
        assert row.undelivered == 0
        assert 0 < row.p50_ms <= row.p99_ms
        assert 0 < row.listed_p50_ms <= row.listed_p95_ms
        assert row.taker_cpu_us_per_notice > 0
        assert row.author_cpu_us_per_notice > 0
    assert far.p50_ms > ROUND_TRIP_MS
    assert far.listed_p50_ms > ROUND_TRIP_MS / 2
