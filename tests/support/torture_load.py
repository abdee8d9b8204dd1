"""The load on nodes under torture: a counterpart and officers, who keep every answer that they were given.

Lost answers they ask for again, with the same bytes or the same key.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import ssl
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import httpx2

from certs.names import tls_name
from gateway.agency.officer_tokens.issuer import Profile, TrialIssuer
from gateway.cli.client import client_certificate
from gateway.config.home import Home
from gateway.model.exchange import AnswerMessage
from gateway.model.names import MemberId
from gateway.model.purpose import Offence
from gateway.model.query import DocumentQuery
from gateway.model.requester import Requester
from gateway.rpc import methods
from gateway.statements.request import REQUEST_KIND
from tests.support.exchange import CLOCK, KH, Caller, answer_of, request, submission

_OFFICER = Profile("th.o.1042", "officer", "th.blo.aranyaprathet", "police", ("BORDER_CHECK", "INVESTIGATION"))
_CALLERS = 12
_PATIENCE_S = 60
_AGAIN = 16
"""Requests that are repeated after a kill; half as many searches."""

_AT_ONCE = 4
"""Lost searches that are asked for again at the same time."""

_FRESH_US = 20 * 1_000_000
"""A request that is older is not repeated: it would soon be refused as not fresh (statements.request)."""


@dataclass(slots=True)
class Counterpart:
    """`kh`, which asks `vn` and keeps each answer, and each request without one."""

    client: Caller
    key: Any
    up: asyncio.Event
    sent: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    answers: dict[str, AnswerMessage] = field(default_factory=dict)
    unchecked: list[tuple[str, AnswerMessage]] = field(default_factory=list)
    recent: deque[str] = field(default_factory=lambda: deque(maxlen=_AGAIN))

    async def work(self, gate: asyncio.Event, numbers: itertools.count[int]) -> None:
        """Ask for ever while the gate is open, on a new connection after each loss of one."""

        async def askers(channel: Any) -> None:
            while gate.is_set():
                await self.ask(channel, *self.new(next(numbers)))

        while True:
            await self.up.wait()
            with contextlib.suppress(grpc.aio.AioRpcError, TimeoutError):
                async with self.client.channel() as channel:
                    await asyncio.wait_for(channel.channel_ready(), 2)
                    await gate.wait()
                    await asyncio.gather(*(askers(channel) for _ in range(_CALLERS)))
            await asyncio.sleep(0.01)

    async def again(self) -> int:
        """Repeat the newest requests: answered ones get the same bytes, others get an answer now."""
        before, oldest_us = dict(self.answers), CLOCK.now_us() - _FRESH_US
        again = [number for number in self.recent if self.sent[number][0] > oldest_us]
        async with self.client.channel() as channel:
            await asyncio.gather(*(self.ask(channel, number, self.sent[number][1]) for number in again))
        for number in again:
            if number in before:
                first, second = before[number], self.answers[number]
                assert second.envelope == first.envelope, f"{number} got {answer_of(first)}, then {answer_of(second)}"
                assert second.entry == first.entry, f"{number} got another entry"
        return len(again)

    async def ask(self, channel: Any, exchange_id: str, envelope: bytes) -> None:
        data = await channel.unary_unary(methods.SUBMIT.path)(submission(envelope), timeout=_PATIENCE_S)
        message = methods.SUBMIT.answer.read(data)
        self.answers[exchange_id] = message
        self.unchecked.append((exchange_id, message))

    def new(self, number: int) -> tuple[str, bytes]:
        asked = request(
            sender=KH,
            offence=Offence.TIMBER,
            case="KH-2026-0099",
            requester=Requester("officer", "kh.blo.poipet", "customs", "0123456789abcdef"),
            query=DocumentQuery(f"B{number:07d}", "VNM"),
        )
        envelope = REQUEST_KIND.build(asked, self.key).envelope
        self.sent[asked.exchange_id] = asked.issued_us, envelope
        self.recent.append(asked.exchange_id)
        return asked.exchange_id, envelope


@dataclass(slots=True)
class Desk:
    """Officers of `th`, who ask over its REST API with keys that make a question repeatable."""

    home: Path
    address: str
    shown: dict[str, dict[str, Any]] = field(default_factory=dict)
    unchecked: list[dict[str, Any]] = field(default_factory=list)
    lost: dict[str, int] = field(default_factory=dict)
    recent: deque[str] = field(default_factory=lambda: deque(maxlen=_AGAIN // 2))
    keys: set[str] = field(default_factory=set)
    _token: tuple[float, str] = (0.0, "")

    async def work(self, gate: asyncio.Event, numbers: itertools.count[int]) -> None:
        """Ask for ever."""
        async with self.client() as client:
            while True:
                await gate.wait()
                number = next(numbers)
                try:
                    await self.ask(client, f"k-{number}", number)
                except httpx2.HTTPError:
                    self.lost[f"k-{number}"] = number
                    await asyncio.sleep(0.01)

    async def again(self) -> int:
        """Repeat lost searches under their keys, and compare the shown ones with what was kept.

        A machine under load needs seconds for the end of a killed process, and all are of one officer, who may have
        only so many under way.
        """
        lost, self.lost = self.lost, {}
        rest = iter(lost.items())

        async def asker() -> None:
            for key, number in rest:
                await self.ask(client, key, number)

        async with self.client() as client:
            await asyncio.gather(*(asker() for _ in range(_AT_ONCE)))
            await asyncio.gather(*(self._look(client, search_id) for search_id in tuple(self.recent)))
        return len(lost)

    async def _look(self, client: httpx2.AsyncClient, search_id: str) -> None:
        found = await client.get(f"/v1/searches/{search_id}", headers=self._headers(), extensions=self._sni)
        assert found.status_code == 200, found.text
        assert found.json()["lines"] == self.shown[search_id]["lines"], f"search {search_id} has changed"

    async def ask(self, client: httpx2.AsyncClient, key: str, number: int) -> None:
        body = {
            "query": {"kind": "document", "number": f"C{number:07d}", "issuer": "VNM"},
            "to": ["vn"],
            "purpose": "INVESTIGATION",
            "offence": "DOCFRAUD",
            "case": "TH-2026-0417",
        }
        self.keys.add(key)
        headers = self._headers() | {"idempotency-key": key}
        response = await client.post("/v1/searches", json=body, headers=headers, extensions=self._sni)
        assert response.status_code == 200, f"{key}: {response.status_code} {response.text}"
        found = response.json()
        self.unchecked.append(found)
        if all(line["outcome"] != "silent" for line in found["lines"]):  # a late answer may still change the others
            self.shown[found["id"]] = found
            self.recent.append(found["id"])

    @property
    def _sni(self) -> dict[str, str]:
        return {"sni_hostname": tls_name(MemberId("th"), "node1")}

    def client(self) -> httpx2.AsyncClient:
        home = Home(self.home)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(home.ca)
        context.load_cert_chain(home.certificate("client-cli"), home.key("client-cli"))
        return httpx2.AsyncClient(
            base_url=f"https://{self.address}", verify=context, trust_env=False, timeout=_PATIENCE_S
        )

    def _headers(self) -> dict[str, str]:
        made, token = self._token
        if time.monotonic() - made > 120 or not token:
            issuer = TrialIssuer.load(Home(self.home).key("token-issuer"), "th", CLOCK)
            token = issuer.issue(_OFFICER, client_certificate(Home(self.home)))
            self._token = (time.monotonic(), token)
        return {"authorization": f"Bearer {token}"}
