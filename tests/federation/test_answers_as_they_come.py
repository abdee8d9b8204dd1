"""An officer sees each line as it comes: over the REST API and in the command, while one counterpart hangs."""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from certs.names import tls_name
from gateway.agency.officer_tokens.issuer import Profile, TrialIssuer
from gateway.cli.client import client_certificate
from gateway.config import Home
from gateway.demo.sources import planted
from gateway.errors import Unavailable
from gateway.model.exchange import AnswerMessage
from gateway.model.names import MemberId
from tests.support.cli import Liaison
from tests.support.exchange import CLOCK, sample_world, stopping
from tests.support.nodes import World, silent_after
from tests.support.ports import free_port

pytestmark = pytest.mark.asyncio(loop_scope="module")

OFFICER = Profile("th.o.1042", "officer", "th.blo.aranyaprathet", "police", ("BORDER_CHECK", "INVESTIGATION"))
WHO = ("--as", OFFICER.person, "--role", OFFICER.role, "--office", OFFICER.office, "--agency", OFFICER.agency)
STOLEN = planted.STOLEN_PASSPORT
ASK = {
    "query": {"kind": "document", "number": STOLEN.number, "issuer": STOLEN.issuer},
    "to": ["vn", "kh"],
    "purpose": "INVESTIGATION",
    "offence": "NARC",
    "case": "TH-2026-0417",
}
WITHIN_S = 60.0
"""Far longer than any of these takes: a test that waits for so long has failed."""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = sample_world(tmp_path_factory.mktemp("waiting"))
    settings = made.home("th") / "node.toml"
    text = settings.read_text().replace("127.0.0.1:0", f"127.0.0.1:{free_port()}")
    settings.write_text(text.replace("[node]", f'[node]\nname = "{made.federation["th"].name}"'))
    async with stopping(made):
        for member in ("th", "vn", "kh"):
            await made.start(member)
        yield made


@pytest.fixture
def vn(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[asyncio.Event]:
    """The way of answers from `vn`, which are held until it is open."""
    peers, is_open = world.nodes["th"].core.peers, asyncio.Event()
    exchange = peers.exchange

    async def held(member: MemberId, *arguments: Any) -> AnswerMessage:
        message = await exchange(member, *arguments)
        if member == "vn":
            await is_open.wait()
        return message

    monkeypatch.setattr(peers, "exchange", held)
    yield is_open
    is_open.set()


@pytest_asyncio.fixture(loop_scope="module")
async def client(world: World) -> AsyncIterator[httpx2.AsyncClient]:
    """An agency system that asks for one officer."""
    home = Home(world.home("th"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(home.ca)
    context.load_cert_chain(home.certificate("client-cli"), home.key("client-cli"))
    token = TrialIssuer.load(home.key("token-issuer"), "th", CLOCK).issue(OFFICER, client_certificate(home))
    url = f"https://{world.nodes['th'].addresses['agency']}"
    headers = {"authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(
        base_url=url, verify=context, trust_env=False, timeout=WITHIN_S, headers=headers
    ) as made:
        yield made


def sni(world: World) -> dict[str, str]:
    return {"sni_hostname": tls_name(MemberId("th"), world.federation["th"].name)}


async def begin(world: World, client: httpx2.AsyncClient, **headers: str) -> httpx2.Response:
    asked = {"prefer": "respond-async", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return await client.post("/v1/searches", json=ASK, headers=asked, extensions=sni(world))


async def states(world: World, client: httpx2.AsyncClient, location: str) -> AsyncIterator[dict[str, Any]]:
    """Yield each state of a search as it comes, and an empty one at the end of the stream."""
    asked = {"accept": "text/event-stream"}
    async with client.stream("GET", location, headers=asked, extensions=sni(world)) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        async for line in stream.aiter_lines():
            if line.startswith("data: "):
                yield json.loads(line.removeprefix("data: "))


def outcomes(search: dict[str, Any]) -> dict[str, str]:
    return {line["member"]: line["outcome"] for line in search["lines"]}


async def test_a_search_begins_at_once_and_each_line_comes_until_the_late_answer_is_there(
    world: World, client: httpx2.AsyncClient, vn: asyncio.Event
) -> None:
    with silent_after(world.nodes["th"]):
        begun = await begin(world, client)
        assert (begun.status_code, begun.headers["preference-applied"]) == (202, "respond-async")
        assert begun.headers["location"] == f"/v1/searches/{begun.json()['id']}"
        assert not begun.json()["done"]
        seen: list[dict[str, Any]] = []
        async for search in states(world, client, begun.headers["location"]):
            seen.append(search)
            if search and search["done"]:
                vn.set()
    *lines, last, end = seen
    while_waiting = [search for search in lines if search["waiting_for"] == ["vn"]]
    assert outcomes(while_waiting[-1])["kh"] in ("hit", "no_hit")
    assert not while_waiting[-1]["done"]
    silent = next(search for search in lines if search["done"])
    assert (outcomes(silent)["vn"], silent["awaiting_late"]) == ("silent", ["vn"])
    late = next(line for line in last["lines"] if line["member"] == "vn")
    assert (late["outcome"], late["late"], last["awaiting_late"]) == ("hit", True, [])
    assert end == {}
    stored = await client.get(begun.headers["location"], extensions=sni(world))
    assert stored.json()["lines"] == last["lines"]


async def test_without_a_wish_the_answer_comes_whole(
    world: World, client: httpx2.AsyncClient, vn: asyncio.Event
) -> None:
    vn.set()
    found = await client.post("/v1/searches", json=ASK, extensions=sni(world))
    assert (found.status_code, found.json()["done"]) == (200, True)


async def test_a_repeated_key_finds_the_search_that_runs(
    world: World, client: httpx2.AsyncClient, vn: asyncio.Event
) -> None:
    first, again = [await begin(world, client, idempotency_key="k-1") for _ in range(2)]
    assert first.headers["location"] == again.headers["location"]
    assert not again.json()["done"]


async def test_a_refusal_is_told_at_once_also_to_those_who_do_not_wait(
    world: World, client: httpx2.AsyncClient
) -> None:
    asked = ASK | {"case": ""}
    refused = await client.post("/v1/searches", json=asked, headers={"prefer": "respond-async"}, extensions=sni(world))
    assert (refused.status_code, refused.json()["code"]) == (400, "missing-case")


async def test_what_breaks_a_search_off_is_told_with_it_and_is_no_answer(
    world: World, client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = world.nodes["th"].core.writers.exchange

    async def full(*_: object) -> None:
        raise Unavailable("no room for an entry", code="disk-reserve")

    monkeypatch.setattr(writer, "write", full)
    async with asyncio.timeout(WITHIN_S):
        begun = await begin(world, client)
        *_, last, _ = [search async for search in states(world, client, begun.headers["location"])]
    assert (last["problem"]["code"], last["done"]) == ("disk-reserve", True)
    assert outcomes(last) == {"vn": "silent", "kh": "silent"}


# ------------------------------------------------------------ the command


class Command:
    """`liaison` as a process, whose lines are read while it runs."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[str] = []

    @classmethod
    async def start(cls, *arguments: object) -> Command:
        words = (sys.executable, "-m", "gateway.cli", *map(str, arguments))
        pipe = asyncio.subprocess.PIPE
        return cls(await asyncio.create_subprocess_exec(*words, stdout=pipe, stderr=pipe))

    async def until(self, start: str) -> str:
        """Read to the line that begins so."""
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.lines.append(line.decode().rstrip())
            if self.lines[-1].startswith(start):
                return self.lines[-1]
        assert self.process.stderr is not None
        raise AssertionError((await self.process.stderr.read()).decode() + "\n".join(self.lines))

    async def end(self) -> int:
        """Read the rest; return the exit code."""
        assert self.process.stdout is not None
        self.lines += [line.decode().rstrip() async for line in self.process.stdout]
        return await self.process.wait()


def ask(world: World, *more: str) -> tuple[str | Path, ...]:
    query = ("ask", "document", "--number", STOLEN.number, "--issuer", STOLEN.issuer, "--home", world.home("th"))
    return (*query, *WHO, "--to", "vn,kh", "--purpose", "INVESTIGATION", "--offence", "NARC", "--case", "T-1", *more)


async def test_the_command_prints_each_line_as_it_comes_and_shows_the_late_answer_again(
    world: World, vn: asyncio.Event, capsys: pytest.CaptureFixture[str]
) -> None:
    async with asyncio.timeout(WITHIN_S):
        command = await Command.start(*ask(world))
        await command.until("  th  our own agencies: ")
        await command.until("  kh  ")
        vn.set()
        await command.until("  vn  1 hit")
        assert await command.end() == 0
    assert command.lines[-1].startswith("  search ")
    search_id = command.lines[-1].split()[-1]
    shown = await asyncio.to_thread(Liaison(capsys), "search", "show", search_id, "--home", world.home("th"), *WHO)
    assert (shown.code, "  vn  1 hit" in shown.out) == (0, True)


async def test_a_late_answer_is_announced_and_found_with_search_show(
    world: World, vn: asyncio.Event, capsys: pytest.CaptureFixture[str]
) -> None:
    liaison, home = Liaison(capsys), ("--home", world.home("th"))
    with silent_after(world.nodes["th"]):
        asked = await asyncio.to_thread(liaison, *ask(world))
    assert asked.code == 1
    search_id = asked.out.split()[-1]
    assert f"its answer can still come: liaison search show --home {world.home('th')} {search_id}" in asked.out
    early = await asyncio.to_thread(liaison, "search", "show", search_id, *home, *WHO)
    assert (early.code, "silent" in early.out) == (1, True)
    async with asyncio.timeout(WITHIN_S):
        command = await Command.start("search", "show", search_id, *home, *WHO, "--wait")
        await command.until("  vn  silent")
        vn.set()
        assert " (it came late)" in await command.until("  vn  1 hit (searched as of ")
        assert await command.end() == 0
    value = (await asyncio.to_thread(liaison, "search", "show", search_id, *home, *WHO, "--json")).value
    assert {line["member"]: line["late"] for line in value["lines"]} == {"th": False, "vn": True, "kh": False}


async def test_another_search_or_another_officer_s_is_not_shown(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    liaison = Liaison(capsys)
    unknown = await asyncio.to_thread(liaison, "search", "show", "none", "--home", world.home("th"), *WHO, "--wait")
    assert (unknown.code, "no such search" in unknown.err) == (1, True)
