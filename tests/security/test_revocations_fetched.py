"""CASE-D12: the identity provider's list is fetched over real TLS; a bad or slow server changes and holds nothing."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from certs.authority import create_authority, issue
from certs.keyfiles import create_key
from certs.names import CertificateName, CertificateUse, tls_name
from gateway.agency.officer_tokens.fetch import RevocationFetch
from gateway.agency.officer_tokens.issuer import TRIAL_KEY, TrialIssuer
from gateway.agency.officer_tokens.revocations import MAX_LIST, Revocations
from gateway.app.core import first_rounds
from gateway.app.run.start_checks import check_revocations
from gateway.clock import SystemClock
from gateway.config import Home, load_settings
from gateway.errors import LiaisonError, Misconfigured, Unauthenticated, Unavailable, each_of
from gateway.ops.finding import CheckContext, Finding, Severity
from tests.security.test_revocations import is_revoked, signed
from tests.support.exchange import entries, sample_world, stopping
from tests.support.forger import eventually
from tests.support.load import waiting
from tests.support.rest import MEMBER

CLOCK = SystemClock()
NAME = CertificateName(MEMBER, CertificateUse.NODE, "idp")
HOST = tls_name(MEMBER, "idp")

Answer = Callable[[ssl.SSLSocket], None]


def body(data: bytes, status: str = "200 OK", more: str = "") -> Answer:
    head = f"HTTP/1.1 {status}\r\n{more}content-length: {len(data)}\r\n\r\n".encode()
    return lambda line: line.sendall(head + data)


def drip(part: bytes) -> Answer:
    """Answer with a piece of the answer now and then, so that no single read is late."""

    def answer(line: ssl.SSLSocket) -> None:
        for _ in range(600):
            line.sendall(part)
            time.sleep(0.05)

    return answer


class Provider:
    """An https server of one answer, with a certificate of its own authority."""

    def __init__(self, folder: Path) -> None:
        authority = create_authority(folder / "ca", MEMBER, CLOCK)
        key = create_key(folder / "server.key")
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        (folder / "server.pem").write_bytes(issue(authority, key.public_key(), NAME, CLOCK))
        self.ca = folder / "ca.pem"
        self.ca.write_bytes(authority.pem)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(folder / "server.pem", folder / "server.key")
        self.answer: Answer = body(b"")
        self.requests: list[bytes] = []
        self.shakes_hands = True
        self.port = 0

    @contextmanager
    def serving(self) -> Iterator[Provider]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
            thread = threading.Thread(target=self._accept, args=(listener,), daemon=True)
            thread.start()
            yield self
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            if not self.shakes_hands:
                client.recv(1 << 16)
                time.sleep(30)
            with self.context.wrap_socket(client, server_side=True) as line:
                self.requests.append(line.recv(1 << 16))
                self.answer(line)


@pytest.fixture
def provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    folder = tmp_path / "idp"
    folder.mkdir()
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *rest, **more: real(
        "127.0.0.1" if host == HOST else host, *rest, **more))  # fmt: skip  # the names of certificates resolve nowhere
    with Provider(folder).serving() as made:
        yield made


@pytest.fixture
def key(tmp_path: Path) -> Any:
    return create_key(tmp_path / "idp.key")


@pytest.fixture
def revoked(tmp_path: Path, key: Any) -> Revocations:
    (tmp_path / "home").mkdir()
    return Revocations(MEMBER, tmp_path / "home", lambda: {TRIAL_KEY: key.public_key()}, CLOCK)


def fetching(provider: Provider, revoked: Revocations, host: str = HOST, **more: Any) -> RevocationFetch:
    return RevocationFetch(f"https://{host}:{provider.port}/lists/th?now=1", provider.ca, revoked.take, CLOCK, **more)


def test_d12_the_list_of_the_address_is_in_force_and_the_next_one_after_it(
    provider: Provider, revoked: Revocations, key: Any
) -> None:
    now = CLOCK.now_us() // 1_000_000
    fetch = fetching(provider, revoked)
    provider.answer = body(signed(key, persons=["th.o.1"], issued=now - 5))
    fetch.fetch()
    assert is_revoked(revoked, "th.o.1")
    assert provider.requests[0].startswith(b"GET /lists/th?now=1 HTTP/1.1\r\nhost: " + HOST.encode())
    provider.answer = body(signed(key, persons=["th.o.2"], issued=now))
    fetch.fetch()
    assert [is_revoked(revoked, person) for person in ("th.o.1", "th.o.2")] == [False, True]
    provider.answer = body(signed(key, persons=["th.o.1"], issued=now - 5))
    fetch.fetch()  # a mirror that lags: the newer list stays, and nothing is wrong
    assert [is_revoked(revoked, person) for person in ("th.o.1", "th.o.2")] == [False, True]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (body(b"", "503 Service Unavailable"), "status 503"),
        (body(b"", "302 Found", "location: https://127.0.0.1/other\r\n"), "status 302"),
        (lambda line: line.sendall(b"rubbish\r\n\r\n"), "BadStatusLine"),
        (lambda line: line.sendall(b"HTTP/1.1 200 OK\r\n" + b"x: " + b"y" * 70_000), "LineTooLong"),
        (lambda _line: None, "not fetched"),
    ],
)
def test_d12_an_answer_that_is_no_list_changes_nothing(
    provider: Provider, revoked: Revocations, key: Any, answer: Answer, said: str
) -> None:
    revoked.take(signed(key, persons=["th.o.1"]))
    provider.answer = answer
    with pytest.raises(Unavailable, match=said) as refused:
        fetching(provider, revoked).fetch()
    assert refused.value.code == "revocations-not-fetched"
    assert is_revoked(revoked, "th.o.1")


def test_d12_a_list_that_is_too_large_or_of_another_key_is_not_taken(
    provider: Provider, revoked: Revocations, tmp_path: Path
) -> None:
    read: list[int] = []
    fetch = RevocationFetch(f"https://{HOST}:{provider.port}", provider.ca, lambda data: read.append(len(data)), CLOCK)
    provider.answer = body(b"a" * (8 * MAX_LIST))
    fetch.fetch()
    assert read == [MAX_LIST + 1], "no more than that is ever held"
    with pytest.raises(LiaisonError) as large:
        fetching(provider, revoked).fetch()
    assert large.value.code == "body-too-large"
    provider.answer = body(signed(create_key(tmp_path / "foreign.key"), persons=["th.o.1"]))
    with pytest.raises(Unauthenticated):
        fetching(provider, revoked).fetch()
    assert not is_revoked(revoked, "th.o.1")


def test_d12_only_a_server_of_the_named_authority_and_name_is_read(
    provider: Provider, revoked: Revocations, key: Any, tmp_path: Path
) -> None:
    provider.answer = body(signed(key, persons=["th.o.1"]))
    with pytest.raises(Unavailable, match="TLS"):
        fetching(provider, revoked, "127.0.0.1").fetch()
    other = create_authority(tmp_path / "other", MEMBER, CLOCK)
    provider.ca.write_bytes(other.pem)
    with pytest.raises(Unavailable, match="TLS"):
        fetching(provider, revoked).fetch()
    provider.ca.write_bytes(b"rubbish")
    with pytest.raises(Misconfigured, match="CA certificate"):
        fetching(provider, revoked).fetch()
    assert not provider.requests
    assert not is_revoked(revoked, "th.o.1")


@pytest.mark.parametrize(
    "part", [b"H", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\na", None]
)
def test_d12_a_server_that_drips_or_hangs_ends_in_time(
    provider: Provider, revoked: Revocations, part: bytes | None
) -> None:
    provider.shakes_hands = part is not None
    provider.answer = drip(part or b"")
    with waiting() as watch, pytest.raises(Unavailable):
        fetching(provider, revoked, within_s=1.0).fetch()
    assert watch.seconds < 15, "the server would have gone on for 30 s"


@pytest.mark.parametrize(
    "url",
    ["http://id.example/list", "https://", "https://id.example:99999/", "https://a b/", "https://id/\r\nx: y",
     "https://user@id/", "https://id/#x", "ftp://id/"],
)  # fmt: skip
def test_only_an_https_address_with_its_ca_is_a_setting(tmp_path: Path, url: str) -> None:
    settings = tmp_path / "node.toml"
    settings.write_text(f'[node]\nmember = "th"\n[tokens]\nrevocations_url = {url!r}\n'.replace("'", '"'))
    with pytest.raises(Misconfigured) as refused:
        load_settings(tmp_path)
    told = [str(error) for error in each_of(refused.value)]
    assert any("is not an https address" in text for text in told)
    assert any("`tokens.revocations_ca` is missing" in text for text in told)


@pytest.mark.asyncio(loop_scope="function")
async def test_d12_a_running_node_fetches_by_itself_and_tells_when_it_cannot(
    tmp_path: Path, provider: Provider
) -> None:
    world = sample_world(tmp_path, ("th",))
    home = world.home("th")
    with (home / "node.toml").open("a") as file:
        file.write(
            f'[tokens]\nrevocations_url = "https://{HOST}:{provider.port}/list"\nrevocations_ca = "{provider.ca}"\n'
        )
    provider.answer = body(b"", "503 Service Unavailable")
    async with stopping(world):
        node = await world.start("th")
        told = partial(alarmed, node)
        await eventually(lambda: told() == ["revocations-not-fetched"])
        core = node.core
        (round_,) = [each for each in first_rounds(core) if each.name == "revocations by URL"]
        assert (round_.every_s, round_.line) == (30.0, ""), "it holds up no other round"
        (found,) = doctor_says(home)
        assert (found.severity, "status 503" in found.text) == (Severity.WARN, True)
        provider.answer = body(issuer_list(core, persons=["th.o.9"]))
        assert [each.severity for each in doctor_says(home)] == [Severity.GOOD]
        await round_.work()
        assert is_revoked(core.revoked, "th.o.9")
        await eventually(lambda: any(item.entry.kind == "revocations" for item in entries(node, "operations")))
        assert asyncio.get_running_loop().is_running()


def alarmed(node: Any) -> list[str]:
    return [item.private["code"] for item in entries(node, "operations") if item.entry.kind == "alarm"]


def doctor_says(home: Path) -> list[Finding]:
    return check_revocations(CheckContext(load_settings(home), Home(home), CLOCK))


def issuer_list(core: Any, **claims: Any) -> bytes:
    """Sign a list with the node's own issuer for trials, as its identity provider does."""
    home = core.resources.home
    issuer = TrialIssuer.load(home.key("token-issuer"), MEMBER, CLOCK)
    return signed(issuer._key, **claims)
