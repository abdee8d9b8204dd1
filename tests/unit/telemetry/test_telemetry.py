"""Logs, metrics and traces: one event one line, no personal data, and cheap counters."""

from __future__ import annotations

import io
import json
import logging
import os
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.errors import Forbidden, Misconfigured
from gateway.telemetry import (
    NO_TRACE,
    Counters,
    Gauge,
    Histogram,
    Logger,
    LogLine,
    Metric,
    configure_logging,
    serve_metrics,
)
from gateway.telemetry.logs import lost_lines
from gateway.telemetry.names import FIELDS
from tests.support.waiting import MOST_S


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    text = io.StringIO()
    configure_logging("debug", text)
    yield text
    configure_logging("error", io.StringIO())


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_line_of_json_with_time_and_level(stream: io.StringIO) -> None:
    Logger(component="node").info(LogLine.NODE_STARTED, member="th", version="1")
    (line,) = lines(stream)
    assert line["event"] == "node.started"
    assert line["level"] == "info"
    assert line["member"] == "th"
    assert str(line["time"]).endswith("Z")


def test_a_line_that_nobody_reads_any_more_costs_nothing_else(stream: io.StringIO) -> None:
    stream.close()
    Logger(component="node").error(LogLine.STORAGE_BROKEN, ValueError("gone"))
    read, write = os.pipe()
    os.close(read)
    with suppress(BrokenPipeError), os.fdopen(write, "w", buffering=1) as gone:  # closing it flushes what is lost
        configure_logging("debug", gone)
        Logger().info(LogLine.NODE_STARTED)
        logging.getLogger("a.library").warning("nobody reads this")


@pytest.mark.timeout(30)
def test_a_reader_that_stands_still_costs_lines_and_nothing_waits() -> None:
    """More lines than a pipe holds; those that fit are whole, and the others are counted."""
    read, write = os.pipe()
    before = lost_lines()
    with os.fdopen(write, "w", encoding="utf-8", buffering=1) as pipe, os.fdopen(read, encoding="utf-8") as reader:
        configure_logging("info", pipe)
        for number in range(2_000):
            Logger(component="node").info(LogLine.NODE_STARTED, count=number)
        lost = lost_lines() - before
        pipe.close()
        found = [json.loads(line)["count"] for line in reader]
    assert found == list(range(len(found)))
    assert len(found) + lost == 2_000
    assert lost > 0


def test_a_field_that_is_not_listed_is_left_out_and_counted(stream: io.StringIO) -> None:
    Logger().info(LogLine.ENTRY, name="สมชาย ใจดี", document="C1234567", peer="vn")
    assert "C1234567" not in stream.getvalue()
    assert lines(stream)[0]["dropped"] == 2


def test_l7_a_value_cannot_start_a_second_line(stream: io.StringIO) -> None:
    Logger().info(LogLine.ENTRY, peer='vn\n{"event":"node.started"}\u2028\x1b[2J')
    assert len(stream.getvalue().splitlines()) == 1
    assert "\x1b" not in stream.getvalue()


def test_the_text_of_an_exception_is_never_written(stream: io.StringIO) -> None:
    try:
        raise Forbidden("`Somchai Jaidee` may not be asked for", code="not-permitted")
    except Forbidden as error:
        Logger().error(LogLine.AGENCY_FAILED, error)
    (line,) = lines(stream)
    assert "Somchai" not in stream.getvalue()
    assert (line["error"], line["code"]) == ("Forbidden", "not-permitted")
    assert str(line["at"]).startswith("test_telemetry.py:")


def test_what_a_library_logs_is_a_line_without_its_text(stream: io.StringIO) -> None:
    logging.getLogger("sqlalchemy.engine").error("SELECT ... WHERE name = %s", "Somchai")
    (line,) = lines(stream)
    assert (line["event"], line["logger"]) == ("library", "sqlalchemy.engine")
    assert "Somchai" not in stream.getvalue()


def test_a_level_below_the_configured_one_is_not_written() -> None:
    text = io.StringIO()
    configure_logging("warning", text)
    Logger().info(LogLine.NODE_STARTED)
    assert text.getvalue() == ""


def test_no_listed_field_can_hold_content() -> None:
    assert not FIELDS & {
        "name",
        "names",
        "birth",
        "number",
        "document",
        "query",
        "body",
        "token",
        "case",
        "message",
        "text",
    }


def test_counts_with_the_same_labels_in_another_order_are_one() -> None:
    counters = Counters()
    counters.add(Metric.ENTRIES, peer="vn", outcome="hit")
    counters.add(Metric.ENTRIES, 2, outcome="hit", peer="vn")
    assert counters.counts() == [(Metric.ENTRIES, (("outcome", "hit"), ("peer", "vn")), 3)]
    assert counters.value(Metric.ENTRIES, peer="vn") == 3


def test_no_count_is_lost_between_threads() -> None:
    counters = Counters()

    def work() -> None:
        for _ in range(5_000):
            counters.add(Metric.ENTRIES, log="exchange")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counters.value(Metric.ENTRIES) == 20_000


@pytest.mark.process
def test_prometheus_reads_counters_and_gauges() -> None:
    pytest.importorskip("opentelemetry.exporter.prometheus")
    counters = Counters()
    counters.add(Metric.ENTRIES, 5, peer="vn", outcome="hit")
    counters.gauge(Gauge.LOG_SIZE, lambda: {(("log", "exchange"),): 3.0})
    labels = (("peer", "vn"), ("outcome", "hit"))
    for seconds in (0.2, 0.21, 60.0):
        counters.observe(Histogram.ANSWER, labels, seconds, NO_TRACE, 0)
    port, stop = serve_metrics(counters, "127.0.0.1", 0, {"service.name": "liaison", "service.instance.id": "gw1.th"})
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=MOST_S) as answer:
            text = answer.read().decode()
    finally:
        stop()
    (count,) = [line for line in text.splitlines() if line.startswith("liaison_entries_total{")]
    assert 'peer="vn"' in count
    assert count.endswith(" 5.0")
    assert any(line.startswith("liaison_log_size{") and line.endswith(" 3.0") for line in text.splitlines())
    buckets = {line.partition('le="')[2].partition('"')[0]: line.rpartition(" ")[2] for line in text.splitlines()
               if line.startswith("liaison_answer_duration_seconds_bucket{")}  # fmt: skip
    assert (buckets["0.15"], buckets["0.2"], buckets["2.0"], buckets["+Inf"]) == ("0.0", "1.0", "2.0", "3.0")
    assert counters.is_timed
    assert f"# HELP liaison_entries_total {Metric.ENTRIES.help}" in text
    assert f"# HELP liaison_log_size {Gauge.LOG_SIZE.help}" in text
    (about,) = [line for line in text.splitlines() if line.startswith("target_info{")]
    assert 'service_name="liaison"' in about
    assert 'service_instance_id="gw1.th"' in about


def test_every_name_has_its_sentence_and_only_listed_fields() -> None:
    for name in (*LogLine, *Metric, *Gauge):
        assert name.help.endswith("."), name
    assert {field for line in LogLine for field in line.labels} <= FIELDS


def test_metrics_are_not_served_to_the_network() -> None:
    with pytest.raises(Misconfigured):
        serve_metrics(Counters(), "0.0.0.0", 0, {})


def test_many_threads_write_lines_at_once(tmp_path: Path) -> None:
    """A thread that failed to write a line ended the process."""
    file, failed = tmp_path / "node.log", list[BaseException]()
    with file.open("w", encoding="utf-8") as stream:
        configure_logging("info", stream)
        log, together, usual = Logger(component="node"), threading.Barrier(8), sys.getswitchinterval()

        def write() -> None:
            together.wait()
            try:
                for _ in range(300):
                    log.info_each(LogLine.EXCHANGE, [{"kind": "answered", "peer": "th"}] * 3)
            except BaseException as error:  # noqa: BLE001 - whatever it is, it is a failure
                failed.append(error)

        sys.setswitchinterval(1e-6)
        try:
            threads = [threading.Thread(target=write) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            sys.setswitchinterval(usual)
    assert not failed
    assert file.read_text(encoding="utf-8").count('"event":"exchange"') == 8 * 300 * 3
