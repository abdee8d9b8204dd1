"""A restored node shows nothing from abroad and sends nothing until its counterparts have told it what it lost."""

from __future__ import annotations

import asyncio
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.app.run.node import Node
from gateway.cli.main import run
from gateway.config import load_settings
from gateway.config.home import Home
from gateway.desk.holdings.ledger import UNHEARD, WITHDRAWN
from gateway.desk.originator import restoring
from gateway.desk.originator.returning import Page, Returns
from gateway.desk.originator.withdrawn import STILL_THERE
from gateway.errors import ConnectionLost, Contradicted, Suspended
from gateway.model.desk.delivered import NoticesPart, NoticesWanted
from gateway.model.desk.notices import About, Ask, ChangeCode, Note
from gateway.model.desk.threads import ThreadKey, ThreadState
from gateway.model.desk.work import DeliveryState, Direction, HoldingState, WorkKind
from gateway.model.handed.changes import ChangeCommand
from gateway.model.names import MemberId
from gateway.model.search import Search
from gateway.ports.desk import WorkFilter
from tests.federation.test_desk_delivery import is_taken, post
from tests.federation.test_several_processes import on_postgres
from tests.support import schemas
from tests.support.acts import switch_off, switch_on
from tests.support.databases import server
from tests.support.exchange import NO_PASSPORT, TH, VN, Logged, command, entries, lines, sample_world
from tests.support.forger import eventually_async
from tests.support.nodes import World, officer
from tests.support.originator import data_officer, states
from tests.support.persons import answering
from tests.support.simulator import simulated
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(240)


async def _seen(world: World) -> None:
    """All that both have logged is known to the other one."""

    async def covered() -> bool:
        for member in ("th", "vn"):
            await world.nodes[member].witness.round()
        return all(
            item.covered == item.size for member in ("th", "vn") for item in world.nodes[member].witness.standings
        )

    await eventually_async(covered)


async def _goes_on(world: World, home: Path, member: str = "th") -> None:
    """The logs of a home whose entries are lost go on under their next numbers."""
    for log in ("exchange", "operations"):
        words = ["audit", "next-log", "--home", home, "--log", log, *answering(home), "--reason", "disk lost"]
        with pytest.raises(Contradicted):  # the start is refused at the first log that is behind
            await world.start(member)
        assert await _run(*words) == 0


async def _run(*words: object) -> int:
    return await asyncio.to_thread(run, [*map(str, words)])


class _Saved:
    """A backup of a member's home, made and brought back by the commands; its database is a file or a server's."""

    def __init__(self, world: World, member: str, database: str) -> None:
        self._world = world
        self._member = member
        self._out = world.federation.folder / f"{member}.backup"
        self._offline = world.federation.folder / "offline"
        self._is_server = database == "postgresql"
        if self._is_server:
            server("postgresql")
            on_postgres(world, member)
        assert run(["backup", "--new-key", str(self._offline)]) == 0

    @property
    def home(self) -> Path:
        """The member's home."""
        return self._world.home(self._member)

    async def make(self) -> None:
        """Back up what there is now."""
        await self._world.stop(self._member)
        to = self._offline / "backup.pub"
        assert await _run("backup", "--home", self.home, "--to", to, "--out", self._out) == 0
        await self._world.start(self._member)

    async def bring_back(self) -> Node:
        """Lose the home with its database, restore it, and let its logs go on."""
        await _seen(self._world)
        await self._world.stop(self._member)
        lost = self.home.with_name(f"{self._member}.gone")
        self.home.rename(lost)
        if self._is_server:
            name = schemas.schema(lost)
            server("postgresql").execute("", [f"DROP SCHEMA {name} CASCADE", f"CREATE SCHEMA {name}"])
        key, keys = self._offline / "backup.key", load_settings(lost).keystore
        words = ["--backup", self._out, "--key", key, "--home", self.home, "--keys", keys]
        words += ["--fingerprint", self._world.federation.fingerprint]
        assert await _run("restore", *words) == 0
        await _goes_on(self._world, self.home, self._member)
        return await self._world.start(self._member)


def _rules(search: Search) -> set[str]:
    return {rule for hit in lines(search)[VN].hits for rule in hit.rules}


def _shown(search: Search) -> int:
    return sum(hit.record is not None for hit in lines(search)[VN].hits)


async def test_a_withdrawal_after_the_backup_stays_in_force_after_the_restore(tmp_path: Path) -> None:
    async with simulated(sample_world(tmp_path / "world", ("th", "vn"))) as world:
        home = world.home("th")
        search = await world.nodes["th"].asking.searches.start(officer(), command())
        assert _shown(search)
        await _seen(world)
        await world.stop("th")
        shutil.copytree(home, tmp_path / "backup")

        # After the backup: a withdrawal that th takes, and a question of th that vn takes.
        th, vn = await world.start("th"), world.nodes["vn"]
        (copy,) = vn.desk.parts.store.holdings(direction=Direction.OUT)
        owner = data_officer("vn", vn.resources.walls[0].description.agency)
        done = await vn.desk.originator.originator.change(
            owner, ChangeCommand(code=ChangeCode.WITHDRAWN, record=copy.record)
        )
        await until(is_taken(vn, done.threads[0]), "the withdrawal is taken")
        asked = await th.desk.parts.author.open(VN, post(Ask(About.QUESTION, "who was it?", topic="vehicle")))
        await until(is_taken(th, asked), "the question is taken")
        await _seen(world)
        await world.stop("th")

        shutil.rmtree(home)
        shutil.copytree(tmp_path / "backup", home)
        await _goes_on(world, home)
        th = await world.start("th")
        await until(lambda: th.core.heard(VN), "vn has told what was lost")
        assert states(th, Direction.IN) == [HoldingState.HIDDEN]
        found = await th.asking.searches.get(officer(), search.id)
        assert _shown(found) == 0
        assert WITHDRAWN in _rules(found)

        # Our own notice is back, too, and the thread goes on without a fork.
        thread = th.desk.parts.store.thread(asked)
        assert thread is not None
        assert (thread.ours, thread.state) == (1, ThreadState.OPEN)
        await th.desk.parts.author.post(asked, post(Note("en", "we ask again")))
        await until(
            lambda: len(th.desk.parts.store.deliveries((DeliveryState.TAKEN,), key=asked)) == 2, "the note is taken"
        )
        there = vn.desk.parts.store.thread(ThreadKey(TH, asked.thread_id))
        assert there is not None
        assert there.theirs == 2
        told = [item for item in entries(th, "operations") if item.entry.kind == "desk-recovered"]
        assert {item.entry.exchange_id for item in told} == {done.threads[0].thread_id, asked.thread_id}
        alarms = [item.private["code"] for item in entries(vn, "operations") if item.entry.kind == "alarm"]
        assert not {"seq-taken", "seen-beyond", "replayed"} & set(alarms)

        # What was fetched stands in both logs, signed; Viet Nam's security officer is told, and all of it verifies.
        fetched = [item for item in entries(th, "operations") if item.entry.kind == "notices-asked"]
        given = [item for item in entries(vn, "operations") if item.entry.kind == "notices-given"]
        assert [item.request for item in fetched] == [item.request for item in given]
        assert len({item.private["recovery"] for item in fetched}) == 1
        assert sum(len(item.private["notices"]) for item in given) == 2
        assert len(vn.desk.parts.store.works(WorkFilter(kinds=(WorkKind.INCIDENT,)))) == 1
        await world.stop("vn")
        assert await _run("audit", "verify", "--home", world.home("vn")) == 0


async def test_a_restored_node_says_why_nothing_comes_back_and_goes_on_where_it_broke_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with simulated(sample_world(tmp_path / "world", ("th", "vn"))) as world:
        home = world.home("th")
        await world.nodes["th"].asking.searches.start(officer(), command())
        await _seen(world)
        await world.stop("th")
        shutil.copytree(home, tmp_path / "backup")
        th, vn = await world.start("th"), world.nodes["vn"]
        asked = await th.desk.parts.author.open(VN, post(Ask(About.QUESTION, "who was it?", topic="vehicle")))
        await until(is_taken(th, asked), "the question is taken")
        await _seen(world)
        await world.stop("th")
        shutil.rmtree(home)
        shutil.copytree(tmp_path / "backup", home)
        switch_off(Home(world.home("vn")), "peer:th", "its keys are in doubt")
        world.ahead.move(timedelta(seconds=2))
        await until(lambda: bool(vn.core.parts.suspensions.active), "Viet Nam has switched it off")
        await _goes_on(world, home)
        th = await world.start("th")

        def codes() -> list[str]:
            alarms = [item.private for item in entries(th, "operations") if item.entry.kind == "alarm"]
            return [each["detail"] for each in alarms if each["code"] == "not-recovered"]

        await until(lambda: bool(codes()), "people of ours are told")
        assert "suspended" in codes()[0]
        assert not th.core.heard(VN)
        assert not [item for item in entries(vn, "operations") if item.entry.kind == "notices-given"]
        await switch_on(Home(world.home("vn")), "peer:th")

        # Each page is lost once on its way, and the node ends: none is asked for twice as a new recovery.
        peers, lost = type(th.desk.originator.recovery.peers), set[str]()
        call = peers.call

        async def losing(it: Any, member: MemberId, method: Any, request: Any) -> Any:
            answer = await call(it, member, method, request)
            if (key := str(answer)) not in lost:
                lost.add(key)
                raise ConnectionLost("the connection broke")
            return answer

        monkeypatch.setattr(peers, "call", losing)
        await until(lambda: bool(lost), "a page is lost")
        await world.stop("th")
        th = await world.start("th")
        await until(lambda: th.core.heard(VN), "vn has told what was lost")
        given = [item for item in entries(vn, "operations") if item.entry.kind == "notices-given"]
        assert [item.private["after"] for item in given] == [each for each in pages(given) for _ in (1, 2)]
        assert len(vn.desk.parts.store.works(WorkFilter(kinds=(WorkKind.INCIDENT,)))) == 1
        assert th.desk.parts.store.thread(asked) is not None


def pages(given: list[Logged]) -> list[str]:
    """The names of the pages that were given, each once."""
    return list(dict.fromkeys(item.private["after"] for item in given))


async def test_a_counterpart_that_gives_pages_without_an_end_is_asked_no_more_that_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with simulated(sample_world(tmp_path, ("th", "vn"))) as world:
        th, vn = world.nodes["th"], world.nodes["vn"]
        world.ahead.to_a_whole_day()
        monkeypatch.setattr(restoring, "_MOST_PAGES", 3)

        def endless(_: Returns, _peer: MemberId, wanted: NoticesWanted) -> Page:
            return Page(NoticesPart((), f"{wanted.since_us}/"))

        def codes() -> set[str]:
            return {item.private["code"] for item in entries(th, "operations") if item.entry.kind == "alarm"}

        monkeypatch.setattr(Returns, "find", endless)
        th.core.heard.is_restored = True
        await until(lambda: "not-recovered" in codes(), "people of ours are told")
        for _ in range(12):  # seconds, of which a round of recovery takes five
            await world.turn()
        assert len([item for item in entries(vn, "operations") if item.entry.kind == "notices-given"]) == 4
        assert not th.core.heard(VN)


async def test_a_counterpart_out_of_reach_keeps_its_own_records_hidden_and_no_others(tmp_path: Path) -> None:
    async with simulated(sample_world(tmp_path, ("th", "vn"))) as world:
        th = world.nodes["th"]
        search = await th.asking.searches.start(officer(), command())
        key = await th.desk.parts.author.open(VN, post(Ask(About.QUESTION, "who is on duty?", topic="duty")))
        await until(is_taken(th, key), "the question is taken")
        await world.stop("vn")
        heard = th.core.heard
        heard.is_restored = True
        assert not heard(VN)
        found = await th.asking.searches.get(officer(), search.id)
        assert _shown(found) == 0
        assert UNHEARD in _rules(found)
        with pytest.raises(Suspended) as refused:
            await th.desk.parts.author.post(key, post(Note("en", "are you there?")))
        assert refused.value.code == "restoring"
        heard.note(VN)
        assert _shown(await th.asking.searches.get(officer(), search.id))


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_a_withdrawal_taken_after_the_backup_is_in_force_on_each_database(tmp_path: Path, database: str) -> None:
    async with simulated(sample_world(tmp_path / "world", ("th", "vn")), ()) as world:
        saved = _Saved(world, "th", database)
        for member in ("th", "vn"):
            await world.start(member)
        search = await world.nodes["th"].asking.searches.start(officer(), command())
        assert _shown(search)
        await _seen(world)
        await saved.make()
        vn = world.nodes["vn"]
        (copy,) = vn.desk.parts.store.holdings(direction=Direction.OUT)
        owner = data_officer("vn", vn.resources.walls[0].description.agency)
        withdrawn = ChangeCommand(code=ChangeCode.WITHDRAWN, record=copy.record)
        done = await vn.desk.originator.originator.change(owner, withdrawn)
        await until(is_taken(vn, done.threads[0]), "the withdrawal is taken")
        th = await saved.bring_back()
        await until(lambda: th.core.heard(VN), "vn has told what was lost")
        assert states(th, Direction.IN) == [HoldingState.HIDDEN]
        found = await th.asking.searches.get(officer(), search.id)
        assert (_shown(found), WITHDRAWN in _rules(found)) == (0, True)


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_a_restored_owner_knows_again_who_holds_what_it_gave(tmp_path: Path, database: str) -> None:
    async with simulated(sample_world(tmp_path / "world", ("th", "vn")), ()) as world:
        saved = _Saved(world, "vn", database)
        for member in ("th", "vn"):
            await world.start(member)
        th = world.nodes["th"]
        await th.asking.searches.start(officer(), command(NO_PASSPORT))
        await saved.make()
        # After the backup: two hits whose records Thailand holds, the first of which is withdrawn, and erased there.
        store = world.nodes["vn"].desk.parts.store
        await th.asking.searches.start(officer(), command())
        (first,) = store.holdings(direction=Direction.OUT)
        owner = data_officer("vn", world.nodes["vn"].resources.walls[0].description.agency)
        withdrawn = ChangeCommand(code=ChangeCode.WITHDRAWN, records=(first.jti,))
        done = await world.nodes["vn"].desk.originator.originator.change(owner, withdrawn)
        await until(is_taken(world.nodes["vn"], done.threads[0]), "the withdrawal is taken")
        await world.nodes["vn"].desk.originator.holding.lift(owner, first.record)
        await th.asking.searches.start(officer(), command())
        before = sorted(store.holdings(direction=Direction.OUT), key=lambda copy: copy.jti)
        assert len(before) == 2
        vn = await saved.bring_back()
        await until(lambda: vn.core.heard(TH), "Thailand has told what was lost")
        after = sorted(vn.desk.parts.store.holdings(direction=Direction.OUT), key=lambda copy: copy.jti)
        assert after == before
        # What was withdrawn is held back again: that it was lifted is lost, and a data officer says so again.
        holding = vn.desk.originator.holding
        assert [each.record for each in holding.listed(owner)] == [first.record]
        (work,) = vn.desk.parts.store.works(WorkFilter(kinds=(WorkKind.CORRECT,)))
        assert (work.result, work.done_us) == (STILL_THERE, 0)
        await holding.hold([first], "")
        assert len(vn.desk.parts.store.works(WorkFilter(kinds=(WorkKind.CORRECT,)))) == 1, "one work for each hold"
        # So a withdrawal after the restore reaches the copy that was given after the backup.
        done = await vn.desk.originator.originator.change(
            owner, ChangeCommand(code=ChangeCode.WITHDRAWN, record=first.record)
        )
        await until(is_taken(vn, done.threads[0]), "the withdrawal is taken")
        assert states(th, Direction.IN) == [HoldingState.HIDDEN] * 2
