"""A node serves on while its mailbox of acts is attacked, and a kill leaves no act half done (CASE-L6)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from gateway.audit.acts.act import parse_act
from gateway.audit.acts.table import Lane
from gateway.config import Home
from gateway.config.suspensions import Action
from gateway.errors import LiaisonError
from gateway.host.durable import make_folder
from gateway.ops.acts.carry import bring
from gateway.ops.acts.mailbox import Mailbox
from gateway.ops.acts.switches import history
from tests.federation.test_crashes import Load
from tests.federation.test_storage_lost import serving
from tests.security.test_acts import active, kinds, resuming
from tests.security.test_acts_mailbox import HOSTILE
from tests.support.acts import switch_off, switch_on
from tests.support.exchange import caller, sample_world
from tests.support.load import waiting

pytestmark = pytest.mark.timeout(300)


def cpu_s(pid: int) -> float:
    """The seconds of processors that a process has used, whatever else the machine does."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def test_a_node_serves_and_acts_are_carried_out_beside_a_hostile_mailbox(tmp_path: Path) -> None:
    world = sample_world(tmp_path, ("th", "vn"))
    home, client, load = world.home("vn"), caller(world), Load(world)
    mailbox = Mailbox(Home(home).acts)

    async def slowest_of(channel: Any, numbers: range) -> float:
        slowest = 0.0
        with waiting() as watch:
            for number in numbers:
                began = watch.seconds
                await load.submit(channel, load.envelope(number))
                slowest = max(slowest, watch.seconds - began)
                await asyncio.sleep(0.01)
        return slowest

    async with serving(world) as process, client.channel() as channel:
        await slowest_of(channel, range(20))  # the first exchange of a process makes what all others use
        spent = cpu_s(process.pid)
        usual = await slowest_of(channel, range(20, 220))
        usual_cpu = cpu_s(process.pid) - spent
        make_folder(mailbox.folder)
        for lane in Lane:
            for number, make in enumerate(HOSTILE):
                make(mailbox.folder / f"{lane}-{number:032x}.json")
        spent = cpu_s(process.pid)
        switch_off(Home(home), "agency:police", "a drill")
        on = asyncio.create_task(switch_on(Home(home), "agency:police"))
        slowest = await slowest_of(channel, range(220, 420))
        await on
        assert slowest < max(1.0, 3 * usual)  # a busy machine makes the same node slow without the mailbox, too
        assert cpu_s(process.pid) - spent < 3 * usual_cpu
        assert not mailbox.waiting(Lane.QUICK)
        assert active(home) == {}


@pytest.mark.parametrize("after_ms", [0, 30, 100, 200, 300])
async def test_a_node_that_is_killed_leaves_no_act_half_done(tmp_path: Path, after_ms: int) -> None:
    world = sample_world(tmp_path, ("th", "vn"))
    home = world.home("vn")
    async with serving(world) as process:
        switch_off(Home(home), "peer:la", "a drill")
        data = resuming(home, target="peer:la")
        bringing = asyncio.create_task(asyncio.to_thread(bring, home, data))
        await asyncio.sleep(after_ms / 1e3)
        os.kill(process.pid, signal.SIGKILL)
        with contextlib.suppress(LiaisonError):
            await bringing  # where the node is gone, the command carries it out itself
    on = [line for line in history(Home(home)) if line.action is Action.RESUME]
    assert [line.id for line in on] == [parse_act(data)[0].id]
    assert active(home) == {}
    assert [item["order"] for item in kinds(home, "resume")] == [on[0].id]
    assert [item["kind"] for item in kinds(home, "suspend", "resume")] == ["suspend", "resume"]
