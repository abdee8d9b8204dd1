"""Hidden namesakes change no answer of a running node, and no watch that is there."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import NamedTuple

import pytest
import pytest_asyncio

from adapters.indexed import IndexedSource
from gateway.app.run.node import Node
from gateway.demo.sources import kh_customs, planted
from gateway.demo.sources.tables import insert
from gateway.desk.watches.book import LiveWatch
from gateway.model.desk.threads import ThreadKey
from gateway.model.exchange import Answer, Outcome
from gateway.model.names import new_exchange_id
from gateway.model.purpose import Purpose
from gateway.model.query import PersonQuery
from gateway.model.values import NameForm, PartialDate
from tests.support.exchange import KH, TH, answer_of, caller, request, sample_world, sealed, stopping
from tests.support.nodes import World

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAME = PersonQuery((NameForm("SOKHA CHANTREA"),), PartialDate("1985"))


class Told(NamedTuple):
    """An answer, and what a watch for the same meets."""

    outcome: Outcome
    hits: list[object]
    about: object
    capped: bool
    met: list[object]
    is_wide: bool


@dataclass
class Customs:
    """The customs of Cambodia as a running node has them, and its database."""

    world: World
    database: Path

    @property
    def node(self) -> Node:
        return self.world.nodes["kh"]

    def add(self, first: int, count: int, ops: str) -> None:
        """Add namesakes; with `ops` they are hidden from Thailand."""
        made = [
            kh_customs.known_party(
                number, planted.Person("សុខា ចន្ទ្រា", "", "SOKHA CHANTREA", date(1985, 3, 1 + number % 28)), "S", ops
            )
            for number in range(first, first + count)
        ]
        with closing(sqlite3.connect(self.database)) as database:
            insert(database, "party", made)
            database.commit()
        source = self.node.resources.walls[0].source
        assert isinstance(source, IndexedSource)
        source.compare()

    async def answer(self) -> Answer:
        member = self.world.federation["th"]
        return answer_of(await caller(self.world, to="kh").submit(sealed(member, recipient=KH, query=NAME)))

    async def told(self) -> Told:
        """All that an asker is told, and all that a watch meets; references and ids apart."""
        answer = await self.answer()
        asked = request(recipient=KH, query=NAME)
        far = asked.issued_us + 10**12
        key = ThreadKey(TH, new_exchange_id())
        purpose = Purpose.INVESTIGATION.value
        watch = LiveWatch(key, new_exchange_id(), NAME, purpose, asked, far, far, 1, due=True)
        looker = self.node.desk.watches.watching.looker
        found = await looker.search(watch, self.node.resources.walls[0])
        return Told(
            answer.outcome,
            [(hit.quality, hit.record_type, hit.rules, bool(hit.record)) for hit in answer.hits],
            (answer.missing, answer.withheld_count),
            answer.capped,
            [(each.key, each.match, each.rules) for each in found.met],
            found.capped,
        )


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def customs(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Customs]:
    folder = tmp_path_factory.mktemp("hidden-rows")
    made = sample_world(folder, ("th", "kh"))
    async with stopping(made):
        await made.start("kh")
        yield Customs(made, folder / "sources" / "kh_customs.sqlite")


async def test_n210_hidden_namesakes_change_no_answer_and_no_watch(customs: Customs) -> None:
    nobody = await customs.told()
    customs.add(5_000, 60, "TH")
    assert await customs.told() == nobody, "all that there is is hidden"
    customs.add(7_000, 1, "")
    one = await customs.told()
    assert (one.outcome, len(one.hits), len(one.met)) == (Outcome.HIT, 1, 1), "60 hidden ones take no place of it"
    customs.add(5_100, 300, "ALL")
    assert await customs.told() == one
    customs.add(7_001, 30, "")
    many = await customs.told()
    assert (many.capped, many.is_wide) == (True, True)
    customs.add(5_500, 300, "TH")
    assert await customs.told() == many
