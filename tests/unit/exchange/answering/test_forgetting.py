"""The times whose claims are forgotten are kept as spans, of which none is ever lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.exchange.answering.forgetting import Forgetting, joined
from gateway.ports.log_store import Span

SPANS = st.lists(st.tuples(st.integers(0, 300), st.integers(1, 20)).map(lambda it: (it[0], it[0] + it[1])), max_size=30)


class Kept(Forgetting):
    """What is kept, without a store."""

    def __init__(self, spans: tuple[Span, ...]) -> None:
        self.spans = spans


@given(SPANS)
def test_spans_are_joined_where_they_touch(spans: list[Span]) -> None:
    kept = Kept(joined(spans))
    for time in range(330):
        assert kept.has(time) == any(first <= time < end for first, end in spans)
    assert list(kept.spans) == sorted(kept.spans)


@given(SPANS, st.integers(1, 5))
def test_of_too_many_the_nearest_are_joined_and_none_is_lost(spans: list[Span], most: int) -> None:
    kept = Kept(joined(spans, most))
    assert len(kept.spans) <= most
    for time in range(330):
        assert kept.has(time) or not any(first <= time < end for first, end in spans)
