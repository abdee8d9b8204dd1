"""`deploy/telemetry`: collector, dashboard and alerts are valid, and name metrics and commands that there are."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from gateway.cli.main import liaison
from gateway.telemetry.names import Gauge, Histogram, Metric
from tests.support.optional import needs
from tests.support.shared import PROJECT

FOLDER = PROJECT / "deploy" / "telemetry"
NAMES = {
    *(str(name) for name in (*Metric, *Gauge)),
    *(f"{name}{part}" for name in Histogram for part in ("_bucket", "_sum", "_count")),
}
LABELS = {label for name in (*Metric, *Gauge, *Histogram) for label in name.labels}
OF_OTHERS = {"le", "instance", "job"}
"""Labels that Prometheus adds."""


def read(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))


def rules() -> list[dict[str, Any]]:
    return [rule for group in read("alerts.yaml")["groups"] for rule in group["rules"]]


def panels() -> Iterator[tuple[str, str, str]]:
    """Yield (title, expression, legend) of each line of the dashboard."""
    dashboard = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"], target["legendFormat"]


def expressions() -> list[str]:
    return [*(expr for _, expr, _ in panels()), *(rule["expr"] for rule in rules())]


@pytest.fixture(scope="module")
def promtool() -> str:
    needs("promtool")
    return "promtool"


def run(*command: str) -> None:
    ran = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_alerts_are_valid_and_fire_when_they_should(promtool: str) -> None:
    run(promtool, "check", "rules", "--lint-fatal", "alerts.yaml")
    run(promtool, "check", "config", "--syntax-only", "prometheus.yaml")
    run(promtool, "test", "rules", "alerts-test.yaml")
    tried = {
        case["alertname"] for test in read("alerts-test.yaml")["tests"] for case in test["alert_rule_test"]
        if case["exp_alerts"]
    }  # fmt: skip
    assert tried == {rule["alert"] for rule in rules()}


def test_each_expression_of_the_dashboard_parses(promtool: str, tmp_path: Path) -> None:
    """As rules of one file: a program for each of them takes ten seconds."""
    plain = [expr.replace("$__rate_interval", "5m").replace("$instance", ".*") for _, expr, _ in panels()]
    wanted = [{"record": f"panel:{number}", "expr": expr} for number, expr in enumerate(plain)]
    file = tmp_path / "panels.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": wanted}]}), encoding="utf-8")
    run(promtool, "check", "rules", str(file))


def test_only_metrics_and_labels_that_there_are_are_asked_for() -> None:
    for expr in expressions():
        assert set(re.findall(r"\bliaison_\w+", expr)) <= NAMES, expr
        assert re.findall(r"\bliaison_\w+|\bup\b", expr), expr
        grouped = {name for part in re.findall(r"\b(?:by|on) \(([^)]*)\)", expr) for name in re.split(r",\s*", part)}
        matched = set(re.findall(r"(\w+)(?:=~|!~|!=|=)\"", expr))
        assert grouped | matched <= LABELS | OF_OTHERS | {"quantile"}, expr
    for _, _, legend in panels():
        assert set(re.findall(r"{{(\w+)}}", legend)) <= LABELS | OF_OTHERS


def test_each_alert_names_a_command_of_ours_as_the_remedy() -> None:
    for rule in rules():
        remedy = re.sub(r"{{.*?}}", "vn", rule["annotations"]["remedy"])
        program, *words = shlex.split(remedy)
        assert program == "liaison", rule["alert"]
        command: click.Command = liaison
        with click.Context(command) as context:
            while isinstance(command, click.Group):
                found = command.get_command(context, words.pop(0))
                assert found is not None, remedy
                command = found
            # A folder that is not there is the reader's own: all else of the line must parse.
            names = {name for parameter in command.params for name in parameter.opts}
            assert {word for word in words if word.startswith("--")} <= names, remedy
            required = {parameter.opts[0] for parameter in command.params if parameter.required}
            assert required <= set(words), remedy
        assert set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"]))) <= LABELS | OF_OTHERS
        assert rule["labels"]["severity"] in ("page", "ticket")


def test_the_pipelines_of_the_collector_name_parts_that_are_configured() -> None:
    collector = read("collector.yaml")
    pipelines = collector["service"]["pipelines"]
    assert pipelines.keys() == {"traces", "metrics", "logs"}
    for pipeline in pipelines.values():
        for kind in ("receivers", "processors", "exporters"):
            assert set(pipeline[kind]) <= collector[kind].keys()
    used = {(kind, name) for each in pipelines.values() for kind in each for name in each[kind]}
    assert used == {(kind, name) for kind in ("receivers", "processors", "exporters") for name in collector[kind]}
    http = collector["receivers"]["otlp"]["protocols"]["http"]
    assert http["tls"]["client_ca_file"]
    assert http["endpoint"].endswith(":4318")
