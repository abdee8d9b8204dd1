"""A small REST interface of an agency over real TLS on loopback, with certificates of its own authority."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from adapters.base import Adapter
from adapters.load import Place, open_source
from gateway.clock import Clock

MAPPING = """
[source]
id = "la.immigration.web"
agency = "immigration"
kind = "immigration records"
junk = ["-"]

[marking]
level = "OFFICIAL"
releasable_to = ["th"]

[http.persons]
path = "/v1/persons"
rows = "data"
item = "/v1/persons/{key}"
item_row = "person"
paging = "cursor"
parameter = "after"
next = "meta.next"

[http.nations]
path = "/v1/nations"

[[record]]
type = "Person"
table = "persons"
key = "id"
live = [{ column = "state", in = ["1"] }]
left_out = ["addresses", "warnings", "status", "national_ids", "sex"]

[record.join.nation]
kind = "codes"
table = "nations"
column = "code"
to = "nation"

[record.join.papers]
kind = "nested"
path = "papers"

[record.fields]
names = [{ column = "name.full", convert = "name" }]
birth = { column = "born", convert = "date", formats = ["yyyy-mm-dd"] }
nationalities = [{ column = "nation.iso3", convert = "country" }]
documents = { from = "papers", item = { number = { column = "no" }, issuer = { column = "by", convert = "country" } } }

[record.search]
names = { field = "names" }
birth = { field = "birth" }
documents = { field = "documents" }
"""

NATIONS = [{"code": "L", "iso3": "LAO"}, {"code": "T", "iso3": "THA"}]


def person(number: int, **changed: Any) -> dict[str, Any]:
    """An invented person as the interface writes one."""
    return {
        "id": f"p/{number}",
        "name": {"full": f"Khamla Sisavath {number:03d}"},
        "born": "1980-02-17",
        "nation": "L",
        "state": 1,
        "papers": [{"no": f"PA{number:07d}", "by": "LAO"}],
    } | changed


Reply = tuple[int, dict[str, str], bytes]


def as_json(value: Any, **headers: str) -> Reply:
    """A good answer."""
    return 200, {"Content-Type": "application/json"} | headers, json.dumps(value).encode()


@dataclass
class Interface:
    """The answers of the server; tests change them. `reply` may answer instead of the usual ways."""

    persons: list[dict[str, Any]] = field(default_factory=lambda: [person(n) for n in range(1, 8)])
    page: int = 3
    tag: str = '"1"'
    token: str = ""
    secret: str = "Basic bGlhaXNvbjpzM2NyZXQlMjE="
    tokens_given: int = 0
    reply: Callable[[str, dict[str, list[str]]], Reply | None] = lambda path, query: None
    stream: Callable[[BaseHTTPRequestHandler], bool] = lambda handler: False
    asked: list[str] = field(default_factory=list)

    def answer(self, target: str, authorization: str) -> Reply:
        """The answer to a GET."""
        parts = urlsplit(target)
        query = parse_qs(parts.query)
        self.asked.append(target)
        if self.token and authorization != f"Bearer {self.token}":
            return 401, {}, b"who are you"
        return self.reply(parts.path, query) or self._usual(parts.path, query)

    def _usual(self, path: str, query: dict[str, list[str]]) -> Reply:
        if path == "/v1/nations":
            return as_json(NATIONS)
        if path == "/v1/persons":
            start = int(query.get("after", ["0"])[0])
            following = start + self.page if start + self.page < len(self.persons) else None
            rows = self.persons[start : start + self.page]
            return as_json({"data": rows, "meta": {"next": following}}, ETag=self.tag)
        key = unquote(path.removeprefix("/v1/persons/"))
        found = [each for each in self.persons if each["id"] == key]
        return as_json({"person": found[0]}) if found else (404, {}, b"no such row in table T_PERS")

    def give_token(self, authorization: str, form: str) -> Reply:
        """The answer of the token endpoint."""
        if authorization != self.secret or "grant_type=client_credentials" not in form:
            return 401, {"Content-Type": "application/json"}, b'{"error":"invalid_client"}'
        self.tokens_given += 1
        self.token = f"token-{self.tokens_given}"
        return as_json({"access_token": self.token, "token_type": "Bearer", "expires_in": 3600})


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, interface: Interface) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.interface = interface

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep quiet: many tests are about clients that go away."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        if not self.server.interface.stream(self):
            self._send(self.server.interface.answer(self.path, self.headers.get("Authorization", "")))

    def do_POST(self) -> None:
        form = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        self._send(self.server.interface.give_token(self.headers.get("Authorization", ""), form))

    def _send(self, reply: Reply) -> None:
        status, headers, body = reply
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: Any) -> None:
        """Print nothing."""


@contextmanager
def serving(interface: Interface, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve `interface`; yield its address."""
    server = _Server(interface)
    if tls:
        # The handshake waits for the handler's own thread.
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Authority:
    """A certificate authority for tests, writing PEM files into a folder."""

    def __init__(self, folder: Path, name: str = "test") -> None:
        self._folder = folder
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name} CA")])
        self._key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(self._name, self._key, is_ca=True, usage=None)
        self.ca = folder / f"{name}-ca.pem"
        self.ca.write_bytes(certificate)

    def issue(self, name: str, host: str = "127.0.0.1", is_server: bool = False) -> tuple[Path, Path]:
        """Files with a certificate and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        usage = ExtendedKeyUsageOID.SERVER_AUTH if is_server else ExtendedKeyUsageOID.CLIENT_AUTH
        certificate, secret = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        certificate.write_bytes(self._sign(subject, key, is_ca=False, usage=usage, host=host))
        secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        secret.chmod(0o600)
        return certificate, secret

    def _sign(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, is_ca: bool, usage: Any, host: str = ""
    ) -> bytes:
        now = dt.datetime.now(dt.UTC)  # noqa: TID251 - certificates are checked against the machine's clock
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .add_extension(
                x509.KeyUsage(not is_ca, False, False, False, False, is_ca, is_ca, False, False), critical=True
            )
        )
        if usage:
            builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        if host:
            names = [x509.IPAddress(ipaddress.ip_address(host)) if host[0].isdigit() else x509.DNSName(host)]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)


def server_tls(authority: Authority, host: str = "127.0.0.1", wants_client: bool = False) -> ssl.SSLContext:
    """The server's side of TLS; with `wants_client`, only clients of the same authority get in."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("server", host, is_server=True))
    if wants_client:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(authority.ca)
    return context


def open_web(folder: Path, url: str, clock: Clock, access: str = "", mapping: str = MAPPING) -> Adapter:
    """The source at `url`; `access` is the text of its access file."""
    (folder / "web.toml").write_text(mapping, encoding="utf-8")
    path = None
    if access:
        path = folder / "access.toml"
        path.write_text(access, encoding="utf-8")
        path.chmod(0o600)
    return open_source(Place(folder / "web.toml", url, folder / "index", clock, access=path))
