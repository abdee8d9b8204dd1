"""What is fetched is what was asked: a source that gives another person's record under the key gets nothing signed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from msgspec.structs import replace

from gateway.model.exchange import Outcome
from gateway.model.hit import Match, Quality, SourceRecord
from tests.support.exchange import (
    Caller,
    WatchedSource,
    answer_of,
    caller,
    command,
    last,
    lines,
    sample_world,
    sealed,
    stopping,
    watch,
)
from tests.support.nodes import World, officer

OTHER = {"number": "X9999999", "issuer": "VNM", "holder_name": "TRAN THI KHAC", "status": "STOLEN"}
pytestmark = pytest.mark.asyncio(loop_scope="module")

HER = officer("th")
Change = Callable[[SourceRecord], SourceRecord]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = sample_world(tmp_path_factory.mktemp("asked"), ("th", "vn"))
    async with stopping(made):
        await made.start("vn")
        await made.start("th")
        yield made


@pytest.fixture
def source(world: World) -> WatchedSource:
    return watch(world.nodes["vn"])


@pytest.fixture
def th(world: World) -> Caller:
    return caller(world)


def other_fields(record: SourceRecord) -> SourceRecord:
    return replace(record, fields=OTHER)


def other_row(record: SourceRecord) -> SourceRecord:
    """What the adapter gives whose source has another row under the key."""
    return replace(record, fields=OTHER, search={"documents": [{"number": "X9999999", "issuer": "VNM"}]})


def other_number(record: SourceRecord) -> SourceRecord:
    return replace(record, fields={**record.fields, "number": "X9999999"}, search=None)


@pytest.mark.parametrize("change", [other_fields, other_row, other_number])
async def test_another_persons_record_under_the_key_does_not_leave(
    world: World, source: WatchedSource, th: Caller, change: Change
) -> None:
    source.change = change
    answer = answer_of(await th.submit(sealed(world.federation["th"])))
    assert (answer.outcome, answer.hits) == (Outcome.PARTIAL, ()), "what its index found was not seen: it is no no hit"
    assert answer.missing
    (told,) = last(world.nodes["vn"]).private["sources"]
    assert told["state"] == "changed"
    assert told["changed"][0]["type"] == "TravelDocument"
    source.reset()
    answer = answer_of(await th.submit(sealed(world.federation["th"])))
    assert [hit.quality for hit in answer.hits] == [Quality.EXACT_ID]
    assert answer.missing == ()


async def test_a_record_that_does_not_say_its_number_is_no_exact_hit(
    world: World, source: WatchedSource, th: Caller
) -> None:
    def silent(record: SourceRecord) -> SourceRecord:
        return replace(record, fields={name: value for name, value in record.fields.items() if name != "number"})

    source.change = silent
    answer = answer_of(await th.submit(sealed(world.federation["th"])))
    assert [hit.quality for hit in answer.hits] == [Quality.POSSIBLE]


async def test_the_asker_sees_that_a_record_does_not_fit_the_question(
    world: World, source: WatchedSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = lines(await world.nodes["th"].asking.searches.start(HER, command()))["vn"].hits[0]
    assert "record-does-not-fit" not in shown.rules
    monkeypatch.setattr("gateway.exchange.answering.gather.confirm", lambda *_: Match(Quality.EXACT_ID, 1.0))
    source.change = other_fields
    shown = lines(await world.nodes["th"].asking.searches.start(HER, command()))["vn"].hits[0]
    assert "record-does-not-fit" in shown.rules
    assert shown.record is not None
    assert last(world.nodes["th"]).answer  # it is kept as evidence
    source.reset()
