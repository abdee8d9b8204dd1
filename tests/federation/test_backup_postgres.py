"""A node on PostgreSQL, from its exchanges to a restore into an empty database, with nothing but commands (DUTY-L26,
CASE-H8).

The node asks, an exchange is erased, the database is lost. The newest backup brings everything back, and the node
starts when a counterpart has confirmed that it is the newest state. A backup from before the erasure revives nothing,
and the node refuses to sign over it. A restore that is cut off is gone on with.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.audit.reading.show import Filter
from gateway.cli.main import run
from gateway.config import Home, load_settings
from gateway.errors import Contradicted
from gateway.model.exchange import Outcome
from gateway.model.query import DocumentQuery
from gateway.ops.audit.entry_list import find_entries
from gateway.ops.homes.lock import only_one
from gateway.ops.homes.open_home import open_home
from tests.federation.test_several_processes import on_postgres
from tests.support import schemas
from tests.support.databases import server
from tests.support.exchange import VN, command, lines, sample_world, stopping
from tests.support.exchange import entries as logged
from tests.support.faulty_disk import Disk, Fault, build_disk
from tests.support.nodes import World, officer
from tests.support.persons import signed
from tests.support.zygote import Zygote

CANARY = "XK8830211457"


@pytest_asyncio.fixture
async def own_world(tmp_path: Path) -> AsyncIterator[World]:
    server("postgresql")
    made = sample_world(tmp_path, ("th", "vn"))
    on_postgres(made, "th")
    assert run(["backup", "--new-key", str(tmp_path / "offline")]) == 0
    async with stopping(made):
        for member in ("th", "vn"):
            await made.start(member)
        yield made


async def liaison(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    code = await asyncio.to_thread(run, [*map(str, arguments), "--json"])
    printed = capsys.readouterr().out.splitlines()
    return code, json.loads("\n".join(line for line in printed if not line.startswith("20")))  # a node's own log


async def ask(world: World, number: str) -> str:
    search = await world.nodes["th"].asking.searches.start(officer("th"), command(DocumentQuery(number, "VNM")))
    assert lines(search)[VN].outcome is Outcome.NO_HIT
    return lines(search)[VN].exchange_id


async def back_up(world: World, capsys: pytest.CaptureFixture[str], name: str) -> Path:
    out = world.federation.folder / name
    to = world.federation.folder / "offline" / "backup.pub"
    code, made = await liaison(capsys, "backup", "--home", world.home("th"), "--to", to, "--out", out)
    assert code == 0, made
    return out


def lose(world: World, old: str) -> Path:
    """The home is moved away; its database is empty, under the same address."""
    home, aside = world.home("th"), world.federation.folder / old
    home.rename(aside)
    empty_database(world)
    return aside


def empty_database(world: World) -> None:
    name = schemas.schema(world.federation.folder / "th.lost")
    server("postgresql").execute("", [f"DROP SCHEMA {name} CASCADE", f"CREATE SCHEMA {name}"])


def restoring(world: World, backup: Path, *more: object) -> list[str]:
    key = world.federation.folder / "offline" / "backup.key"
    pin = () if "--old-home" in more else ("--fingerprint", world.federation.fingerprint)
    words = ("--backup", backup, "--key", key, "--home", world.home("th"), *pin, *more)
    return ["restore", *map(str, words)]


def exchanges(home: Path) -> tuple[set[str], set[str]]:
    """Ids of the exchanges whose content can be read, and of those whose is gone."""
    with open_home(home) as evidence:
        shown = [
            item for _, item in find_entries(evidence, "exchange", Filter(), 10_000, None) if item.entry.exchange_id
        ]
    gone = {item.entry.exchange_id for item in shown if item.erased}
    return {item.entry.exchange_id for item in shown if not item.erased}, gone


async def test_duty_l26_a_node_on_postgresql_comes_back_and_what_was_erased_does_not(
    own_world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    home = own_world.home("th")
    kept, erased = await ask(own_world, "XK2000000001"), await ask(own_world, CANARY)
    before = await back_up(own_world, capsys, "before.backup")
    with only_one(Home(home).lock):  # as `liaison serve` has it: the node carries the order out
        code, done = await liaison(capsys, "audit", "erase", "--home", home, "--exchange", erased, *signed(home))
    assert (code, done.get("erased")) == (0, 2), done
    later = await ask(own_world, "XK2000000002")
    await own_world.stop("th")
    newest = await back_up(own_world, capsys, "newest.backup")

    old = lose(own_world, "th.lost")
    code, done = await liaison(capsys, *restoring(own_world, newest, "--old-home", old))
    assert (code, done["logs"]["verdict"], done["emptied"]) == (0, "proved", 0), done
    assert exchanges(home) == ({kept, later}, {erased})
    await own_world.start("th")  # asks a witness first: it was moved
    kinds = [item.entry.kind for item in logged(own_world.nodes["th"], "operations")]
    assert kinds[len(kinds) - kinds[::-1].index("start")] == "witness-compared"
    await ask(own_world, "XK2000000003")
    code, done = await liaison(capsys, "audit", "verify", "--home", home)
    assert code == 0, done
    await own_world.stop("th")

    old = lose(own_world, "th.again")
    code, done = await liaison(capsys, *restoring(own_world, before, "--keys", load_settings(old).keystore))
    assert (code, done["logs"]["verdict"], done["emptied"]) == (3, "not provable", 2), done
    assert exchanges(home) == ({kept}, {erased})
    with pytest.raises(Contradicted):  # the counterpart has seen more
        await own_world.start("th")


async def test_a_restore_to_postgresql_that_is_cut_off_is_gone_on_with(
    own_world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home, exchange = own_world.home("th"), await ask(own_world, CANARY)
    await own_world.stop("th")
    backup = await back_up(own_world, capsys, "th.backup")
    old = lose(own_world, "th.lost")
    disk = Disk(tmp_path / "disk")
    async with Zygote(preload=build_disk()) as zygote:

        async def restored(fault: Fault = Fault.NONE, number: int = 0) -> int:
            disk.arm(fault, number)
            texts = restoring(own_world, backup, "--old-home", old)
            child = await zygote.fork("tests.support.zygote:command", *texts, disk=(disk.file, tmp_path))
            return await child.ended(60)

        assert await restored() == 0
        calls = [disk.name(number) for number in range(1, disk.seen + 1)]
        begun = next(number for number, call in enumerate(calls, 1) if ".th.restoring.json" in call)
        for number in (begun, begun + 5, len(calls)):
            shutil.rmtree(home)
            empty_database(own_world)
            assert await restored(Fault.KILLED, number) == -signal.SIGKILL
            assert not home.exists() or number == len(calls), calls[number - 1]
            if not home.exists():
                assert await restored() == 0, calls[number - 1]
            assert exchanges(home)[0] == {exchange}
            code, done = await liaison(capsys, "audit", "verify", "--home", home)
            assert code == 0, done
        shutil.rmtree(home)
        other = await restored()
        assert other == 1, "a database that holds a log was taken for an empty one"
