"""Metrics for Prometheus: OpenTelemetry's SDK is loaded only when `listen.metrics` is set."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

from gateway import __version__
from gateway.errors import Misconfigured
from gateway.telemetry.counters import Counters
from gateway.telemetry.logs import lost_lines, redacted_fields
from gateway.telemetry.names import Gauge, Metric

SERVICE = "liaison"
"""The name of the service in `target_info`."""


def check_metrics(host: str, where: str = "listen.metrics") -> None:
    """Raise `Misconfigured` where metrics cannot be served at `host`, or the extra for them is missing."""
    if not _is_loopback(host):
        raise Misconfigured(
            "`{host}` is not a loopback address", where=where, remedy="metrics are served on 127.0.0.1", host=host
        )
    try:
        for module in ("opentelemetry.exporter.prometheus", "prometheus_client"):
            import_module(module)
    except ImportError as error:
        raise Misconfigured(
            "metrics need the extra `prometheus`", where=where, remedy="pip install liaison-gateway[prometheus]"
        ) from error


def serve_metrics(
    counters: Counters, host: str, port: int, where: str = "listen.metrics", instance: str = ""
) -> tuple[int, Callable[[], None]]:
    """Serve `counters` at http://host:port/metrics; return the port, and the function that stops it.

    `instance` names the node in `target_info`.

    Only a loopback address is served, since metrics have no access control of their own; raises `Misconfigured`
    otherwise, when the extra is missing, or when the address is taken.
    """
    check_metrics(host, where)
    from opentelemetry.exporter.prometheus import PrometheusMetricReader
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.resources import Resource
    from prometheus_client import CollectorRegistry, start_http_server

    registry = CollectorRegistry()
    reader = PrometheusMetricReader(registry=registry)
    about = {"service.name": SERVICE, "service.version": __version__, "service.instance.id": instance}
    provider = MeterProvider(metric_readers=[reader], resource=Resource(about), shutdown_on_exit=False)
    _instruments(provider.get_meter("liaison"), counters)
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        raise Misconfigured(
            "`{host}:{port}` cannot be used", where=where, remedy="choose a free port", host=host, port=port
        ) from error

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join(5)
        provider.shutdown()

    return int(server.server_port), stop


def _instruments(meter: Any, counters: Counters) -> None:
    from opentelemetry.metrics import CallbackOptions, Observation

    def counts(metric: Metric) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def read(_options: CallbackOptions) -> Iterable[Observation]:
            if metric is Metric.REDACTED_FIELDS:
                return [Observation(redacted_fields())]
            if metric is Metric.LOST_LOG_LINES:
                return [Observation(lost_lines())]
            return [Observation(count, dict(labels)) for name, labels, count in counters.counts() if name is metric]

        return read

    def values(gauge: Gauge) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def read(_options: CallbackOptions) -> Iterable[Observation]:
            found = counters.gauges().get(gauge)
            return [Observation(value, dict(labels)) for labels, value in found().items()] if found else []

        return read

    for metric in Metric:
        # The exporter adds `_total` itself.
        meter.create_observable_counter(metric.value.removesuffix("_total"), [counts(metric)], description=metric.help)
    for gauge in Gauge:
        meter.create_observable_gauge(gauge.value, [values(gauge)], description=gauge.help)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
