"""A process and its collector: nothing is loaded without one, the doctor tries it, and lines of programs arrive."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.app.run.start_checks import check_collector_answers, check_export
from gateway.app.run.telemetry import SOURCE, describe_process, exporting, start_export
from gateway.clock import SystemClock
from gateway.config import Home, load_settings
from gateway.config.sections.telemetry import Telemetry
from gateway.errors import Misconfigured
from gateway.ops.finding import CheckContext, Finding, Severity
from gateway.telemetry import Counters, Logger, LogLine, Metric, configure_logging, serve_metrics
from tests.support.collector import Collector, say, told
from tests.support.ports import free_port

CLOCK = SystemClock()


def context(home: Path, endpoint: str, *more: str) -> CheckContext:
    lines = ["[node]", 'member = "th"', *more, "[telemetry]", f'endpoint = "{endpoint}"']
    (home / "node.toml").write_text("\n".join(lines) + "\n")
    return CheckContext(load_settings(home, {}), Home(home), CLOCK)


def found(checked: CheckContext) -> Finding:
    (finding,) = check_collector_answers(checked)
    return finding


@pytest.mark.process
def test_without_a_collector_no_part_of_the_sdk_is_loaded() -> None:
    program = (
        "import sys, gateway.app.run.serve, gateway.app.run.source, gateway.app.run.domestic_witness\n"
        "parts = ('opentelemetry.sdk', 'opentelemetry.exporter', 'opentelemetry.proto', 'prometheus_client')\n"
        "sys.exit(', '.join(name for name in sys.modules if name.startswith(parts)) or 0)"
    )
    environment = {"PYTHONPATH": ":".join(part for part in sys.path if part)}
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, env=environment, text=True)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.process
def test_the_doctor_tries_the_collector(tmp_path: Path) -> None:
    away = found(context(tmp_path, f"http://127.0.0.1:{free_port()}"))
    assert away.severity is Severity.WARN
    with Collector().serving() as collector:
        endpoint = f"http://127.0.0.1:{collector.port}"
        assert found(context(tmp_path, endpoint)).severity is Severity.GOOD
        assert collector.bodies == [("/v1/traces", b"")]
        collector.answer = say(401)
        assert "401" in found(context(tmp_path, endpoint)).text
    assert check_collector_answers(context(tmp_path, "")) == []


@pytest.mark.process
def test_the_doctor_tells_what_the_running_node_has_lost(tmp_path: Path) -> None:
    pytest.importorskip("opentelemetry.exporter.prometheus")
    counters = Counters()
    counters.add(Metric.TELEMETRY_LOST, 7, signal="traces", reason="full")
    port, stop = serve_metrics(counters, "127.0.0.1", 0, {})
    try:
        with Collector().serving() as collector:
            listen = ("[listen]", f'metrics = "127.0.0.1:{port}"')
            lost = found(context(tmp_path, f"http://127.0.0.1:{collector.port}", *listen))
    finally:
        stop()
    assert lost.severity is Severity.WARN
    assert "lost 7" in lost.text


def test_files_that_cannot_be_used_refuse_a_start(tmp_path: Path) -> None:
    (tmp_path / "node.toml").write_text(
        '[node]\nmember = "th"\n[telemetry]\nendpoint = "https://127.0.0.1:1"\nca = "nowhere.pem"\n'
    )
    checked = CheckContext(load_settings(tmp_path, {}), Home(tmp_path), CLOCK)
    with pytest.raises(Misconfigured) as caught:
        check_export(checked)
    assert caught.value.code == "bad-collector-files"
    with pytest.raises(Misconfigured):
        start_export(checked.settings.telemetry, tmp_path, {}, CLOCK, Counters())


@pytest.mark.process
def test_the_lines_of_a_program_arrive_with_what_it_is(tmp_path: Path) -> None:
    configure_logging("info", io.StringIO())
    with Collector().serving() as collector:
        settings = Telemetry(endpoint=f"http://127.0.0.1:{collector.port}/otlp")
        about = describe_process(SOURCE, "th", "police.th")
        with exporting(settings, tmp_path, about, CLOCK):
            Logger(component="source").info(LogLine.NODE_STARTED, address="127.0.0.1:1", name="Somchai")
        Logger(component="source").info(LogLine.NODE_STOPPED)
    configure_logging("error", io.StringIO())
    (line,) = collector.lines()
    assert (line.event_name, line.severity_text) == ("node.started", "info")
    assert line.time_unix_nano > 1e18
    assert told(line) == {"liaison.component": "source", "liaison.address": "127.0.0.1:1", "liaison.dropped": 1}
    assert {path for path, _ in collector.bodies} <= {"/otlp/v1/logs", "/otlp/v1/metrics"}
    assert not any(b"Somchai" in body for _, body in collector.bodies)
