"""A key of the running month that is lost is told as lost, and no content counts as changed (CASE-N313)."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.audit.reading.show import Filter, show
from gateway.cli.main import run
from gateway.config import Home, load_settings
from gateway.model.exchange import Outcome
from gateway.model.query import DocumentQuery
from gateway.ops.retention.forget_plan import lost_keys
from gateway.storage.database.open import open_storage
from gateway.storage.keys.keystore import KeyStore
from gateway.storage.log.log_store import SqlLogStore
from tests.support.cli import Liaison
from tests.support.exchange import VN, command, lines, sample_world, stopping
from tests.support.nodes import World, officer

pytestmark = pytest.mark.asyncio(loop_scope="function")


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = sample_world(tmp_path, ("th", "vn"))
    async with stopping(made):
        for member in ("th", "vn"):
            await made.start(member)
        yield made


async def ask(world: World, number: str) -> str:
    search = await world.nodes["th"].asking.searches.start(officer("th"), command(DocumentQuery(number, "VNM")))
    assert lines(search)[VN].outcome is Outcome.NO_HIT
    return lines(search)[VN].exchange_id


def read(home: Path) -> tuple[set[str], set[str], list[str]]:
    """Return the exchanges whose content opens, those whose key is lost, and alarms of lost keys."""
    settings = load_settings(home)
    keys = KeyStore(settings.keystore)
    with closing(open_storage(settings, read_only=True)) as database:
        store = SqlLogStore(database)
        shown = list(show(store, keys, "exchange/1", Filter(), 1_000))
        alarms = [item.private["detail"] for item in show(store, keys, "operations/1", Filter(kind="alarm"), 1_000)]
    lost = {item.entry.exchange_id for item in shown if item.erased} - {""}
    readable = {item.entry.exchange_id for item in shown} - lost - {""}
    return readable, lost, [text for text in alarms if "files are gone" in text]


async def restarted(world: World) -> None:
    await world.start("th")
    await world.stop("th")


async def checked(liaison: Liaison, home: Path) -> str:
    found = (await asyncio.to_thread(liaison, "doctor", "--home", home, "--json")).value["findings"]
    return " ".join(each["text"] for each in found if each["check"] == "keystore")


async def test_n313_a_new_key_of_a_month_does_not_take_the_name_of_one_that_is_lost(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    liaison, home = Liaison(capsys), world.home("th")
    before = await ask(world, "XK2000000001")
    await world.stop("th")
    (key,) = (home / "keystore" / "nohit").glob("*.key")
    kept = key.read_bytes()
    key.unlink()
    name = f"nohit/{key.stem}"
    assert name in await checked(liaison, home)
    await world.start("th")
    after = await ask(world, "XK2000000002")
    await world.stop("th")
    assert f"{name}.2" in KeyStore(home / "keystore").key_ids()
    assert list(lost_keys(home)) == [name]
    readable, lost, alarms = read(home)
    assert (readable, lost) == ({after}, {before})
    assert [name in text for text in alarms] == [True]
    told = (await asyncio.to_thread(liaison, "audit", "show", "--home", home)).out
    assert f"(its key is lost: {name}), exchange {before}" in told
    assert "erased" not in told
    rows = (await asyncio.to_thread(liaison, "audit", "show", "--home", home, "--json")).value["entries"]
    gone = [(each["erased"], each["lost"]) for each in rows if each["exchange_id"] == before]
    assert set(gone) == {("", name)}
    verified = await asyncio.to_thread(liaison, "audit", "verify", "--home", home)
    assert "changed" not in verified.out, verified
    assert "erased" not in verified.out, verified
    assert f"cannot be read, for its key is lost (key `{name}`)" in verified.out, verified
    assert verified.code == 3, verified
    await restarted(world)
    assert len(read(home)[2]) == 1  # of one loss one alarm, however often the node starts
    assert name in await checked(liaison, home)
    key.touch(mode=0o600)
    key.write_bytes(kept)  # from the copy
    assert read(home)[:2] == ({before, after}, set())
    assert name not in await checked(liaison, home)
    await restarted(world)
    assert len(read(home)[2]) == 1
    key.unlink()
    await restarted(world)
    assert len(read(home)[2]) == 2


async def test_n313_a_home_that_is_restored_without_its_keys_uses_none_of_their_names(
    world: World, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    liaison, home, old = Liaison(capsys), world.home("th"), tmp_path / "th.lost"
    before = await ask(world, "XK2000000001")
    assert await asyncio.to_thread(run, ["backup", "--new-key", str(tmp_path / "offline")]) == 0
    await world.stop("th")
    sealed, pin = tmp_path / "th.backup", world.federation.fingerprint
    given = ("backup", "--home", home, "--to", tmp_path / "offline" / "backup.pub", "--out", sealed)
    assert (await asyncio.to_thread(liaison, *given)).code == 0
    used = KeyStore(home / "keystore").key_ids()
    home.rename(old)
    shutil.rmtree(old / "keystore")
    given = ("restore", "--backup", sealed, "--key", tmp_path / "offline" / "backup.key", "--home", home)
    await asyncio.to_thread(liaison, *given, "--fingerprint", pin)
    lost = KeyStore(load_settings(home).keystore).lost_keys()
    assert lost, used
    assert set(lost) <= set(used)
    await world.start("th")
    after = await ask(world, "XK2000000002")
    await world.stop("th")
    assert not set(lost) & set(KeyStore(Home(home).path / "keystore").key_ids())
    assert read(home)[:2] == ({after}, {before})
