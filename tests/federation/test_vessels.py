"""Viet Nam asks Thailand for a vessel, between real nodes: a hit in another script, and refusals."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace as replaced

import pytest
import pytest_asyncio
from msgspec import structs

from gateway.model.exchange import Outcome
from gateway.model.handed.searches import SearchCommand
from gateway.model.hit import Quality
from gateway.model.query import VesselQuery
from gateway.model.search import Line
from gateway.signing.keys import load_signing_key
from gateway.trust.documents.descriptor import sign_descriptor
from tests.support.exchange import TH, command, entries, last, lines, stopping
from tests.support.nodes import SourcePlan, World, build_world, officer

pytestmark = pytest.mark.asyncio(loop_scope="module")

HER = structs.replace(officer("vn"), agency="immigration")
MAPPING = """
[source]
id = "th.police.boats"
agency = "police"
kind = "boats of the river"

[marking]
releasable_to = ["vn"]

[[record]]
type = "Vessel"
table = "boats"
key = "id"
left_out = ["imo", "call_sign", "mmsi", "type", "status"]

[record.fields]
name = { item = { text = { column = "name" } } }
local_reg = { column = "reg" }
hull_marks = { column = "marks" }
flag = { column = "flag" }

[record.search]
vessel_names = { field = "name" }
vessels = [
  { item = { local_reg = { field = "local_reg" }, flag = { field = "flag" } } },
  { item = { hull_marks = { field = "hull_marks" }, flag = { field = "flag" } } },
]
"""
TABLES = """
CREATE TABLE boats (id INTEGER PRIMARY KEY, name TEXT, reg TEXT, marks TEXT, flag TEXT);
INSERT INTO boats VALUES (1, 'แม่โขง 7', 'ชร-ข 0417', 'NAGA 9', 'TH'), (2, 'แม่โขง 8', 'ชร-ข 0418', NULL, 'TH');
"""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    folder = tmp_path_factory.mktemp("vessels")
    mapping, database = folder / "boats.toml", folder / "boats.sqlite"
    mapping.write_text(MAPPING, encoding="utf-8")
    with sqlite3.connect(database) as made_now:
        made_now.executescript(TABLES)
    boats = SourcePlan("th.police.boats", "police", mapping, f"sqlite:///{database}")
    made = build_world(folder, {"th": [boats]}, ("th", "vn"))
    async with stopping(made):
        for member in ("th", "vn"):
            await made.start(member)
        yield made


def asked(query: VesselQuery, **changes: object) -> SearchCommand:
    return command(query, (TH,), **changes)


async def answer(world: World, search: SearchCommand) -> Line:
    return lines(await world.nodes["vn"].asking.searches.start(HER, search))[TH]


@pytest.mark.parametrize(
    ("query", "quality"),
    [
        (VesselQuery("Mae Khong 7"), Quality.POSSIBLE),
        (VesselQuery(local_reg="ชรข ๐๔๑๗", flag="TH"), Quality.EXACT_ID),
        (VesselQuery(local_reg="naga-9"), Quality.EXACT_ID),
    ],
)
async def test_a_boat_is_found_by_its_name_in_another_script_and_by_its_registration(
    world: World, query: VesselQuery, quality: Quality
) -> None:
    line = await answer(world, asked(query))
    assert line.outcome is Outcome.HIT, line
    (hit,) = line.hits
    assert (hit.record_type, hit.quality) == ("Vessel", quality)
    assert hit.record is not None
    assert hit.record.fields["local_reg"] == "ชร-ข 0417"
    assert {each.entry.kind for each in (last(world.nodes["th"]), last(world.nodes["vn"]))} == {"answered", "received"}


async def test_another_boat_is_no_hit(world: World) -> None:
    line = await answer(world, asked(VesselQuery("Mae Khong 9", local_reg="ชร-ข 0419")))
    assert line.outcome is Outcome.NO_HIT


async def test_what_the_agreement_does_not_cover_is_refused(world: World) -> None:
    line = await answer(world, asked(VesselQuery("Mae Khong 7"), agreement="gms-border-2026"))
    assert (line.outcome, line.refusal and line.refusal.code) == (Outcome.REFUSED, "query-not-covered")


async def test_a_member_that_does_not_list_the_question_is_not_asked(world: World) -> None:
    thailand = world.federation["th"]
    held = world.federation.view("vn").descriptor("th")
    reads = tuple(each for each in held.reads if not each.startswith(VesselQuery.part))
    older = replaced(held, version=held.version + 1, previous=held.hash.hex(), reads=reads, hash=b"", data=b"")
    world.federation.share(sign_descriptor(older, [load_signing_key(thailand.authority / "authority.key")]))
    for node in world.nodes.values():
        node.resources.trust.refresh()
    before = len(entries(world.nodes["th"]))
    line = await answer(world, asked(VesselQuery("Mae Khong 7")))
    assert (line.outcome, line.refusal and line.refusal.code) == (Outcome.REFUSED, "part-not-read")
    assert len(entries(world.nodes["th"])) == before, "nothing was sent"
