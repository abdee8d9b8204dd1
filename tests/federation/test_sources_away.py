"""A node starts without the systems that cannot be reached, says that they are not searched, and opens them later."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from gateway.app.run.node import Node
from gateway.model.exchange import Outcome
from gateway.model.names import MemberId
from gateway.model.search import Line
from gateway.ops.doctor.doctor import examine
from gateway.ops.finding import SOURCE_AWAY
from gateway.ops.sources.status import source_status
from gateway.telemetry import Gauge
from tests.support.databases import new_postgres, server
from tests.support.exchange import CLOCK, KH, NO_PASSPORT, VN, command, entries, lines
from tests.support.nodes import SourcePlan, World, build_world, officer
from tests.support.samples import ONE_EACH, give_indexes, sample_database
from tests.support.simulator import simulated
from tests.support.sql_agencies import DATABASE, SqlAgency, fill_agency

pytestmark = pytest.mark.asyncio

HER = officer("th")
(_SAMPLE,) = [sample for sample in ONE_EACH if sample.member == "vn"]


@asynccontextmanager
async def asking(folder: Path, member: str, *sources: SourcePlan) -> AsyncIterator[World]:
    """Run Thailand, which asks, and a member with these sources, as after earlier starts of its node."""
    world = build_world(folder, {member: sources}, ("th", member))
    give_indexes(world.home(member), member)
    async with simulated(world, ("th", member)) as running:
        yield running


async def asked(world: World, member: MemberId) -> Line:
    found = await world.nodes["th"].asking.searches.start(HER, command(NO_PASSPORT, (member,)))
    return lines(found)[member]


def unread(node: Node) -> dict[str, float]:
    """What metrics say of each source."""
    read = node.resources.counters.gauges()[Gauge.SOURCE_UNREAD]
    return {labels[0][1]: value for labels, value in read().items()}


def failures(node: Node) -> list[str]:
    """The codes with which looks at sources failed, as the log of operations has them."""
    return [each.private["code"] for each in entries(node, "operations") if each.entry.kind == "source-failed"]


def stops(world: World, member: str) -> list[tuple[str, bool]]:
    """What the doctor stops at because of sources: the code, and whether a start is refused."""
    found = [each for each in examine(world.home(member), CLOCK) if each.check == "sources" and each.is_stop]
    return [(each.code, each.refuses_start) for each in found]


async def test_n203_a_database_that_is_absent_at_the_start_is_opened_when_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.ops.doctor.network_checks._TIMEOUT_S", 0.2)
    database = sample_database(_SAMPLE, tmp_path / "sources")
    other, mapping = tmp_path / "second.sqlite", tmp_path / "second.toml"
    text = Path(_SAMPLE.mapping_file).read_text(encoding="utf-8")
    mapping.write_text(
        text.replace(_SAMPLE.id, "vn.immigration.second").replace("immigration records", "second records"),
        encoding="utf-8",
    )
    shutil.copyfile(database, other)
    kept = database.rename(tmp_path / "kept.sqlite")
    plans = (
        SourcePlan(_SAMPLE.id, _SAMPLE.agency, _SAMPLE.mapping_file, f"sqlite:///{database}"),
        SourcePlan("vn.immigration.second", _SAMPLE.agency, mapping, f"sqlite:///{other}"),
    )
    async with asking(tmp_path, "vn", *plans) as world:
        node = world.nodes["vn"]
        line = await asked(world, VN)
        assert (line.outcome, line.missing) == (Outcome.PARTIAL, ("immigration records",))
        assert node.health.report()["sources"] == {_SAMPLE.id: "source-unavailable", "vn.immigration.second": "ok"}
        assert unread(node) == {_SAMPLE.id: 1.0, "vn.immigration.second": 0.0}
        (away,) = source_status(world.home("vn"), _SAMPLE.id, CLOCK)
        assert away["failing"]
        assert "there is no file" in away["last_errors"][-1]["error"]
        assert stops(world, "vn") == [(SOURCE_AWAY, False)]
        assert failures(node) == ["source-unavailable"]

        with closing(sqlite3.connect(database)) as empty, empty:
            empty.execute("CREATE TABLE other (id INTEGER)")
        await node.core.upkeep.refresh(_SAMPLE.id)
        line = await asked(world, VN)
        assert (line.outcome, line.missing) == (Outcome.PARTIAL, ("immigration records",))
        assert node.health.report()["sources"][_SAMPLE.id] == failures(node)[-1] == "bad-mapping"
        assert stops(world, "vn") == [("", True)]
        (away,) = source_status(world.home("vn"), _SAMPLE.id, CLOCK)
        assert "unknown table" in away["last_errors"][-1]["error"]

        kept.rename(database)
        await node.core.upkeep.refresh(_SAMPLE.id)
        line = await asked(world, VN)
        assert (line.outcome, line.missing) == (Outcome.NO_HIT, ())
        assert {one.kind for one in line.searched} == {"immigration records", "second records"}
        assert set(node.health.report()["sources"].values()) == {"ok"}
        assert set(unread(node).values()) == {0.0}
        assert stops(world, "vn") == []


async def test_n203_a_server_that_is_down_at_the_start_is_searched_when_it_is_up(tmp_path: Path) -> None:
    server("postgresql")  # skips where there is none
    own = new_postgres()
    try:
        agency = SqlAgency("postgresql", tmp_path, own)
        own.fresh_database(DATABASE)
        fill_agency(agency)
        own.stop()
        plan = SourcePlan("th.police.servers", "police", agency.mapping, agency.url)
        async with asking(tmp_path, "kh", plan) as world:
            node = world.nodes["kh"]
            line = await asked(world, KH)
            assert (line.outcome, line.missing) == (Outcome.NOT_SEARCHED, ("police records",))
            assert unread(node) == {plan.id: 1.0}
            own.start()
            await node.core.upkeep.refresh(plan.id)
            line = await asked(world, KH)
            assert (line.outcome, line.missing) == (Outcome.NO_HIT, ())
            assert node.health.report()["sources"] == {plan.id: "ok"}
    finally:
        own.stop()
