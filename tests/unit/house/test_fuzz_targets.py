"""Every fuzz target takes anything: a short form of `make fuzz`, so that no target rots."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS, run
from tests.security.test_linear import FUZZED
from tests.support.growth import bounded
from tests.support.tables import table

SEEDS = (b"", b"\x00", b"{}", b"[]", b"<a/>", b"P<THA", b"\xff\xfe", "สมชาย".encode(), b"[source]\n")


@table("name", TARGETS)
def test_a_target_takes_the_seeds(name: str) -> None:
    for seed in SEEDS:
        run(name, seed)


@table("name", TARGETS)
@settings(max_examples=60)
@given(st.binary(max_size=400) | st.text(max_size=120).map(str.encode))
@pytest.mark.long
@bounded(seconds=2)
def test_a_target_gives_a_value_or_one_of_our_errors(name: str, data: bytes) -> None:
    run(name, data)


def test_each_target_is_held_to_linear_time() -> None:
    assert set(FUZZED) == set(TARGETS)
