"""CASE-B5 at the REST port: neither the form of a request nor many requests of one system hold the loop of a node."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.https.listener import MOST_PARTS, _InTurns
from tests.security.test_rest_connections import Client
from tests.support.loop_watch import HELD_S, loop_watch
from tests.support.rest import Rest, StoredSearches, rest_api

HEAD = b"POST /v1/searches HTTP/1.1\r\nhost: gw1\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n"
A_BYTE = b"1\r\n \r\n"
BODY = json.dumps(
    {
        "query": {"kind": "document", "number": "C1234567", "issuer": "VNM"},
        "to": ["vn"],
        "purpose": "INVESTIGATION",
        "offence": "NARC",
        "case": "TH-1",
    }
).encode()


@pytest.fixture
async def rest(tmp_path: Path) -> AsyncIterator[Rest]:
    async with rest_api(tmp_path, StoredSearches()) as running:
        yield running


def head(rest: Rest, with_token: bool) -> bytes:
    token = rest.bearer()["authorization"].encode() if with_token else b"none"
    return HEAD + b"authorization: " + token + b"\r\n\r\n"


@pytest.mark.parametrize("with_token", [True, False], ids=["an officer", "a refused token"])
async def test_a_body_in_parts_of_a_byte_is_cut_and_holds_no_loop(rest: Rest, with_token: bool) -> None:
    client = await Client.open(rest)
    with loop_watch() as watch:
        with contextlib.suppress(OSError):
            await client.send(head(rest, with_token) + A_BYTE * 100_000)
        assert await client.ended() < 5
    assert watch.longest < HELD_S


async def test_a_body_in_many_parts_is_read(rest: Rest) -> None:
    blanks = MOST_PARTS - 1
    client = await Client.open(rest)
    body = A_BYTE * blanks + f"{len(BODY):x}\r\n".encode() + BODY + b"\r\n0\r\n\r\n"
    status, found = await client.answer(head(rest, True) + body)
    assert (status, found["lines"][0]["member"]) == (200, "vn")
    status, _ = await client.answer(head(rest, True) + body)
    assert status == 200, "each request has its own parts"


async def test_of_many_requests_of_one_system_one_begins_in_each_turn() -> None:
    begun: list[str] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        begun.append(scope["state"]["system"])

    in_turns = _InTurns(app)

    def request(system: str) -> asyncio.Task[None]:
        return asyncio.ensure_future(in_turns({"state": {"system": system}}, None, None))

    flood = [request("one") for _ in range(100)]
    flood[-1].cancel()
    await asyncio.sleep(0)
    await request("other")
    assert begun.index("other") <= 2
    await asyncio.gather(*flood, return_exceptions=True)
    assert begun.count("one") == 99
    assert not in_turns._turns, "systems that ask nothing leave nothing"
