"""A collector that is away, slow or hostile: nothing waits for it, what is lost is counted, and TLS is verified."""

from __future__ import annotations

import gzip
import io
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.agency.api import application
from gateway.app.run.telemetry import Collector as Client
from gateway.app.run.telemetry import describe_process, start_export
from gateway.clock import SystemClock
from gateway.config.sections.telemetry import Telemetry
from gateway.errors import LiaisonError, Misconfigured, Unavailable
from gateway.telemetry import Counters, Metric, Recorder, Span, configure_logging
from gateway.telemetry.otlp.signals import Signal
from tests.support.collector import Answer, Collector, certificate, drip, nonsense, say, tls_server, unanswering
from tests.support.load import waiting
from tests.support.ports import free_port
from tests.support.waiting import wait_until

pytestmark = pytest.mark.process

CLOCK = SystemClock()
NOTHING = gzip.compress(b"")
ABOUT = describe_process("liaison", "th", "gw1.th")
MANY = 3 * Signal.TRACES.room


@pytest.fixture(autouse=True)
def quiet() -> None:
    configure_logging("error", io.StringIO())


def settings(port: int, scheme: str = "http", **more: Any) -> Telemetry:
    return Telemetry(
        endpoint=f"{scheme}://127.0.0.1:{port}", timeout_ms=300, sample_ratio=1.0, traces_per_s=10_000, **more
    )


class Exporting:
    """A recorder that exports to a port, and its counters."""

    def __init__(self, home: Path, told: Telemetry) -> None:
        self.counters = Counters()
        self.recorder = Recorder(self.counters, CLOCK.now_us, CLOCK.monotonic)
        self.stop = start_export(told, home, ABOUT, CLOCK, self.counters, self.recorder)

    def record(self, count: int) -> None:
        """Record sampled spans."""
        for _ in range(count):
            now = CLOCK.monotonic()
            self.recorder.record(self.recorder.span(Span.ANSWER, self.recorder.begin(), now, now, {"peer": "vn"}))

    def lost(self, reason: str) -> float:
        return self.counters.value(Metric.TELEMETRY_LOST, signal="traces", reason=reason)


@contextmanager
def hostile(kind: str) -> Iterator[int]:
    """The port of a collector of one kind."""
    answers: dict[str, Answer] = {
        "slow head": drip(b"H"),
        "slow body": drip(b"HTTP/1.0 200 OK\r\n\r\n"),
        "giant": say(200, bytes(64 * 1024 * 1024)),
        "nonsense": nonsense,
        "redirection": say(307, location="http://127.0.0.1:1/v1/traces"),
        "overloaded": say(503, retry_after="99999999999"),
    }
    with ExitStack() as stack:
        if kind == "away":
            yield free_port()
        elif kind == "unanswering":
            yield stack.enter_context(unanswering())
        else:
            collector = stack.enter_context(Collector().serving())
            collector.answer = answers[kind]
            yield collector.port


@pytest.mark.parametrize(
    "kind",
    ["away", "unanswering", "slow head", "slow body", "giant", "nonsense", "redirection", "overloaded"],
)
def test_whatever_a_collector_does_nothing_waits_and_the_end_is_bounded(tmp_path: Path, kind: str) -> None:
    with hostile(kind) as port:
        export = Exporting(tmp_path, settings(port))
        with waiting() as watch:
            export.record(MANY)
        assert watch.seconds < 10  # a waiting export takes 300 ms for each of 48 batches
        wait_until(lambda: export.lost("full") + export.lost("refused") > 0, "what was lost")
        with waiting() as watch:
            export.stop()
        assert watch.seconds < 6  # 2 s, on a busy machine
    kept = export.counters.value(Metric.TELEMETRY_SENT, signal="traces")
    assert export.lost("full") + export.lost("refused") + export.lost("ended") + kept >= MANY - 256 * 16


def test_what_waits_is_sent_when_the_collector_is_back(tmp_path: Path) -> None:
    with Collector().serving() as collector:
        collector.answer = say(503, retry_after="0")
        export = Exporting(tmp_path, settings(collector.port))
        export.record(100)
        wait_until(lambda: bool(collector.bodies), "a first export")
        collector.answer = say(200)
        export.stop()
    spans = {span.span_id for span in collector.spans()}
    assert len(spans) == 100
    assert export.counters.value(Metric.TELEMETRY_SENT, signal="traces") == 100


def test_what_a_collector_rejects_is_counted_and_a_lie_about_it_is_bounded(tmp_path: Path) -> None:
    rejects_a_billion = bytes.fromhex("0a06088094ebdc03")  # partial_success { rejected_spans: 1e9 }
    with Collector().serving() as collector:
        collector.answer = say(200, rejects_a_billion)
        export = Exporting(tmp_path, settings(collector.port, signals=("traces",)))
        export.record(10)
        export.stop()
    assert export.lost("refused") == 10


def test_tls_is_verified_and_a_client_certificate_and_headers_are_shown(tmp_path: Path) -> None:
    server, other, ours = (certificate(tmp_path, name) for name in ("collector", "other", "client"))
    headers = tmp_path / "headers"
    headers.touch(mode=0o600)
    headers.write_text("authorization: Bearer abc\nX-Scope: th\n")
    good = {"ca": "collector.pem", "certificate": "client.pem", "key": "client.key", "headers": "headers"}
    with Collector(tls_server(*server, ours[0])).serving() as collector:
        told = settings(collector.port, "https", **good)
        assert Client(told, tmp_path, CLOCK).post("/v1/traces", NOTHING).status == 200
        assert collector.headers[0]["authorization"] == "Bearer abc"
        assert collector.headers[0]["x-scope"] == "th"
        with pytest.raises(Unavailable, match="TLS"):
            Client(settings(collector.port, "https", **{**good, "ca": other[0].name}), tmp_path, CLOCK).post(
                "/", NOTHING
            )
        with pytest.raises(Unavailable):
            Client(settings(collector.port, "https", ca="collector.pem"), tmp_path, CLOCK).post("/v1/traces", NOTHING)
    assert len(collector.bodies) == 1


@pytest.mark.parametrize(
    ("lines", "mode"),
    [
        ("authorization Bearer abc", 0o600),
        ("content-length: 1", 0o600),
        ("a: b\na: c", 0o600),
        ("a: b\x00", 0o600),
        ("authorization: Bearer abc", 0o644),
    ],
)
def test_headers_that_cannot_be_sent_or_that_others_read_stop_the_start(tmp_path: Path, lines: str, mode: int) -> None:
    file = tmp_path / "headers"
    file.write_text(lines)
    file.chmod(mode)
    with pytest.raises(Misconfigured):
        start_export(settings(free_port(), headers="headers"), tmp_path, ABOUT, CLOCK, Counters())


def test_environment_variables_of_opentelemetry_and_proxies_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1",
        "OTEL_RESOURCE_ATTRIBUTES": "officer=somchai",
        "OTEL_SERVICE_NAME": "somchai",
        "HTTP_PROXY": "http://127.0.0.1:1",
        "http_proxy": "http://127.0.0.1:1",
    }.items():
        monkeypatch.setenv(name, text)
    with Collector().serving() as collector:
        export = Exporting(tmp_path, settings(collector.port))
        export.record(1)
        export.stop()
    assert len(collector.spans()) == 1
    assert not any(b"somchai" in body for _, body in collector.bodies)


def test_the_framework_of_the_rest_api_tells_nothing_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """FastAPI has telemetry of its own, which variables of the environment switch on: it tells texts of errors."""
    monkeypatch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    told: dict[str, object] = getattr(application.__wrapped__(), "_telemetry", {})
    assert [name for name, value in told.items() if value] == []


def test_a_thread_that_hangs_in_a_call_does_not_keep_the_process(tmp_path: Path) -> None:
    with unanswering() as port:
        export = Exporting(tmp_path, settings(port))
        export.record(1)
        wait_until(lambda: any(thread.name == "telemetry" for thread in threading.enumerate()), "its thread")
        export.stop()
    assert all(thread.daemon for thread in threading.enumerate() if thread.name == "telemetry")


def test_an_attribute_off_the_list_or_of_another_form_does_not_leave(tmp_path: Path) -> None:
    with Collector().serving() as collector:
        export = Exporting(tmp_path, settings(collector.port))
        now = CLOCK.monotonic()
        planted: dict[str, str | int] = {
            "peer": "Somchai", "officer": "th.o.1042", "code": "Somchai Jaidee", "source": "ทะเบียน", "count": "C123456",
            "outcome": "hit", "state": "C1234567", "exchange_id": "C1234567",
        }  # fmt: skip
        export.recorder.record(export.recorder.span(Span.ANSWER, export.recorder.begin(), now, now, planted))
        export.stop()
    (span,) = collector.spans()
    assert [(each.key, each.value.string_value) for each in span.attributes] == [("liaison.outcome", "hit")]


def test_a_collector_of_another_machine_needs_tls() -> None:
    with pytest.raises(LiaisonError):
        Client(Telemetry(endpoint="http://collector.example.org:4318"), Path(), CLOCK)
