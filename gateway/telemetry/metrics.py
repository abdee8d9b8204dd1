"""Metrics for Prometheus: OpenTelemetry's SDK is loaded only when `listen.metrics` is set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module

from gateway.errors import Misconfigured
from gateway.host.addresses import is_loopback
from gateway.telemetry.counters import Counters


def check_metrics(host: str, where: str = "listen.metrics") -> None:
    """Raise `Misconfigured` where metrics cannot be served at `host`, or the extra for them is missing."""
    if not is_loopback(host):
        raise Misconfigured(
            "`{host}` is not a loopback address", where=where, remedy="metrics are served on 127.0.0.1", host=host
        )
    check_extra("prometheus", ("opentelemetry.exporter.prometheus", "prometheus_client"), "metrics need", where)


def check_extra(extra: str, modules: tuple[str, ...], what: str, where: str) -> None:
    """Raise `Misconfigured` where a module of an extra is missing; `what` says what needs it."""
    try:
        for module in modules:
            import_module(module)
    except ImportError as error:
        raise Misconfigured(
            "{what} the extra `{extra}`",
            where=where,
            remedy="pip install liaison-gateway[{extra}]",
            what=what,
            extra=extra,
        ) from error


def serve_metrics(
    counters: Counters, host: str, port: int, about: Mapping[str, str], where: str = "listen.metrics"
) -> tuple[int, Callable[[], None]]:
    """Serve `counters` at http://host:port/metrics; return the port, and the function that stops it.

    `about` describes the process, as attributes of a resource: `target_info` has them.

    Only a loopback address is served, since metrics have no access control of their own; raises `Misconfigured`
    otherwise, when the extra is missing, or when the address is taken.
    """
    check_metrics(host, where)
    from opentelemetry.exporter.prometheus import PrometheusMetricReader
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.resources import Resource
    from prometheus_client import CollectorRegistry, start_http_server

    from gateway.telemetry.instruments import make_instruments
    from gateway.telemetry.prometheus import HistogramCollector

    registry = CollectorRegistry()
    reader = PrometheusMetricReader(registry=registry)
    provider = MeterProvider(metric_readers=[reader], resource=Resource(about), shutdown_on_exit=False)
    make_instruments(provider.get_meter("liaison"), counters)
    registry.register(HistogramCollector(counters))
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        raise Misconfigured(
            "`{host}:{port}` cannot be used", where=where, remedy="choose a free port", host=host, port=port
        ) from error
    counters.is_timed = True

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join(5)
        provider.shutdown()

    return int(server.server_port), stop
