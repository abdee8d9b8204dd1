"""A web interface that hangs, lies, redirects, leads elsewhere or is somebody else gets nothing and tells nothing."""

from __future__ import annotations

import gzip
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.base import Adapter
from adapters.http.access import Access
from adapters.http.client import MAX_ITEM, Client
from gateway.clock import ManualClock, SystemClock
from gateway.errors import LiaisonError, Overloaded, TimedOut, Unavailable
from gateway.model.query import DocumentQuery
from tests.support.load import waiting
from tests.support.waiting import MOST_S
from tests.support.web_source import MAPPING, Authority, Interface, Reply, as_json, open_web, server_tls, serving

pytestmark = pytest.mark.process

CLOCK = SystemClock()
SECRET = "T_PERS secret stack trace at /srv/api"


@pytest.fixture
def interface() -> Interface:
    return Interface()


@pytest.fixture
def url(interface: Interface) -> Iterator[str]:
    with serving(interface) as address:
        yield address


@pytest.fixture
def source(tmp_path: Path, interface: Interface, url: str) -> Iterator[Adapter]:
    opened = open_web(tmp_path, url, CLOCK)
    yield opened
    opened.close()


def item(answer: Callable[[], Reply]) -> Callable[[str, dict[str, list[str]]], Reply | None]:
    return lambda path, query: answer() if path.startswith("/v1/persons/") else None


REPLIES: dict[str, Reply] = {
    "an error page": (500, {"Content-Type": "text/html"}, SECRET.encode()),
    "a refusal": (403, {"Content-Type": "application/json"}, json.dumps({"error": SECRET}).encode()),
    "html": (200, {"Content-Type": "text/html"}, b'{"person": {}}'),
    "no type": (200, {}, b'{"person": {}}'),
    "not json": (200, {"Content-Type": "application/json"}, SECRET.encode()),
    "duplicate members": (200, {"Content-Type": "application/json"}, b'{"person": 1, "person": 2}'),
    "nan": (200, {"Content-Type": "application/json"}, b'{"person": NaN}'),
    "depth": (200, {"Content-Type": "application/json"}, b"[" * 100_000 + b"]" * 100_000),
    "not utf-8": (200, {"Content-Type": "application/json"}, b'{"person": "\xff"}'),
    "a text": as_json({"person": SECRET}),
    "another key": as_json({"person": {"id": SECRET}}),
    "compressed": (
        200,
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
        gzip.compress(b"[" + b" " * 9_000_000),
    ),
    "too large": as_json({"person": "x" * (MAX_ITEM + 1)}),
    "a redirect": (302, {"Location": "http://127.0.0.1:1/elsewhere"}, SECRET.encode()),
    "a moved page": (308, {"Location": "/v1/persons/p%2F1"}, b""),
    "nothing": (204, {}, b""),
    "a part": (206, {"Content-Type": "application/json"}, b"{}"),
}


@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES.keys())
def test_k10_a_bad_answer_is_unavailable_and_none_of_its_text_comes_out(
    source: Adapter, interface: Interface, reply: Reply
) -> None:
    interface.reply = item(lambda: reply)
    with pytest.raises(Unavailable) as caught:
        source.fetch("p/1", "Person", CLOCK.monotonic() + 3)
    assert SECRET[:6] not in f"{caught.value} {caught.value.where} {caught.value.code}"
    assert "/elsewhere" not in interface.asked
    interface.reply = lambda path, query: None
    assert source.fetch("p/1", "Person", CLOCK.monotonic() + 3).key == "p/1"


@pytest.mark.parametrize(
    ("reply", "remedy"),
    [
        ((302, {"Location": "http://127.0.0.1:1/elsewhere"}, b""), "status 302: redirects are not followed"),
        ((401, {}, SECRET.encode()), "status 401: check certificate, client and scope"),
        ((500, {}, SECRET.encode()), "status 500: look into the interface's own log"),
        ((200, {"Content-Type": "text/html"}, SECRET.encode()), "the address of the interface"),
        (as_json({"person": "x" * (MAX_ITEM + 1)}), "pages of a smaller size"),
    ],
    ids=["redirect", "not let in", "broken", "a page for people", "too large"],
)
def test_what_is_wrong_with_an_interface_is_said_by_its_status_and_with_a_remedy(
    source: Adapter, interface: Interface, reply: Reply, remedy: str
) -> None:
    interface.reply = item(lambda: reply)
    with pytest.raises(Unavailable) as caught:
        source.fetch("p/1", "Person", CLOCK.monotonic() + 3)
    assert remedy in caught.value.remedy
    assert SECRET[:6] not in caught.value.remedy


def test_an_interface_that_is_not_there_and_one_that_wants_a_long_rest_are_told(
    tmp_path: Path, interface: Interface, url: str
) -> None:
    with pytest.raises(Unavailable) as caught:
        open_web(tmp_path, "http://127.0.0.1:9", CLOCK)
    assert "host, port" in caught.value.remedy
    client = Client(url, Access(None, None), CLOCK, "x")
    interface.reply = lambda path, query: (429, {"Retry-After": "99999"}, b"")
    with pytest.raises(TimedOut) as late:
        client.get(f"{url}/v1/persons", CLOCK.monotonic() + 1, patient=True)
    assert late.value.remedy == "it asks to be left alone for 300 s more (Retry-After)"
    client.close()


def test_a_list_that_turns_bad_leaves_the_old_index_which_is_not_searched(
    tmp_path: Path, interface: Interface, url: str
) -> None:
    clock = ManualClock(datetime(2026, 11, 24, 12, tzinfo=UTC))
    source = open_web(tmp_path, url, clock)
    interface.tag = '"2"'
    interface.reply = lambda path, query: as_json({"data": "none"}) if "after" in query else None
    with pytest.raises(Unavailable) as caught:
        source.refresh()
    assert caught.value.code == "source-unlike-mapping"
    with pytest.raises(Unavailable, match="the last look at the source failed"):
        source.search(DocumentQuery("PA0000007"), clock.monotonic() + 3)
    interface.reply = lambda _path, _query: None
    source.refresh()
    assert source.search(DocumentQuery("PA0000007"), clock.monotonic() + 3).candidates


@pytest.mark.parametrize(
    "following",
    [
        "https://elsewhere.example/v1/persons",
        "//elsewhere.example/v1/persons",
        "http://127.0.0.1:1/v1/persons",
        "file:///etc/passwd",
        "http://user@127.0.0.1/v1/persons",
        "http://[::1",
    ],
)
def test_a_next_link_to_another_host_is_refused(tmp_path: Path, interface: Interface, url: str, following: str) -> None:
    interface.reply = lambda path, query: (
        as_json({"data": [], "meta": {"next": following}}) if path == "/v1/persons" else None
    )
    by_address = MAPPING.replace('paging = "cursor"\nparameter = "after"', 'paging = "next"')
    with pytest.raises(Unavailable) as caught:
        open_web(tmp_path, url, CLOCK, mapping=by_address)
    assert caught.value.code == "source-leads-elsewhere"
    by_header = MAPPING.replace('paging = "cursor"\nparameter = "after"\nnext = "meta.next"', 'paging = "link"')
    interface.reply = lambda path, query: (
        as_json({"data": []}, Link=f'<{following}>; rel="next"') if path == "/v1/persons" else None
    )
    with pytest.raises(Unavailable):
        open_web(tmp_path, url, CLOCK, mapping=by_header)


def test_a_base_path_is_not_left_by_links(tmp_path: Path, interface: Interface, url: str) -> None:
    interface.reply = lambda path, query: as_json({"data": [], "meta": {"next": "/other/persons"}})
    mapping = MAPPING.replace('paging = "cursor"\nparameter = "after"', 'paging = "next"')
    with pytest.raises(Unavailable) as caught:
        open_web(
            tmp_path,
            f"{url}/api",
            CLOCK,
            mapping=mapping.replace(
                '[http.nations]\npath = "/v1/nations"', '[http.nations]\npath = "/n"\nrows = "data"'
            ),
        )
    assert caught.value.code == "source-leads-elsewhere"


def test_pages_that_go_in_circles_end(tmp_path: Path, interface: Interface, url: str) -> None:
    interface.reply = lambda path, query: (
        as_json({"data": [], "meta": {"next": "same"}}) if path == "/v1/persons" else None
    )
    with pytest.raises(Unavailable) as caught:
        open_web(tmp_path, url, CLOCK)
    assert caught.value.code == "source-endless"


# ---------------------------------------------------------------- time


def dripping(first: bytes, done: threading.Event) -> Callable[[BaseHTTPRequestHandler], bool]:
    """Sends `first`, and then one byte after the other without an end."""

    def send(handler: BaseHTTPRequestHandler) -> bool:
        try:
            handler.wfile.write(first)
            while not done.wait(0.02):
                handler.wfile.write(b" ")
        except OSError:
            pass
        handler.close_connection = True
        return True

    return send


@pytest.mark.parametrize(
    "first",
    [
        b"HTTP/1.1 200 OK\r\nX:",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 999999\r\n\r\n{",
    ],
)
def test_k5_a_server_that_drips_is_left_at_the_deadline(source: Adapter, interface: Interface, first: bytes) -> None:
    done = threading.Event()
    interface.stream = dripping(first, done)
    with waiting() as watch, pytest.raises(TimedOut):
        source.fetch("p/1", "Person", CLOCK.monotonic() + 0.3)
    assert watch.seconds < 1.5
    done.set()
    interface.stream = lambda handler: False
    assert source.fetch("p/1", "Person", CLOCK.monotonic() + 3).key == "p/1"


def test_k5_a_server_that_says_nothing_is_left_at_the_deadline(source: Adapter, interface: Interface) -> None:
    done = threading.Event()

    def hang(handler: BaseHTTPRequestHandler) -> bool:
        done.wait(MOST_S)
        handler.close_connection = True
        return True

    interface.stream = hang
    with waiting() as watch, pytest.raises(TimedOut):
        source.fetch("p/1", "Person", CLOCK.monotonic() + 0.2)
    assert watch.seconds < 1.5
    assert source.health()
    done.set()


def test_k2_an_endless_body_ends_at_the_limit(source: Adapter, interface: Interface) -> None:
    def flood(handler: BaseHTTPRequestHandler) -> bool:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
        try:
            while True:
                handler.wfile.write(b" " * 65_536)
        except OSError:
            handler.close_connection = True
        return True

    interface.stream = flood
    with pytest.raises(Unavailable) as caught:
        source.fetch("p/1", "Person", CLOCK.monotonic() + 5)
    assert caught.value.code == "source-too-large"


def test_a_connection_that_breaks_is_unavailable(source: Adapter, interface: Interface) -> None:
    def cut(handler: BaseHTTPRequestHandler) -> bool:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{")
        handler.close_connection = True
        return True

    interface.stream = cut
    with pytest.raises(Unavailable):
        source.fetch("p/1", "Person", CLOCK.monotonic() + 3)


def test_a_wish_for_patience_beyond_the_deadline_is_no_wait(url: str, interface: Interface) -> None:
    interface.reply = lambda path, query: (503, {"Retry-After": "60"}, b"")
    client = Client(url, Access(None, None), CLOCK, "x")
    with waiting() as watch:
        with pytest.raises(TimedOut):
            client.get(f"{url}/v1/persons", CLOCK.monotonic() + 2, patient=True)
        with pytest.raises(Overloaded):
            client.get(f"{url}/v1/persons", CLOCK.monotonic() + 2)
    assert watch.seconds < 1
    client.close()


# ---------------------------------------------------------------- who it is


def test_a_server_of_another_authority_or_name_gets_no_request(tmp_path: Path) -> None:
    ours, other = Authority(tmp_path, "ours"), Authority(tmp_path, "other")
    for context in (server_tls(other), server_tls(ours, host="elsewhere.example")):
        interface = Interface()
        with serving(interface, context) as url, pytest.raises(Unavailable):
            open_web(tmp_path, url, CLOCK, '[http]\nca = "ours-ca.pem"\n')
        assert interface.asked == []


def test_a_server_that_speaks_old_tls_only_gets_no_request(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    context = server_tls(authority)
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    interface = Interface()
    with serving(interface, context) as url, pytest.raises(Unavailable):
        open_web(tmp_path, url, CLOCK, '[http]\nca = "test-ca.pem"\n')
    assert interface.asked == []


def test_without_our_certificate_a_server_that_wants_one_is_unavailable(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    interface = Interface()
    with serving(interface, server_tls(authority, wants_client=True)) as url, pytest.raises(Unavailable):
        open_web(tmp_path, url, CLOCK, '[http]\nca = "test-ca.pem"\n')
    assert interface.asked == []


def test_proxies_of_the_environment_are_not_used(
    tmp_path: Path, url: str, interface: Interface, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert open_web(tmp_path, url, CLOCK).search(DocumentQuery("PA0000001"), CLOCK.monotonic() + 3).candidates


# ---------------------------------------------------------------- anything at all

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
_ROW = st.fixed_dictionaries(
    {"id": _VALUES}, optional=dict.fromkeys(("name", "born", "nation", "state", "papers"), _VALUES)
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(_VALUES | _ROW, max_size=5) | _VALUES, body=st.none() | st.binary(max_size=200))
def test_whatever_a_page_holds_only_reasons_or_our_errors_come_out(
    tmp_path_factory: pytest.TempPathFactory, rows: Any, body: bytes | None
) -> None:
    interface = Interface()
    sent = json.dumps({"data": rows}).encode() if body is None else body
    interface.reply = lambda path, query: (
        (200, {"Content-Type": "application/json"}, sent) if path == "/v1/persons" else None
    )
    with serving(interface) as url:
        try:
            open_web(tmp_path_factory.mktemp("web"), url, CLOCK).close()
        except LiaisonError:
            return
