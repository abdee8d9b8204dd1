"""A restored node shows nothing from abroad and sends nothing until its counterparts have told it what it lost."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from gateway.cli.main import run
from gateway.desk.originator.changing import ChangeCommand
from gateway.desk.originator.ledger import UNHEARD, WITHDRAWN
from gateway.errors import Contradicted, Suspended
from gateway.model.desk.notices import About, Ask, ChangeCode, Note
from gateway.model.desk.threads import ThreadKey, ThreadState
from gateway.model.desk.work import DeliveryState, Direction, HoldingState
from gateway.model.search import Search
from tests.federation.test_desk_delivery import is_taken, post, until
from tests.support.exchange import TH, VN, command, entries, lines, sample_world, stopping
from tests.support.forger import eventually_async
from tests.support.nodes import World, officer
from tests.support.originator import data_officer, states
from tests.support.persons import administrator

pytestmark = pytest.mark.timeout(240)


async def _seen(world: World) -> None:
    """All that both have logged is known to the other one."""

    async def covered() -> bool:
        for member in ("th", "vn"):
            await world.nodes[member].witness.round()
        return all(item.covered == item.size for item in world.nodes["th"].witness.standings)

    await eventually_async(covered, 30.0)


async def _goes_on(world: World, home: Path) -> None:
    """The logs of a home whose entries are lost go on under their next numbers."""
    for log in ("exchange", "operations"):
        words = ["audit", "next-log", "--home", home, "--log", log, *administrator(home), "--reason", "disk lost"]
        with pytest.raises(Contradicted):  # the start is refused at the first log that is behind
            await world.start("th")
        assert await asyncio.to_thread(run, [*map(str, words)]) == 0


def _rules(search: Search) -> set[str]:
    return {rule for hit in lines(search)[VN].hits for rule in hit.rules}


def _shown(search: Search) -> int:
    return sum(hit.record is not None for hit in lines(search)[VN].hits)


async def test_a_withdrawal_after_the_backup_stays_in_force_after_the_restore(tmp_path: Path) -> None:
    world = sample_world(tmp_path / "world", ("th", "vn"))
    home = world.home("th")
    async with stopping(world):
        for member in ("th", "vn"):
            await world.start(member)
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


async def test_a_counterpart_out_of_reach_keeps_its_own_records_hidden_and_no_others(tmp_path: Path) -> None:
    world = sample_world(tmp_path, ("th", "vn"))
    async with stopping(world):
        for member in ("th", "vn"):
            await world.start(member)
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
