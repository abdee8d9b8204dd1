"""A collector of OpenTelemetry: an HTTP server, with TLS where it is asked for, that keeps all it receives."""

from __future__ import annotations

import datetime
import gzip
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

Answer = Callable[[BaseHTTPRequestHandler], None]


def accept(handler: BaseHTTPRequestHandler) -> None:
    """Take an export."""
    handler.send_response(200)
    handler.send_header("content-length", "0")
    handler.end_headers()


def say(status: int, body: bytes = b"", **headers: str) -> Answer:
    """Answer with a status."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def drip(part: bytes) -> Answer:
    """Send a piece of an answer now and then, so that no single read is late."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        with suppress(OSError):
            for _ in range(6000):
                handler.wfile.write(part)
                time.sleep(0.01)

    return answer


def nonsense(handler: BaseHTTPRequestHandler) -> None:
    """Answer with bytes that are not HTTP."""
    handler.wfile.write(b"\x16\x03\x01" * 4096)


class Collector:
    """The server. `answer` may be changed while it runs; `bodies` has (path, bytes as they were before gzip)."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.answer: Answer = accept
        self.bodies: list[tuple[str, bytes]] = []
        self.headers: list[dict[str, str]] = []
        kept = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                data = self.rfile.read(int(self.headers["content-length"]))
                kept.headers.append({name.lower(): value for name, value in self.headers.items()})
                kept.bodies.append((self.path, gzip.decompress(data)))
                kept.answer(self)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: Any) -> None:
                """Say nothing: clients that go away are what is tried."""

        self._server = Server(("127.0.0.1", 0), Handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port: int = self._server.server_address[1]

    @contextmanager
    def serving(self) -> Iterator[Collector]:
        """Serve until the block ends."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.socket.close()
            thread.join()

    def spans(self) -> list[Any]:
        """All spans, decoded."""
        exports = [ExportTraceServiceRequest.FromString(body) for path, body in list(self.bodies) if "traces" in path]
        return [span for each in exports for part in each.resource_spans for scope in part.scope_spans
                for span in scope.spans]  # fmt: skip

    def lines(self) -> list[Any]:
        """All log records, decoded."""
        exports = [ExportLogsServiceRequest.FromString(body) for path, body in list(self.bodies) if "logs" in path]
        return [line for each in exports for part in each.resource_logs for scope in part.scope_logs
                for line in scope.log_records]  # fmt: skip

    def metrics(self) -> dict[str, Any]:
        """The last value of each metric, decoded, by its name."""
        exports = [ExportMetricsServiceRequest.FromString(body) for path, body in list(self.bodies)
                   if "metrics" in path]  # fmt: skip
        return {metric.name: metric for each in exports for part in each.resource_metrics
                for scope in part.scope_metrics for metric in scope.metrics}  # fmt: skip


def told(item: Any) -> dict[str, Any]:
    """The attributes of a decoded item."""
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in item.attributes}


@contextmanager
def unanswering() -> Iterator[int]:
    """A port that accepts connections and never reads."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield int(listener.getsockname()[1])


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1, and its key: both files."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now.replace(year=2099))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, secret = folder / f"{name}.pem", folder / f"{name}.key"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.touch(mode=0o600)
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return pem, secret


def tls_server(pem: Path, key: Path, client_ca: Path | None = None) -> ssl.SSLContext:
    """A server's TLS context; with `client_ca` it demands a client certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, key)
    if client_ca is not None:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
