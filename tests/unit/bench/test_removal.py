"""The bench's removals: a key is taken on an open stream, and refused soon after its status arrived."""

from __future__ import annotations

import pytest

from gateway.bench.removal import run_removals

pytestmark = [pytest.mark.small_form, pytest.mark.process]


def test_each_removal_is_of_a_key_that_was_taken_before() -> None:
    row = run_removals(2, lambda _: None)
    assert row.removals == 2
    assert 0 < row.p50_s <= row.max_s < 20
