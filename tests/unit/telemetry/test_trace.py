"""Trace context: W3C's forms, what is recorded, and what a foreign sender can make us do."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.clock import SystemClock
from gateway.telemetry import (
    Counters,
    Histogram,
    Recorder,
    Sampler,
    Span,
    SpanRecord,
    configure_logging,
    parse_traceparent,
    start_trace,
)
from gateway.telemetry.trace import MAX_STATE, checked_state
from tests.support.tables import table

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
CLOCK = SystemClock()


class Kept:
    """Keeps spans in a list."""

    def __init__(self) -> None:
        self.spans: list[SpanRecord] = []

    def take(self, span: SpanRecord) -> None:
        self.spans.append(span)


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    text = io.StringIO()
    configure_logging("debug", text)
    yield text
    configure_logging("error", io.StringIO())


@pytest.fixture
def quiet() -> None:
    configure_logging("error", io.StringIO())


def recorder(ratio: float = 0.0, *, ours: bool = True, of_peer: bool = True) -> tuple[Recorder, Kept]:
    made, kept = Recorder(Counters(), CLOCK.now_us, CLOCK.monotonic), Kept()
    made.export(Sampler(ratio, lambda: ours, lambda _peer: of_peer), kept)
    return made, kept


def test_a_child_keeps_the_trace_and_names_its_parent() -> None:
    trace = start_trace(PARENT)
    assert trace.trace_id == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert trace.parent_id == "00f067aa0ba902b7"
    again = parse_traceparent(trace.child().header)
    assert again is not None
    assert again.trace_id == trace.trace_id
    assert again.is_sampled


@table(
    "text",
    [
        "",
        "00",
        PARENT.upper(),
        PARENT + "-x",
        "ff" + PARENT[2:],
        "00-" + "0" * 32 + PARENT[35:],
        PARENT[:36] + "0" * 16 + "-01",
        PARENT + "\n",
        "00-" + "x" * 5000,
    ],
)
def test_a_broken_traceparent_starts_a_new_trace(text: str) -> None:
    assert parse_traceparent(text) is None
    assert start_trace(text, "a=1").parent_id == ""
    assert start_trace(text, "a=1").state == ""


def test_a_later_version_may_have_more_fields() -> None:
    assert parse_traceparent("01" + PARENT[2:] + "-more") is not None


@given(st.text(max_size=80))
def test_no_text_breaks_the_parser(text: str) -> None:
    parse_traceparent(text)
    checked_state(text)


@table(
    ("text", "kept"),
    [
        ("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"),
        (" a=1 ,, 0t@sys=b c ", "a=1,0t@sys=b c"),
        ("a=1,a=2", ""),
        ("A=1", ""),
        ("a=สมชาย", ""),
        ("a=1=2", ""),
        ("a=", ""),
        ("a=1\r\nx: y", ""),
        (",".join(f"k{number}=v" for number in range(33)), ""),
        ("a=" + "x" * MAX_STATE, ""),
    ],
)
def test_a_tracestate_is_sent_on_in_the_form_of_w3c_only(text: str, kept: str) -> None:
    assert checked_state(text) == kept


def test_a_span_is_a_line_with_its_place_in_the_trace(stream: io.StringIO) -> None:
    made = Recorder(Counters(), CLOCK.now_us, CLOCK.monotonic)
    trace = start_trace(PARENT)
    made.record(SpanRecord(Span.ANSWER, trace, CLOCK.now_us(), 2500, {"peer": "vn"}))
    (line,) = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert (line["span"], line["trace_id"], line["duration_us"]) == ("answer", trace.trace_id, 2500)
    assert (line["span_id"], line["parent_id"], line["peer"]) == (trace.span_id, trace.parent_id, "vn")


@pytest.mark.usefixtures("quiet")
def test_without_a_reader_nothing_is_recorded_and_the_callers_flag_goes_on() -> None:
    made = Recorder(Counters(), CLOCK.now_us, CLOCK.monotonic)
    assert not made.is_on
    assert made.join("", "vn") is None
    assert made.begin(PARENT).header.endswith("-01")
    assert made.begin().header.endswith("-00")
    joined = made.join(PARENT, "vn")
    assert joined is not None
    assert not joined.is_sampled


@pytest.mark.usefixtures("quiet")
def test_our_own_systems_decide_by_their_flag_and_roots_by_ratio() -> None:
    none, _ = recorder(0.0)
    each, _ = recorder(1.0)
    assert none.begin(PARENT).is_sampled
    assert not each.begin(PARENT[:-1] + "0").is_sampled
    assert each.begin().is_sampled
    assert not none.begin().is_sampled
    spent, _ = recorder(1.0, ours=False)
    assert not spent.begin(PARENT).is_sampled


@pytest.mark.usefixtures("quiet")
def test_a_counterparts_flag_neither_forces_nor_stops_us() -> None:
    """Its wish is granted within its own rate; our share is drawn by lot, whatever its flag and its ids are."""
    wishes, _ = recorder(0.0)
    joined = wishes.join(PARENT, "vn")
    assert joined is not None
    assert joined.is_sampled
    spent, _ = recorder(1.0, of_peer=False)
    refused = spent.join(PARENT, "vn")
    assert refused is not None
    assert not refused.is_sampled
    each, _ = recorder(1.0)
    unwished = each.join(PARENT[:-1] + "0", "vn")
    assert unwished is not None
    assert unwished.is_sampled
    half, _ = recorder(0.5)
    drawn = sum(bool((found := half.join(PARENT[:-1] + "0", "vn")) and found.is_sampled) for _ in range(2000))
    assert 800 < drawn < 1200


@pytest.mark.usefixtures("quiet")
def test_only_what_is_sampled_is_exported_and_everything_is_counted() -> None:
    made, kept = recorder(0.0)
    made.counters.is_timed = True
    sampled = start_trace(PARENT)
    for trace in (sampled, start_trace(), None):
        made.record(made.span(Span.ANSWER, trace, CLOCK.monotonic() - 0.21, CLOCK.monotonic(), {"peer": "vn"}))
    assert [span.trace for span in kept.spans] == [sampled]
    ((histogram, labels, found),) = made.counters.durations()
    assert (histogram, labels) == (Histogram.ANSWER, (("peer", "vn"), ("outcome", "")))
    assert sum(found.counts) == 3
    assert [example.trace_id for example in found.examples.values()] == [sampled.trace_id]


def test_a_span_goes_between_processes_as_a_value() -> None:
    span = SpanRecord(Span.SOURCE, start_trace(PARENT), 1, 2, {"source": "th.police.records", "state": "ok"})
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(span), type=SpanRecord) == span
