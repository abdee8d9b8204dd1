"""What is sent to the console beside its forms: long, slow and crooked requests, paths that climb, lines in logs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from io import StringIO
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.console.frame import forms
from gateway.telemetry import configure_logging
from tests.support.console_nodes import FORM, OFFICER, Consoles, Visitor, consoles
from tests.support.load import waiting
from tests.support.loop_watch import loop_watch

pytestmark = [pytest.mark.process, pytest.mark.asyncio(loop_scope="module")]

HEAD = "host: localhost\r\nsec-fetch-site: same-origin\r\ncontent-type: application/x-www-form-urlencoded\r\n"
MUCH = 10 * 1024 * 1024
LOG = StringIO()
LOOP_S = 0.1
"""For so long a request of any kind holds the loop at most; other work on the machine is in it."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Consoles]:
    folder: Path = tmp_path_factory.mktemp("transport")
    configure_logging("info", LOG)
    try:
        async with consoles(folder) as found:
            yield found
    finally:
        configure_logging("error", StringIO())


def statuses(answer: bytes) -> list[int]:
    """The statuses of all answers in what came back."""
    return [int(line.split(b" ")[1]) for line in answer.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]


def head(visitor: Visitor, method: str, path: str, more: str = "") -> bytes:
    """The head of a request of a person who is signed in."""
    cookie = f"cookie: __Host-liaison={visitor.secret}\r\norigin: {visitor.origin}\r\n"
    return f"{method} {path} HTTP/1.1\r\n{HEAD}{cookie}{more}\r\n".encode()


# ------------------------------------------------------------ requests of two readings

SECOND = b"GET /gate HTTP/1.1\r\nhost: localhost\r\n\r\n"
CROOKED = {
    "both lengths": b"content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "both lengths, the other first": b"transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n",
    "two lengths": b"content-length: 0\r\ncontent-length: 40\r\n\r\n",
    "a length with a sign": b"content-length: +0\r\n\r\n",
    "an encoding twice": b"transfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "an unknown encoding": b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a space before the colon": b"content-length : 40\r\n\r\n",
    "a folded line": b"x: a\r\n content-length: 40\r\n\r\n",
    "a bare return": b"x: a\rcontent-length: 40\r\n\r\n",
    "a zero byte": b"x: a\x00b\r\n\r\n",
    "a chunk with a false length": b"transfer-encoding: chunked\r\n\r\n-1\r\n\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("rest", CROOKED.values(), ids=CROOKED)
async def test_a_request_that_two_readers_take_differently_is_refused_and_nothing_behind_it_is_read(
    running: Consoles, rest: bytes
) -> None:
    start = b"POST /logout HTTP/1.1\r\nhost: localhost\r\n"
    answer = await running.raw(start + rest + SECOND, wait_s=3)
    if b"x: a\r\n content" in rest:  # a folded line is one line: its request has no body, and the second one is its own
        return
    assert statuses(answer) in ([400], [])


# ------------------------------------------------------------ long ones


@pytest.mark.parametrize(
    "more",
    [f"cookie: a={'b' * 40_000}\r\n", f"x: {'b' * 40_000}\r\n", "".join(f"x{n}: y\r\n" for n in range(200))],
    ids=["a cookie", "a header", "many headers"],
)
async def test_long_headers_are_refused_with_the_headers_that_guard_every_answer(running: Consoles, more: str) -> None:
    answer = await running.raw(f"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{more}\r\n".encode())
    assert statuses(answer) == [431]
    for name in (b"x-frame-options: DENY", b"content-security-policy: default-src", b"cache-control: no-store"):
        assert name in answer


async def test_ten_megabytes_are_refused_before_they_are_kept(running: Consoles) -> None:
    async with running.visitor(OFFICER) as officer:
        for path in ("/gate", "/language", "/logout", "/no-such-page"):
            with loop_watch() as watch:
                announced = head(officer, "POST", path, f"content-length: {MUCH}\r\n")
                chunk = b"10000\r\n" + b"a" * 0x10000 + b"\r\n"
                parts = head(officer, "POST", path, "transfer-encoding: chunked\r\n") + chunk * (MUCH // 0x10000)
                said, sent = await asyncio.gather(running.raw(announced, wait_s=2), running.raw(parts, wait_s=2))
            assert {*statuses(said), *statuses(sent)} <= {413, 403, 405, 404}, path
            assert watch.longest < LOOP_S
        assert (await officer.get("/gate")).status_code == 200


async def test_ten_thousand_fields_and_a_thousand_of_one_name_hold_nothing_up(running: Consoles) -> None:
    async with running.visitor(OFFICER) as officer:
        for body in ("&".join(f"f{n}=" for n in range(10_000)), "a&" * 30_000, "%" * 60_000, "to=vn&" * 900):
            content = f"form={FORM}&{body}".strip("&")
            with loop_watch() as watch:
                answer = await officer.client.post(
                    "/gate",
                    content=content,
                    headers={"content-type": "application/x-www-form-urlencoded", "origin": officer.origin},
                )
            assert answer.status_code in (400, 413)
            assert watch.longest < LOOP_S


# ------------------------------------------------------------ cookies


async def test_two_cookies_of_one_name_and_names_that_look_like_ours_are_no_session(running: Consoles) -> None:
    async with running.visitor(OFFICER) as officer, running.visitor() as stranger:
        own = officer.secret
        for cookie, is_in in (
            (f"__Host-liaison={own}", True),
            (f"a=b; __Host-liaison={own}; c=d", True),
            (f"__Host-liaison={own}; __Host-liaison={own}", False),
            (f"__Host-liaison=; __Host-liaison={own}", False),
            (f"__host-liaison={own}", False),
            (f"liaison={own}", False),
            (f'__Host-liaison="{own}"', False),
            (f"__Host-liaison={own}%00", False),
            (f"__Host-liaison-login={own}", False),
        ):
            answer = await stranger.get("/gate", cookie=cookie)
            assert (answer.status_code == 200) == is_in, cookie


# ------------------------------------------------------------ slow ones


async def test_who_sends_slowly_is_cut_and_others_are_served_meanwhile(
    running: Consoles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forms, "_BODY_S", 1.0)
    async with running.visitor(OFFICER) as officer:
        slow = [
            running.raw(b"GET / HTTP/1.1\r\nhost: localhost\r\nx-slow"),
            running.raw(head(officer, "POST", "/gate", "content-length: 100\r\n") + b"form="),
            running.raw(b"GET / HTTP/1.1\r\nhost: localhost\r\n" + b"a"),
        ]
        cut = asyncio.gather(*slow)
        with waiting() as watch:
            while not cut.done():
                assert (await officer.get("/gate")).status_code == 200
                await asyncio.wait({cut}, timeout=0.2)
                assert watch.seconds < 40
        _, body, _ = await cut
        assert statuses(body) in ([408], [504], [])


async def test_connections_without_a_certificate_share_the_places_of_their_address(running: Consoles) -> None:
    """One that holds many leaves those of other addresses theirs; here all come from one, and pages still open."""
    held = [await running.open() for _ in range(140)]
    try:
        async with running.visitor(OFFICER) as officer:
            assert (await officer.get("/gate")).status_code == 200
    finally:
        for _, writer in held:
            writer.close()


# ------------------------------------------------------------ paths


@pytest.mark.parametrize(
    "path",
    [
        "/assets/../../../etc/passwd",
        "/assets/%2e%2e/%2e%2e/parts.py",
        "/assets/{digest}/../live.js",
        "/assets/{digest}/..%2flive.js",
        "/assets/{digest}/%2e%2e%2f%2e%2e%2fnode.toml",
        "/assets/{digest}/..\\..\\node.toml",
        "/assets/{digest}/live.js%00.css",
        "/assets/{digest}/live.js/",
        "/assets/{digest}/LIVE.JS",
        "/assets//live.js",
        "/assets/0000000000000000/live.js",
        "/assets/{digest}/outline.json",
        "/assets/{digest}/" + "a" * 8000,
        "/assets/{digest}/%ff%fe",
        "//assets/{digest}/live.js",
    ],
)
async def test_no_path_leads_to_another_file(running: Consoles, path: str) -> None:
    async with running.visitor() as stranger:
        page = (await stranger.get("/login")).text
        digest = page.partition("/live.js")[0].rpartition("/")[2]
        good = f"GET /assets/{digest}/live.js HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode()
        assert statuses(await running.raw(good)) == [200]
        asked = f"GET {path.format(digest=digest)} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode()
        answer = await running.raw(asked)
    assert statuses(answer) in ([303], [400], [404])
    assert b"root:" not in answer
    assert len(answer) < 12_000 + len(path)


# ------------------------------------------------------------ logs


async def test_no_request_writes_a_line_of_its_own_into_the_log(running: Consoles) -> None:
    async with running.visitor() as stranger, running.visitor(OFFICER) as officer:
        evil = '%0A{"event":"forged","level":"info"}%0D%0A%1b[2J'
        for path in (f"/login/{evil}", f"/{evil}", f"/login/trial?next={evil}"):
            await stranger.get(path)
            await officer.get(path)
        forged = 'x\n{"event": "forged"}\r\n'
        await stranger.post("/login/trial", {"person": forged})
        await officer.post("/gate", {"asked": forged, "case": forged}, origin="https://evil.example")
        await officer.post("/language", {"language": forged})
        await running.raw(b"GET / HTTP/1.1\r\nhost: x\n{forged}\r\nx\r\n\r\n", wait_s=2)
    lines = LOG.getvalue().splitlines()
    assert lines
    for line in lines:
        assert json.loads(line)["event"] != "forged"
