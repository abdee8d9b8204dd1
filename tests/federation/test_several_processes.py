"""Two processes of one node on one PostgreSQL, behind one address: one log, one answer to each exchange."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest
import pytest_asyncio

from gateway.audit.entries.entry import Entry, decode_private, parse_entry
from gateway.audit.log.highwater import read_heads
from gateway.audit.tree.checkpoint import parse_checkpoint
from gateway.audit.tree.merkle import Tree, leaf_hash
from gateway.cli.main import run
from gateway.config import load_settings
from gateway.errors import StorageAway
from gateway.model.exchange import AnswerMessage, Outcome
from gateway.model.query import DocumentQuery
from gateway.ops.homes.reload_request import request_reload
from gateway.ops.stores import give_id, node_stores
from gateway.rpc import methods
from gateway.statements.request import REQUEST_KIND
from gateway.storage.database.open import open_node_database, open_storage
from gateway.storage.keys.keystore import KeyStore
from gateway.storage.log.log_store import SqlLogStore
from tests.support import schemas
from tests.support.databases import Server, new_postgres, server
from tests.support.exchange import VN, caller, command, entries, lines, request, sample_world, stopping, submission
from tests.support.forger import eventually, eventually_async
from tests.support.nodes import World, impatient, officer
from tests.support.ports import free_port
from tests.support.waiting import MOST_S
from tests.support.zygote import Child, Zygote

CHANNELS, AT_ONCE = 8, 3
END_SESSIONS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'liaison'"


def on_postgres(world: World, member: str, url: str = "") -> Path:
    """The member's home, with its database in PostgreSQL."""
    home = world.home(member)
    address = url or schemas.address(home, make=True)
    file = home / "node.toml"
    file.write_text(file.read_text().replace("[listen]", f'[storage]\nurl = "{address}"\n[listen]', 1))
    return home


@pytest.fixture
def own_world(tmp_path: Path) -> World:
    server("postgresql")
    return impatient(sample_world(tmp_path, ("th", "vn")))


@pytest_asyncio.fixture
async def zygote() -> AsyncIterator[Zygote]:
    async with Zygote() as made:
        yield made


async def serve(zygote: Zygote, home: Path, entry: str = "tests.support.zygote:serve") -> Child:
    """A process that serves the home, once it listens; the others of the home listen at the same port."""
    output = home.parent / f"node-{secrets.token_hex(4)}.log"
    output.touch()
    child = await zygote.fork(entry, str(home), output=output)
    async with asyncio.timeout(MOST_S):
        while "node.started" not in output.read_text():
            assert child.alive, output.read_text()
            await asyncio.sleep(0.02)
    return child


@contextmanager
def store_of(home: Path) -> Iterator[SqlLogStore]:
    database = open_storage(load_settings(home), read_only=True)
    try:
        yield SqlLogStore(database)
    finally:
        database.close()


def bodies(home: Path, log: str = "exchange/1") -> list[bytes]:
    with store_of(home) as store:
        state = store.state(log)
        return [body for _, body, _ in store.bodies(log, 0, state.size)] if state else []


def parsed(home: Path, log: str = "exchange/1") -> list[Entry]:
    return [parse_entry(body) for body in bodies(home, log)]


class Load:
    """Requests over many connections, which the kernel spreads over the processes; each is sent twice at once."""

    def __init__(self, world: World, address: str = "") -> None:
        self.client = replace(caller(world), address=address) if address else caller(world)
        self.key = world.federation["th"].key("statement")
        self.answers: dict[str, list[AnswerMessage]] = {}
        self.number = 0
        self.goes_on: asyncio.Task[None] | None = None
        self.failed = 0

    async def some(self, count: int, *, forgiving: bool = False) -> None:
        """`count` exchanges, from as many connections as there are; `forgiving` takes what fails as unanswered."""
        async with AsyncExitStack() as stack:
            channels = [await stack.enter_async_context(self.client.channel()) for _ in range(CHANNELS)]
            work = [self.twice(channels, number, forgiving) for number in range(count)]
            for first in range(0, count, CHANNELS * AT_ONCE):
                await asyncio.gather(*work[first : first + CHANNELS * AT_ONCE])

    async def more(self, count: int) -> None:
        """Wait until so many more exchanges have an answer. Raises what ended the load, where it has ended."""
        wanted = len(self.answers) + count

        def answered() -> bool:
            if self.goes_on and self.goes_on.done():
                self.goes_on.result()
            return len(self.answers) >= wanted

        await eventually(answered)

    async def twice(self, channels: list[Any], number: int, forgiving: bool) -> None:
        self.number += 1
        asked = request(query=DocumentQuery(f"B{self.number:07d}", "VNM"))
        data = submission(REQUEST_KIND.build(asked, self.key).envelope)
        calls = (channels[(number + place) % CHANNELS].unary_unary(methods.SUBMIT.path) for place in (0, 1))
        for result in await asyncio.gather(*(call(data, timeout=20) for call in calls), return_exceptions=True):
            if isinstance(result, grpc.aio.AioRpcError) and forgiving:
                self.failed += 1
                continue
            if isinstance(result, BaseException):
                raise result
            self.answers.setdefault(asked.exchange_id, []).append(methods.SUBMIT.answer.read(result))


def check(home: Path, load: Load) -> None:
    """INVARIANT-1 to INVARIANT-3: answered implies logged under a signed head; one entry and one answer for each
    exchange."""
    written = bodies(home)
    answered = Counter(entry.exchange_id for entry in map(parse_entry, written) if entry.kind == "answered")
    assert set(answered.values()) == {1}
    tree = Tree()
    for body in written:
        tree.append(leaf_hash(body))
    for exchange, messages in load.answers.items():
        assert len({message.envelope for message in messages}) == 1, exchange
        for message in messages:
            head = parse_checkpoint(message.proof.checkpoint)
            assert written[message.proof.index] == message.entry
            assert message.proof.index < head.size <= len(written)
            assert tree.root(head.size) == head.root


async def test_two_processes_answer_each_exchange_once_and_one_may_be_killed(
    own_world: World, zygote: Zygote, capsys: pytest.CaptureFixture[str]
) -> None:
    home, load = on_postgres(own_world, "vn"), Load(own_world)
    one, other = await serve(zygote, home), await serve(zygote, home)
    for _ in range(6):  # the kernel places connections by chance: now and then all eight at one process
        await load.some(48)
        if min(heads(home)) > 0:
            break
    assert all(len(messages) == 2 for messages in load.answers.values())
    check(home, load)
    assert min(heads(home)) > 0, "one process answered everything"
    losing = asyncio.create_task(load.some(96, forgiving=True))  # CASE-N285: both lose their connections
    for _ in range(3):
        await load.more(8)
        await asyncio.to_thread(schemas.execute, home, [END_SESSIONS])
    await losing

    async def is_back() -> bool:
        before = load.failed
        await load.some(24, forgiving=True)
        return load.failed == before

    await eventually_async(is_back)  # the sessions of either may have ended with the last of `losing`
    assert one.alive
    assert other.alive
    check(home, load)
    killing = asyncio.create_task(load.some(96, forgiving=True))
    before = load.number
    while load.number < before + CHANNELS * AT_ONCE + 1:  # the first requests have gone out
        await asyncio.sleep(0.01)
    other.signal(signal.SIGKILL)
    await killing
    await load.some(24)
    check(home, load)
    third = await serve(zygote, home)
    await load.some(24)
    for child in (one, third):
        child.signal(signal.SIGTERM)
    assert [await child.ended() for child in (one, third)] == [0, 0]
    check(home, load)
    starts = [entry.kind for entry in parsed(home, "operations/1") if entry.kind in ("start", "stop")]
    assert sorted(starts) == ["start"] * 3 + ["stop"] * 2
    assert run(["audit", "verify", "--home", str(home)]) == 0, capsys.readouterr().out


async def test_a_machine_that_is_stopped_under_load_holds_the_others_up_for_moments_and_goes_on(
    own_world: World, zygote: Zygote, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two copies of one home with one keystore, as on two machines, each at an address of its own."""
    home = on_postgres(own_world, "vn")
    file = home / "node.toml"
    keystore = f'[storage]\nkeystore = "{home / "keystore"}"'
    limits = "[limits]\nrate_per_member = 10000\nburst_per_member = 20000"  # all of the load is one member's
    file.write_text(file.read_text().replace("[storage]", keystore, 1).replace("[limits]", limits, 1))
    settings = load_settings(home)
    with closing(open_node_database(settings)) as database:
        give_id(node_stores(settings), database)  # as `liaison init` does: the copies of a home have one id
    second = tmp_path / "vn-second"
    shutil.copytree(home, second)
    copied, port = second / "node.toml", free_port()
    copied.write_text(re.sub(r'exchange = "127.0.0.1:\d+"', f'exchange = "127.0.0.1:{port}"', copied.read_text()))
    one, other = await serve(zygote, home), await serve(zygote, second)
    load, beside = Load(own_world), Load(own_world, f"127.0.0.1:{port}")
    over = asyncio.Event()

    async def keep_on(each: Load) -> None:
        while not over.is_set():
            await each.some(CHANNELS * AT_ONCE, forgiving=each is load)

    for each in (load, beside):
        each.goes_on = asyncio.create_task(keep_on(each))
    for _ in range(3):
        for each in (load, beside):
            await each.more(24)
        one.signal(signal.SIGSTOP)
        try:
            for _ in range(3):
                await beside.more(1)  # `test_shared_log` and `make machines` say within which time
        finally:
            one.signal(signal.SIGCONT)
    over.set()
    await asyncio.gather(*(each.goes_on for each in (load, beside) if each.goes_on))
    await load.some(8)
    for child in (one, other):
        child.signal(signal.SIGTERM)
    assert [await child.ended() for child in (one, other)] == [0, 0]
    check(home, load)
    check(home, beside)
    assert run(["audit", "verify", "--home", str(home)]) == 0, capsys.readouterr().out


def heads(home: Path) -> list[int]:
    """The sizes of the newest heads that each process has seen or signed."""
    files = [home / "highwater" / name for name in ("exchange-1", "exchange-1.1")]
    return [max(parse_checkpoint(head).size for head in read_heads(file)) for file in files]


async def test_an_officers_search_is_found_from_the_other_process_while_it_runs_and_receipts_go_out_once(
    own_world: World,
) -> None:
    """The asking side has two processes: what one asks the other shows, and one of them acknowledges for both."""
    home = on_postgres(own_world, "th")
    await own_world.start("vn")
    first = await own_world.start("th")
    second = await own_world.start("th")
    try:
        assert first.resources.leader.leads()
        assert not second.resources.leader.leads()
        asking = officer()
        wanted = command(to=(VN,), idempotency_key="K1")
        results = await asyncio.gather(
            first.asking.searches.start(asking, wanted),
            second.asking.searches.start(asking, wanted),
            return_exceptions=True,
        )
        one, other = results
        assert not isinstance(one, BaseException)
        assert not isinstance(other, BaseException)
        assert one.id == other.id
        assert one.done
        assert other.done
        assert [line.outcome for line in one.lines] == [line.outcome for line in other.lines]
        assert (await second.asking.searches.get(asking, one.id)).done
        assert [entry.kind for entry in parsed(home) if entry.kind in ("asked", "received")] == ["asked", "received"]
        await second.asking.searches.start(asking, command(to=(VN,)))
        await acknowledged(home, through=2)
        logged = [entry for entry in parsed(home, "operations/1") if entry.kind == "acknowledged"]
        assert [private(home, entry)["through"] for entry in logged][-1] == 2
    finally:
        await first.stop()
        own_world.nodes["th"] = second
        while not second.resources.leader.leads():
            await asyncio.sleep(0.05)
        for member in ("th", "vn"):
            await own_world.stop(member)


async def acknowledged(home: Path, through: int) -> None:
    async with asyncio.timeout(30):
        while True:
            sent = [entry for entry in parsed(home, "operations/1") if entry.kind == "acknowledged"]
            if sent and private(home, sent[-1])["through"] >= through:
                return
            await asyncio.sleep(0.1)


def private(home: Path, entry: Entry) -> dict[str, Any]:
    keys = KeyStore(load_settings(home).keystore)
    with store_of(home) as store:
        (stored,) = store.entries("operations/1", entry.index, entry.index + 1)
    assert stored.content
    return decode_private(keys.open_content("operations/1", entry.index, stored.content)[0])


def own_server() -> Server:
    server("postgresql")  # skips where none can be had
    return new_postgres()


async def test_h4_h5_n285_while_its_database_is_away_a_node_answers_nothing_and_goes_on_if_it_is_the_same(
    own_world: World, zygote: Zygote
) -> None:
    postgres = own_server()
    home, load = on_postgres(own_world, "vn", postgres.url("postgres")), Load(own_world)
    data, old, kept = postgres.folder / "data", postgres.folder / "old", postgres.folder / "kept"
    node = await serve(zygote, home)
    (output,) = home.parent.glob("node-*.log")
    await load.some(8)
    loading = asyncio.create_task(load.some(300, forgiving=True))
    for _ in range(3):
        await load.more(10)
        await asyncio.to_thread(postgres.execute, "", [END_SESSIONS])
    await load.more(10)
    await asyncio.to_thread(postgres.kill)
    await eventually(lambda: "storage-away" in output.read_text())
    with pytest.raises(AssertionError, match="the database failed"):  # and another process does not start without
        await serve(zygote, home)
    await asyncio.to_thread(subprocess.run, ["cp", "-a", str(data), str(old)], check=True)
    answered = len(load.answers)
    await asyncio.to_thread(postgres.start)
    await load.more(1)
    assert answered < len(load.answers)
    await loading
    await load.some(8)

    await asyncio.to_thread(postgres.kill)  # its disk goes back to the time of before, as a snapshot does
    data.rename(kept)
    old.rename(data)
    signed = read_heads(home / "highwater" / "exchange-1")
    await asyncio.to_thread(postgres.start)
    assert await node.ended() == 70, output.read_text()
    assert '"code": "log-changed"' in output.read_text().splitlines()[-1]
    assert read_heads(home / "highwater" / "exchange-1") == signed
    await asyncio.to_thread(postgres.kill)
    data.rename(old)
    kept.rename(data)
    await asyncio.to_thread(postgres.start)
    node = await serve(zygote, home)
    await load.some(8)
    node.signal(signal.SIGTERM)
    assert await node.ended() == 0
    check(home, load)
    await asyncio.to_thread(postgres.kill)


async def test_n285_an_officer_whose_own_database_is_away_waits_or_is_refused_and_never_reads_no_hit(
    own_world: World,
) -> None:
    postgres = own_server()
    on_postgres(own_world, "th", postgres.url("postgres"))
    apart = ThreadPoolExecutor(1)  # the loop's own threads are the node's, too, and all may wait for the database
    run_apart = partial(asyncio.get_running_loop().run_in_executor, apart)
    async with stopping(own_world):
        await own_world.start("vn")
        node = await own_world.start("th")

        async def ask() -> Outcome | str:
            try:
                found = await node.asking.searches.start(officer("th"), command(to=(VN,)))
            except StorageAway as error:
                return error.code
            return lines(found)["vn"].outcome

        assert await ask() is Outcome.HIT
        before = asyncio.gather(*(ask() for _ in range(4)))
        await run_apart(postgres.kill)
        during = asyncio.gather(*(ask() for _ in range(4)))
        await eventually(lambda: [each.code for each in node.health.problems()] == ["storage-away"])
        line = {"id": "1", "time": "", "target": "client:lost", "reason": "stolen"}
        switches = [line | {"id": "0", "action": "resume"}, line | {"action": "suspend"}]  # the first has no entry
        node.resources.home.suspensions.write_text("".join(f"{json.dumps(each)}\n" for each in switches))
        await eventually(lambda: "client:lost" in node.core.parts.suspensions.in_force)
        assert node.resources.database.absence.away_s(), "switching off needs no database"
        await run_apart(postgres.start)
        async with asyncio.timeout(30):
            assert await ask() is Outcome.HIT
        assert {*await before, *await during} <= {Outcome.HIT, "storage-away"}
        named = [each.entry for each in entries(node) if each.entry.exchange_id]
        assert set(Counter((entry.exchange_id, entry.kind) for entry in named).values()) == {1}
    postgres.kill()


async def test_a_server_that_stands_still_shows_as_not_ready_and_the_node_goes_on_with_it(
    own_world: World, zygote: Zygote
) -> None:
    postgres = own_server()
    home, load = on_postgres(own_world, "vn", postgres.url("postgres")), Load(own_world)
    node = await serve(zygote, home)
    await load.some(8)

    async def ready() -> bool:
        return methods.HEALTH_CHECK.answer.read(await load.client.call(methods.HEALTH_CHECK.path, b""))

    async with asyncio.timeout(MOST_S):
        assert await ready()
        with postgres.frozen():
            while await ready():
                await asyncio.sleep(0.05)
        while not await ready():
            await asyncio.sleep(0.05)
    await load.some(8)
    node.signal(signal.SIGTERM)
    assert await node.ended() == 0
    check(home, load)
    await asyncio.to_thread(postgres.kill)


async def test_every_process_of_a_home_reads_its_settings_again(own_world: World, zygote: Zygote) -> None:
    home = on_postgres(own_world, "vn")
    children = [await serve(zygote, home) for _ in range(2)]
    file = home / "node.toml"
    file.write_text(file.read_text().replace("[limits]\n", "[limits]\nbudget_ms = 1234\n"))
    answers = await asyncio.to_thread(request_reload, home)
    assert sorted(answers) == [0, 1]
    assert {answer.live for answer in answers.values()} == {("limits.budget_ms",)}
    for child in children:
        child.signal(signal.SIGTERM)
        assert await child.ended() == 0
