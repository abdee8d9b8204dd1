"""Two units, one case: Thailand asks Viet Nam between real nodes whether a unit works on it, and learns whom to ask."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gateway.errors import Forbidden
from gateway.language.languages import Language
from gateway.model.exchange import Outcome
from gateway.model.purpose import Purpose
from gateway.model.query import CaseQuery, DocumentQuery, Query
from gateway.model.search import Line, Search
from gateway.ports.entries import events
from gateway.views.search.fields import search_value
from gateway.views.search.lines import answer_lines
from tests.support.exchange import VN, command, entries, last, lines, stopping
from tests.support.nodes import SourcePlan, World, build_world, officer

pytestmark = pytest.mark.asyncio(loop_scope="module")

HE = officer("th", [purpose.value for purpose in Purpose])
MAPPING = """
[source]
id = "vn.immigration.cases"
agency = "immigration"
kind = "cases"

[marking]
releasable_to = ["th"]

[[record]]
type = "CaseReference"
table = "cases"
key = "id"
left_out = ["country"]

[record.fields]
case_number = { column = "number", convert = "text" }
unit = { column = "unit", convert = "text" }
offence = { column = "offence", convert = "text" }
status = { column = "status", convert = "text" }
contact_role = { column = "mailbox", convert = "text" }

[record.search]
cases = [{ column = "number", convert = "compact" }]

[[record.marking]]
when = { column = "hidden", in = ["th"] }
withhold_from = ["th"]

[[record.marking]]
when = { column = "hidden", in = ["all"] }
caveats = ["OPHIDE"]
"""
TABLES = """
CREATE TABLE cases
  (id INTEGER PRIMARY KEY, number TEXT, unit TEXT, offence TEXT, status TEXT, mailbox TEXT, hidden TEXT);
INSERT INTO cases VALUES
  (1, 'TH/2026.0417', 'C47', 'NARC', 'OPEN', 'c47.desk@police.example', NULL),
  (2, 'TH-2026-0500', 'C48', 'NARC', 'OPEN', 'c48.desk@police.example', 'th'),
  (3, 'TH-2026-0600', 'C49', 'NARC', 'OPEN', 'c49.desk@police.example', 'all');
"""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    folder = tmp_path_factory.mktemp("cases")
    mapping, database = folder / "cases.toml", folder / "cases.sqlite"
    mapping.write_text(MAPPING, encoding="utf-8")
    with sqlite3.connect(database) as made_now:
        made_now.executescript(TABLES)
    cases = SourcePlan("vn.immigration.cases", "immigration", mapping, f"sqlite:///{database}")
    made = build_world(folder, {"vn": [cases]}, ("th", "vn"))
    async with stopping(made):
        for member in ("th", "vn"):
            await made.start(member)
        yield made


async def search(world: World, query: Query, purpose: Purpose = Purpose.DECONFLICTION) -> Search:
    return await world.nodes["th"].asking.searches.start(HE, command(query, (VN,), purpose=purpose))


async def answer(world: World, query: Query) -> Line:
    return lines(await search(world, query))[VN]


@pytest.mark.parametrize("spelling", ["TH-2026-0417", "th 2026/0417", "ＴＨ２０２６０４１７"])
async def test_a_unit_that_works_on_the_case_is_named_and_nothing_of_the_case(world: World, spelling: str) -> None:
    found = await search(world, CaseQuery(spelling))
    line = lines(found)[VN]
    assert line.outcome is Outcome.HIT, line
    (hit,) = line.hits
    assert hit.record_type == "CaseReference"
    assert hit.record is not None
    assert hit.record.fields == {"unit": "C47", "contact_role": "c47.desk@police.example"}
    (shown,) = [each for each in search_value(found, Language.EN)["lines"] if each["member"] == VN]
    said = [text if isinstance(text, str) else text[0] for text in answer_lines(shown, "th")]
    assert "      a unit there works on this case: ask C47, c47.desk@police.example" in said
    ours, theirs = last(world.nodes["th"]), last(world.nodes["vn"])
    assert (ours.entry.kind, theirs.entry.kind) == (events.RECEIVED.kind, events.ANSWERED.kind)
    assert ours.entry.exchange_id == theirs.entry.exchange_id
    assert theirs.private["purpose"] == "DECONFLICTION"


@pytest.mark.parametrize(
    "number", ["TH-2026-0418", "TH-2026-0500", "TH-2026-0600"], ids=["unknown", "withheld", "hidden"]
)
async def test_a_case_that_is_kept_back_looks_like_none(world: World, number: str) -> None:
    line = await answer(world, CaseQuery(number))
    assert (line.outcome, line.hits, bool(line.withheld_count)) == (Outcome.NO_HIT, (), False)


@pytest.mark.parametrize(
    ("query", "purpose"),
    [
        (CaseQuery("TH-2026-0417"), Purpose.INVESTIGATION),
        (DocumentQuery("C7700123", "VNM"), Purpose.DECONFLICTION),
    ],
)
async def test_the_question_and_its_purpose_go_together_and_nothing_is_sent_otherwise(
    world: World, query: Query, purpose: Purpose
) -> None:
    before = len(entries(world.nodes["vn"]))
    with pytest.raises(Forbidden) as refused:
        await search(world, query, purpose)
    assert refused.value.code == "purpose-not-covered"
    assert last(world.nodes["th"], "operations").entry.kind == events.DENIED.kind
    assert len(entries(world.nodes["vn"])) == before
