"""Tell of a running process what settings ask for: metrics for Prometheus, and what an OpenTelemetry collector gets."""

from __future__ import annotations

import os
import platform
import re
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from gateway import __version__
from gateway.app.resources import Resources
from gateway.clock import Clock
from gateway.config.load import collector_address, host_port
from gateway.config.schema import Settings
from gateway.config.sections.telemetry import Telemetry
from gateway.errors import LiaisonError, Misconfigured, Unavailable
from gateway.host.private_file import read_private
from gateway.https.bounded_call import Answer, Server, call, tls_context
from gateway.telemetry import Counters, Metric, Recorder, Sampler
from gateway.telemetry.logs import export_lines
from gateway.telemetry.metrics import check_extra, serve_metrics
from gateway.throttle import Rates, Throttle

NODE, SOURCE, WITNESS = "liaison", "liaison-source", "liaison-witness"
"""Names of the three programs (`service.name`)."""

STOP_S = 2.0
"""Seconds that the end of a process waits for a last export."""

_MOST = 64 * 1024
_MOST_METRICS = 4 * 1024 * 1024
_LOST = f"{Metric.TELEMETRY_LOST}{{"
_BURST_S = 1.0
_HEADER = re.compile(r"([A-Za-z0-9-]{1,64}): *([!-~](?:[ -~]{0,4096}[!-~])?)", re.ASCII)
_OURS = frozenset({"host", "connection", "content-length", "content-type", "content-encoding", "transfer-encoding"})


class Collector:
    """The collector that the settings name. Files are read again for each export, so that they may be renewed."""

    def __init__(self, settings: Telemetry, home: Path, clock: Clock) -> None:
        self._address = collector_address(settings.endpoint, "telemetry.endpoint")
        self._settings = settings
        self._home = home
        self._monotonic = clock.monotonic

    def post(self, path: str, body: bytes) -> Answer:
        """Send an export. Raises `Unavailable` where no answer came, `Misconfigured` where a file cannot be used."""
        address = self._address
        server = Server(address.host, address.port, address.authority, self._tls() if address.is_secured else None)
        return call(
            server,
            f"POST {address.path.rstrip('/')}{path}",
            {**self._headers(), "content-type": "application/x-protobuf", "content-encoding": "gzip"},
            body,
            within_s=self._settings.timeout_ms / 1000,
            most=_MOST,
            monotonic=self._monotonic,
        )

    def check(self) -> None:
        """Raise `Misconfigured` where a file of the settings cannot be used."""
        if self._address.is_secured:
            self._tls()
        self._headers()

    def _tls(self) -> ssl.SSLContext:
        settings = self._settings
        try:
            context = tls_context(str(self._home / settings.ca))
            if settings.certificate:
                read_private(self._home / settings.key, remedy="name the key file: telemetry.key")
                context.load_cert_chain(self._home / settings.certificate, self._home / settings.key)
        except OSError as error:
            raise Misconfigured(
                "the CA, certificate or key for the collector cannot be used: {why}",
                code="bad-collector-files",
                where="telemetry.ca",
                remedy="name PEM files that belong together: telemetry.ca, telemetry.certificate, telemetry.key",
                why=error.strerror or type(error).__name__,
            ) from error
        return context

    def _headers(self) -> Mapping[str, str]:
        if not self._settings.headers:
            return {}
        file = self._home / self._settings.headers
        text = read_private(file, "credential", "name the file of headers: telemetry.headers").decode("latin-1")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        found = [_HEADER.fullmatch(line) for line in lines]
        named = {match[1].lower(): match[2] for match in found if match}
        if len(named) != len(lines) or not _OURS.isdisjoint(named):
            raise Misconfigured(
                "line {number} is no header that can be sent",
                code="bad-headers",
                where=str(file),
                remedy="one `name: value` on each line, each name once, and none of those that the node sends itself",
                number=next((place for place, match in enumerate(found, 1) if not match), len(lines)),
            )
        return named


def describe_process(program: str, member: str, instance: str) -> dict[str, str]:
    """Return the attributes of this process as a resource, by the semantic conventions."""
    return {
        "service.name": program,
        "service.namespace": member,
        "service.instance.id": instance,
        "service.version": __version__,
        "host.name": socket.gethostname(),
        "host.arch": platform.machine(),
        "os.type": platform.system().lower(),
        "process.pid": str(os.getpid()),
        "process.runtime.name": platform.python_implementation().lower(),
        "process.runtime.version": platform.python_version(),
        "telemetry.sdk.name": "opentelemetry",
        "telemetry.sdk.language": "python",
    }


def start_export(
    settings: Telemetry,
    home: Path,
    about: Mapping[str, str],
    clock: Clock,
    counters: Counters,
    recorder: Recorder | None = None,
) -> Callable[[], None]:
    """Begin to send what `settings` say to the collector that they name; return the function that ends it.

    Raises `Misconfigured` for files that cannot be used, or without the extra. A collector that is away is no error.
    """
    if not settings.endpoint:
        return lambda: None
    check_collector(settings, home, clock)
    # Imported here: the SDK takes memory and a third of a second of each start, and most processes name no collector.
    from gateway.telemetry.otlp.encoding import Encoder
    from gateway.telemetry.otlp.exporter import Exporter
    from gateway.telemetry.otlp.signals import Signal

    signals = [signal for signal in Signal if signal.value in settings.signals]
    encoder = Encoder(about, counters, clock.now_us() * 1000)
    exporter = Exporter(Collector(settings, home, clock).post, encoder, counters, signals, clock.now_us)
    end_lines = export_lines(exporter.take_line) if Signal.LOGS in signals else lambda: None
    counters.is_timed = counters.is_timed or Signal.METRICS in signals
    if recorder is not None and Signal.TRACES in signals:
        recorder.export(_sampler(settings, clock), exporter)
    exporter.start()

    def stop() -> None:
        end_lines()
        exporter.stop(STOP_S)

    return stop


def check_collector(settings: Telemetry, home: Path, clock: Clock) -> None:
    """Raise `Misconfigured` where nothing could be sent: without the extra, or with files that cannot be used."""
    check_extra("otlp", ("opentelemetry.exporter.otlp.proto.common",), "telemetry.endpoint needs", "telemetry.endpoint")
    Collector(settings, home, clock).check()


@contextmanager
def exporting(settings: Telemetry, home: Path, about: Mapping[str, str], clock: Clock) -> Iterator[None]:
    """Send the log lines of a program, and what became of them, to the collector that its settings name."""
    stop = start_export(settings, home, about, clock, Counters())
    try:
        yield
    finally:
        stop()


def lost_items(settings: Settings, clock: Clock) -> int:
    """Return how many items the running node has lost, by its own metrics; 0 where these are not served."""
    if not settings.listen.metrics:
        return 0
    host, port = host_port(settings.listen.metrics)
    server = Server(host, port, settings.listen.metrics, None)
    try:
        answer = call(server, "GET /metrics", {}, b"", within_s=2.0, most=_MOST_METRICS, monotonic=clock.monotonic)
    except Unavailable:
        return 0
    lines = (line for line in answer.body.decode("utf-8", "replace").splitlines() if line.startswith(_LOST))
    return int(sum(float(line.rpartition(" ")[2]) for line in lines))


def _sampler(settings: Telemetry, clock: Clock) -> Sampler:
    ours = Throttle(settings.traces_per_s, _BURST_S)
    of_peers = Rates(settings.traces_per_s, clock.monotonic, _BURST_S)
    return Sampler(settings.sample_ratio, lambda: ours.admits(clock.monotonic()), of_peers.admits)


def start_telemetry(resources: Resources, place: int) -> tuple[str, Callable[[], None]]:
    """Begin to tell of a node; return the address of its metrics (or an empty text), and the function that ends it.

    `place` is the number of this process among those that serve the home: each takes the next port.
    """
    settings, counters = resources.settings, resources.counters
    instance = f"{settings.node.name}.{settings.node.member}" + (f".{place}" if place else "")
    about = describe_process(NODE, settings.node.member, instance)
    stop_export = start_export(settings.telemetry, settings.home, about, resources.clock, counters, resources.recorder)
    if not settings.listen.metrics:
        return "", stop_export
    host, port = host_port(settings.listen.metrics)
    try:
        port, stop_metrics = serve_metrics(counters, host, port + place if port else 0, about)
    except LiaisonError:
        stop_export()
        raise

    def stop() -> None:
        stop_metrics()
        stop_export()

    return f"{host}:{port}", stop
