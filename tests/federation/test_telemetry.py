"""Two nodes tell a collector of their work: one trace through both, and nothing of what was asked."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from msgspec.structs import replace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from gateway.demo.sources import planted
from gateway.model.exchange import Outcome
from gateway.model.query import ContainerQuery, DocumentQuery, NationalIdQuery, PersonQuery, Query, VehicleQuery
from gateway.model.values import NameForm, PartialDate
from gateway.telemetry import Gauge, Histogram, Metric, configure_logging
from gateway.telemetry.names import ATTRIBUTES, FIELDS
from tests.security.test_leaks import found_in
from tests.support.collector import Collector, told
from tests.support.exchange import PASSPORT, VN, command, lines, sample_world, stopping
from tests.support.nodes import World, officer
from tests.support.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.process]

_READ_AT_ONCE = {str(name) for name in (Gauge.WORK_OVERDUE, Gauge.RETENTION_AGE, Gauge.ROUND_LATE, Gauge.READY)}
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
ASKED: tuple[Query, ...] = (
    PASSPORT,
    PersonQuery(
        (NameForm("ประยุทธ ใจกล้าหาญ", "Thai"), NameForm("Prayut Jaiklahan", "Latn")),
        PartialDate("1971-03-29"),
        nationality="THA",
        father="Wichai Jaiklahan",
    ),
    DocumentQuery("QX8812345", "VNM"),
    NationalIdQuery("1103700123451", "THA-PIN"),
    VehicleQuery("ฬฮ 9173", "เชียงราย", "THA"),
    ContainerQuery("TGHU7654324"),
)
SECRETS = {
    PASSPORT.number, "ประยุทธ", "ใจกล้าหาญ", "Prayut", "Jaiklahan", "1971-03-29", "Wichai", "QX8812345", "1103700123451",
    "ฬฮ", "เชียงราย", "TGHU7654324", "TH-2026-0417", "th.o.1042", "TICKET-5522", "somchai-in-state", "baggage-name",
}  # fmt: skip
"""Holds no value so short that it is in an identifier by chance, as the four digits of a plate do."""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[World, Collector]]:
    made = sample_world(tmp_path_factory.mktemp("telemetry"), ("th", "vn"))
    with Collector().serving() as collector:
        for member in ("th", "vn"):
            file = made.home(member) / "node.toml"
            file.write_text(
                f'{file.read_text()}\n[telemetry]\nendpoint = "http://127.0.0.1:{collector.port}"\n'
                "sample_ratio = 1.0\ntraces_per_s = 1000\n"
            )
        configure_logging("info", io.StringIO())
        async with stopping(made):
            for member in ("th", "vn"):
                await made.start(member)
            yield made, collector
        configure_logging("error", io.StringIO())


async def test_one_trace_leads_from_the_officers_system_through_both_nodes(world: tuple[World, Collector]) -> None:
    made, collector = world
    asked = command(PASSPORT, traceparent=PARENT, tracestate="vendor=somchai-in-state")
    search = await made.nodes["th"].asking.searches.start(officer(), asked)
    assert lines(search)[VN].outcome is Outcome.HIT
    await until(
        lambda: {"ask", "answer"} <= {span.name for span in collector.spans() if span.trace_id.hex() == TRACE},
        "what is exported",
    )
    spans = [span for span in collector.spans() if span.trace_id.hex() == TRACE]
    by_id = {span.span_id: span for span in spans}
    ask, counterpart, answer = (
        next(span for span in spans if span.name == name) for name in ("ask", "ask counterpart", "answer")
    )
    assert ask.parent_span_id.hex() == "00f067aa0ba902b7"
    assert counterpart.parent_span_id == ask.span_id
    assert answer.parent_span_id == counterpart.span_id
    assert {span.name for span in spans} == {
        "ask", "ask own agencies", "ask counterpart", "answer", "policy", "source", "commit",
    }  # fmt: skip
    below = {span.name: by_id[span.parent_span_id].name for span in spans if span.parent_span_id in by_id}
    assert below["policy"] == below["source"] == "answer"
    assert {by_id[span.parent_span_id].name for span in spans if span.name == "commit"} == {"ask counterpart", "answer"}
    assert told(counterpart)["liaison.peer"] == "vn"
    assert told(counterpart)["liaison.outcome"] == told(answer)["liaison.outcome"] == "hit"
    assert told(answer)["liaison.exchange_id"] == lines(search)[VN].exchange_id
    for span in spans:
        assert 0 < span.start_time_unix_nano <= span.end_time_unix_nano
        if span is not ask:
            assert span.end_time_unix_nano - span.start_time_unix_nano < 5e9
    await until(lambda: any(line.trace_id.hex() == TRACE for line in collector.lines()), "what is exported")


async def test_nothing_of_any_question_reaches_the_collector(world: tuple[World, Collector]) -> None:
    """Each kind of question, hits and none, allowed and refused: no name or number is in any byte of any signal."""
    made, collector = world
    before = len(collector.bodies)
    for query in ASKED:
        asked = command(query, tracestate="a=somchai-in-state", traceparent=PARENT)
        await made.nodes["th"].asking.searches.start(officer(), asked)
        await made.nodes["th"].asking.searches.start(officer(), replace(asked, ticket="TICKET-5522", agreement="none"))
    await until(lambda: sum(span.name == "ask" for span in collector.spans()) >= 2 * len(ASKED), "what is exported")
    await until(
        lambda: {path for path, _ in collector.bodies[before:]} >= {"/v1/traces", "/v1/logs"}, "what is exported"
    )
    await until(lambda: any(path == "/v1/metrics" for path, _ in collector.bodies), "what is exported")
    received = b"\n".join(body for _, body in collector.bodies)
    assert found_in(received, SECRETS) == set()
    allowed = {f"liaison.{name}" for name in ATTRIBUTES} | {"error.type"}
    assert {name for span in collector.spans() for name in told(span)} <= allowed
    listed = {f"liaison.{name}" for name in FIELDS} | {"error.type", "exception.type", "liaison.dropped"}
    assert {name for line in collector.lines() for name in told(line)} <= listed
    assert all(span.trace_state == "" for span in collector.spans())


async def test_the_process_is_described_and_durations_are_counted(world: tuple[World, Collector]) -> None:
    made, collector = world
    await made.nodes["th"].asking.searches.start(officer(), command(DocumentQuery("ZZ0000001", "VNM")))
    for member in ("th", "vn"):
        await made.stop(member)  # the last export
    metrics = collector.metrics()
    for histogram in Histogram:
        points = metrics[histogram.value].histogram.data_points
        assert sum(point.count for point in points) > 0, histogram
        assert {0.2, 2.0} <= set(points[0].explicit_bounds)
    answered = metrics[Histogram.ANSWER.value].histogram.data_points
    assert {"hit", "no_hit"} <= {told(point)["outcome"] for point in answered}
    assert any(example.trace_id for point in answered for example in point.exemplars)
    assert {Metric.ENTRIES.value.removesuffix("_total"), *_READ_AT_ONCE} <= metrics.keys()
    assert planted.STOLEN_PASSPORT.number.encode() not in b"".join(body for _, body in collector.bodies)
    about = _resources(collector)
    assert {(each["service.name"], each["service.namespace"]) for each in about} == {
        ("liaison", "th"),
        ("liaison", "vn"),
    }
    wanted = {"service.instance.id", "service.version", "host.name", "host.arch", "os.type", "process.pid"}
    assert all(wanted <= each.keys() for each in about)


def _resources(collector: Collector) -> list[dict[str, str]]:
    exports = [ExportTraceServiceRequest.FromString(body) for path, body in collector.bodies if "traces" in path]
    return [told(part.resource) for each in exports for part in each.resource_spans]
