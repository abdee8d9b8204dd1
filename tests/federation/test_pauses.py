"""Each process of a country stands still for a while, and goes on: the node waits, says which one stands, blames nobody
(CASE-N280 to CASE-N282, CASE-N285, CASE-N317).

In a night they stand for 1, 10, 20 and 60 s each: the seconds of `LIAISON_PAUSES`.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from gateway.cli.client import NodeClient
from gateway.cli.main import run
from gateway.cli.officers import trial_token
from gateway.clock import SystemClock
from gateway.config import host_port, load_settings
from gateway.demo.sources import planted
from gateway.model.exchange import Outcome
from gateway.model.search import Line
from gateway.ops.doctor.doctor import examine
from gateway.storage.database.absence import STANDS_S
from tests.federation.test_several_processes import on_postgres, parsed, serve
from tests.federation.test_witnessing import add_domestic
from tests.support.databases import Server, new_postgres, server
from tests.support.exchange import KH, command, entries, lines, person, stopping
from tests.support.forger import eventually, eventually_async
from tests.support.nodes import World, fix_rest_ports, impatient, officer
from tests.support.ports import free_port
from tests.support.source_process import KIND, SourceProcessUnderTest, remote_world
from tests.support.zygote import Child, Zygote

PAUSES = [float(each) for each in os.environ.get("LIAISON_PAUSES", "2").split()]
GOES_ON_S = 3.0
AT_ONCE = 3
OFFICERS = 48
SHOWS_S = 6.0
"""A pause of so many seconds is told while it lasts."""

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.small_form,
    pytest.mark.timed,
    pytest.mark.timeout(120 + 8 * int(sum(PAUSES))),
]


@dataclass
class Country:
    """Cambodia: its node as a process on a PostgreSQL of its own, its customs' source and its witness as processes.

    Thailand's node is in the process of the test, and asks.
    """

    world: World
    postgres: Server
    node: Child
    log: Path
    source: SourceProcessUnderTest
    witness: SourceProcessUnderTest
    metrics: str
    heard: list[Line] = field(default_factory=list)

    @property
    def home(self) -> Path:
        return self.world.home("kh")

    async def ask(self) -> Line:
        """A question of a Thai officer, and Cambodia's line."""
        th = self.world.nodes["th"]
        found = await th.asking.searches.start(officer("th"), command(person(planted.DRIVER), (KH,)))
        self.heard.append(line := lines(found)["kh"])
        return line

    async def keep_asking(self, over: asyncio.Event) -> None:
        """Ask one question after the other."""
        while not over.is_set():
            await self.ask()
            await asyncio.sleep(0.05)

    def health(self, timeout: float = 10.0) -> dict[str, Any]:
        """Return what the node tells its own systems of its health, also while it is not ready."""
        with NodeClient(load_settings(self.home)) as client:
            answer = client._client.get("/v1/health", extensions={"sni_hostname": client._name}, timeout=timeout)
            return dict(answer.json())

    def refusal(self) -> str:
        """Return the code with which an officer's call is refused within ten seconds; empty where it is served."""
        settings, place = load_settings(self.home), {"role": "officer", "office": "kh.blo.1", "agency": "customs"}
        token = trial_token(settings, "kh.o.1", purpose="INVESTIGATION", **place)
        with NodeClient(settings) as client:
            headers, name = {"authorization": f"Bearer {token}"}, {"sni_hostname": client._name}
            answer = client._client.get("/v1/work", headers=headers, extensions=name, timeout=10)
            return "" if answer.is_success else str(answer.json()["code"])

    def members(self) -> str:
        """Return the code with which a system that asks for the members is refused; empty where they are told."""
        with NodeClient(load_settings(self.home)) as client:
            answer = client._client.get("/v1/members", extensions={"sni_hostname": client._name}, timeout=10)
            return "" if answer.is_success else str(answer.json()["code"])

    async def calls(self, count: int) -> list[int]:
        """Return the states in which officers' calls end that begin together, one of each officer."""
        settings, place = load_settings(self.home), {"role": "officer", "office": "kh.blo.1", "agency": "customs"}
        tokens = [trial_token(settings, f"kh.o.{each}", purpose="INVESTIGATION", **place) for each in range(count)]

        def call(token: str) -> int:
            with NodeClient(settings) as client:
                headers, name = {"authorization": f"Bearer {token}"}, {"sni_hostname": client._name}
                return client._client.get("/v1/work", headers=headers, extensions=name, timeout=60).status_code

        with ThreadPoolExecutor(count) as callers:
            at_once = [asyncio.get_running_loop().run_in_executor(callers, call, token) for token in tokens]
            return await asyncio.gather(*at_once)

    async def tells_how_it_is(self) -> None:
        """Ask five times for its health and its metrics, none of which may wait as long as for a server that stands."""
        for _ in range(5):
            await asyncio.to_thread(self.health, STANDS_S)
            metrics = await asyncio.to_thread(httpx2.get, f"http://{self.metrics}/metrics", timeout=STANDS_S)
            assert "liaison_loop_lag_seconds" in metrics.text

    def told(self, event: str) -> list[dict[str, Any]]:
        """The lines of the node's log for an event."""
        said = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in said if line["event"] == event]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def country(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Country]:
    server("postgresql")
    folder = tmp_path_factory.mktemp("pauses")
    remote = remote_world(folder)
    world, postgres = impatient(remote.world), new_postgres()
    fix_rest_ports(world)
    add_domestic(world, folder / "auditor", "kh", every_s=1)
    postgres.fresh_database("pauses")
    home = on_postgres(world, "kh", postgres.url("pauses"))
    settings = home / "node.toml"
    kept = [line for line in settings.read_text().splitlines() if not line.startswith("receipt_debt")]
    metrics = f"127.0.0.1:{free_port()}"
    settings.write_text("\n".join(kept).replace("[listen]", f'[listen]\nmetrics = "{metrics}"', 1) + "\n")
    source = SourceProcessUnderTest(remote.home, remote.port)
    port = host_port(load_settings(home).witness.domestic)[1]
    witness = SourceProcessUnderTest(
        folder / "auditor", port, ("gateway.cli", "witness", "serve", "--home", str(folder / "auditor"))
    )
    await source.start()
    await witness.start()
    try:
        async with stopping(world), Zygote() as zygote:
            await world.start("th")
            node = await serve(zygote, home)
            (log,) = folder.glob("**/node-*.log")
            made = Country(world, postgres, node, log, source, witness, metrics)
            await eventually_async(lambda: _is(made, Outcome.HIT))
            yield made
    finally:
        await source.kill()
        await witness.kill()
        postgres.kill()


async def _is(country: Country, outcome: Outcome) -> bool:
    return (await country.ask()).outcome is outcome


@contextmanager
def stopped(send: Callable[[signal.Signals], None]) -> Iterator[None]:
    """A process stands still in the block; `send` sends it signals."""
    send(signal.SIGSTOP)
    try:
        yield
    finally:
        send(signal.SIGCONT)


async def stand(
    country: Country, still: AbstractContextManager[None], seconds: float, tells: Callable[[], bool]
) -> None:
    """Let something stand while officers ask; where it is for long, `tells` must become true meanwhile.

    Afterwards a question is answered in full within three seconds, and the node lives.
    """
    over, now = asyncio.Event(), asyncio.get_running_loop().time
    asking = [asyncio.create_task(country.keep_asking(over)) for _ in range(AT_ONCE)]
    before = len(country.heard)
    try:
        await eventually(lambda: len(country.heard) > before)
        with still:
            until, told = now() + seconds, False
            while now() < until:
                told = told or await asyncio.to_thread(tells)
                await asyncio.sleep(0.1)
            assert told or seconds < SHOWS_S, "nothing tells which part stands"
        through, until = len(country.heard), now() + GOES_ON_S
        await eventually(lambda: any(map(is_whole, country.heard[through:])))
        assert now() < until, f"{now() - until + GOES_ON_S:.1f} s"
        assert country.node.alive, country.log.read_text()[-2000:]
    finally:
        over.set()
        await asyncio.gather(*asking)


def is_whole(line: Line) -> bool:
    return line.outcome is Outcome.HIT and not line.missing


@pytest.mark.parametrize("seconds", PAUSES)
async def test_n280_the_database_stands_and_the_node_says_so_waits_and_goes_on(
    country: Country, seconds: float
) -> None:
    def tells() -> bool:
        return [each["code"] for each in country.health()["problems"]] == ["commits-hang"]

    await stand(country, country.postgres.frozen(), seconds, tells)
    if seconds >= SHOWS_S:
        assert "commits-hang" in {line["code"] for line in country.told("node.not-ready")}


@contextmanager
def crashed(postgres: Server) -> Iterator[None]:
    """The server and its sessions end at once, as with the power; it starts again after the block."""
    postgres.kill()
    yield
    postgres.start()


@pytest.mark.parametrize("seconds", PAUSES)
async def test_n285_the_database_crashes_and_the_node_says_so_waits_and_goes_on(
    country: Country, seconds: float
) -> None:
    def tells() -> bool:
        if [each["code"] for each in country.health()["problems"]] != ["storage-away"]:
            return False
        assert country.refusal() == "storage-away", "an officer waits as long as the database is away"
        return True

    await stand(country, crashed(country.postgres), seconds, tells)


async def test_n285_while_many_officers_wait_for_the_database_the_node_tells_how_it_is(country: Country) -> None:
    """Their calls are under way, since the database stands still, when it crashes."""
    postgres = country.postgres
    with postgres.frozen():
        calling = asyncio.create_task(country.calls(OFFICERS))

        def stands() -> bool:
            return [each["code"] for each in country.health()["problems"]] == ["commits-hang"]

        await eventually_async(lambda: asyncio.to_thread(stands))
        postgres.kill()
    try:
        await country.tells_how_it_is()
    finally:
        postgres.start()
    assert set(await calling) <= {200, 503}
    await eventually_async(lambda: _is(country, Outcome.HIT))


async def test_n317_while_many_officers_wait_for_a_database_that_stands_the_node_tells_how_it_is(
    country: Country,
) -> None:
    with country.postgres.frozen():
        calling = asyncio.create_task(country.calls(OFFICERS))

        def stands() -> bool:
            return [each["code"] for each in country.health()["problems"]] == ["commits-hang"]

        await eventually_async(lambda: asyncio.to_thread(stands))
        refused = await asyncio.to_thread(country.refusal)
        await country.tells_how_it_is()
    assert refused == "storage-away"
    assert set(await calling) <= {200, 503}
    await eventually_async(lambda: _is(country, Outcome.HIT))


async def test_n317_what_the_members_are_is_refused_at_once_while_the_database_is_away(country: Country) -> None:
    with crashed(country.postgres):

        def is_away() -> bool:
            return [each["code"] for each in country.health()["problems"]] == ["storage-away"]

        await eventually_async(lambda: asyncio.to_thread(is_away))
        states = await asyncio.gather(*(asyncio.to_thread(country.members) for _ in range(OFFICERS)))
    assert set(states) == {"storage-away"}
    await eventually_async(lambda: asyncio.to_thread(lambda: country.members() == ""))
    await eventually_async(lambda: _is(country, Outcome.HIT))


@pytest.mark.parametrize("seconds", PAUSES)
async def test_n282_the_node_stands_and_blames_nobody_while_its_counterpart_says_that_it_is_silent(
    country: Country, seconds: float
) -> None:
    th = country.world.nodes["th"]
    count = len(country.told("process.stood-still"))
    await stand(country, stopped(country.node.signal), seconds, lambda: bool(th.asking.asker.breakers.away_since(KH)))
    told = country.told("process.stood-still")[count:]
    assert abs(sum(line["duration_ms"] for line in told) / 1000 - seconds) < 1.0 + 0.1 * seconds
    assert country.health()["problems"] == []
    assert th.asking.asker.breakers.away_since(KH) == 0


@pytest.mark.parametrize("seconds", PAUSES)
async def test_n282_a_source_stands_and_the_others_answer_without_it(country: Country, seconds: float) -> None:
    (name,) = country.health()["sources"]
    await stand(country, stopped(country.source.send), seconds, lambda: country.health()["sources"][name] != "ok")

    async def is_served() -> bool:
        return is_whole(await country.ask()) and country.health()["sources"][name] == "ok"

    await eventually_async(is_served)
    missing = [line.missing for line in country.heard if line.missing]
    assert set(missing) <= {(KIND,)}


@pytest.mark.parametrize("seconds", PAUSES)
async def test_n282_a_witness_stands_and_exchanges_go_on(country: Country, seconds: float) -> None:
    before = len(country.heard)

    def tells() -> bool:
        found = examine(country.home, SystemClock())
        return any("domestic" in finding.text and finding.severity.value != "ok" for finding in found)

    await stand(country, stopped(country.witness.send), seconds, tells)
    assert all(map(is_whole, country.heard[before:]))


async def test_n281_nothing_is_lost_nobody_is_blamed_and_the_log_verifies(
    country: Country, capsys: pytest.CaptureFixture[str]
) -> None:
    """Runs behind the others, on what they have left."""
    th = country.world.nodes["th"]
    ours = Counter((each.entry.exchange_id, each.entry.kind) for each in entries(th))
    theirs = Counter((entry.exchange_id, entry.kind) for entry in parsed(country.home))
    for line in country.heard:
        assert ours[line.exchange_id, "asked"] == 1
        if line.outcome is Outcome.HIT:
            assert (ours[line.exchange_id, "received"], theirs[line.exchange_id, "answered"]) == (1, 1)
    assert "receipts-due" not in {line.refusal.code for line in country.heard if line.refusal}
    kinds = Counter(entry.kind for entry in parsed(country.home, "operations/1"))
    assert "receipts-overdue" not in kinds
    assert kinds["start"] == 1
    country.node.signal(signal.SIGTERM)
    assert await country.node.ended(60) == 0
    assert await asyncio.to_thread(run, ["audit", "verify", "--home", str(country.home)]) == 0, capsys.readouterr().out
