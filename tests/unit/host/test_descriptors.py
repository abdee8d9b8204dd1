"""The descriptors of a process: what all callers may hold together is never more than there is."""

from __future__ import annotations

import pytest

from gateway.host.descriptors import Budget
from gateway.https.listener import LIMITS


@pytest.mark.parametrize("limit", [*range(256, 12_000, 61), 16_384, 65_536, 1_000_000])
def test_n290_what_all_ports_and_streams_hold_leaves_the_reserve(limit: int) -> None:
    has = Budget(limit)
    ports = 2 * (min(LIMITS.places, has.places) + min(LIMITS.handshakes, has.handshakes))
    assert has.connections + has.streams + has.pages + ports + has.reserved <= limit
    assert min(has.connections, has.streams, has.pages, has.places, has.handshakes) > 0
    assert has.reserved >= min(256, limit // 4)


@pytest.mark.parametrize("limit", [*range(256, 12_000, 61), 16_384, 65_536, 1_000_000])
def test_n290_what_the_tls_lane_holds_is_no_more_than_counterparts_connections(limit: int) -> None:
    has = Budget(limit)
    assert 3 * has.lane_connections + has.lane_handshakes <= has.connections
    assert min(has.lane_connections, has.lane_handshakes) > 0


def test_a_machine_with_enough_gives_each_port_its_limits() -> None:
    has = Budget(9_728)
    assert (has.connections, has.places, has.handshakes) == (4_096, LIMITS.places, LIMITS.handshakes)
    assert (has.lane_connections, has.lane_handshakes) == (1_280, 256)
