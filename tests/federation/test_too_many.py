"""Questions beyond a counterpart's limit: what the asker notes, and that both countries' logs still go together."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.audit.accounts.days import answers
from gateway.cli.main import run
from gateway.model.exchange import Outcome
from gateway.model.names import MemberId
from tests.support.exchange import VN, command, entries, lines, sample_world, stopping
from tests.support.nodes import World, officer

pytestmark = pytest.mark.asyncio(loop_scope="module")

BURST, ASKED = 5, 12


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def asked(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[World, Counter[Outcome]]]:
    """Thailand's officers ask more than Viet Nam's node takes at once."""
    made = sample_world(tmp_path_factory.mktemp("many"), ("th", "vn"))
    file = made.home("vn") / "node.toml"
    told = f"[limits]\nrate_per_member = 1\nburst_per_member = {BURST}"
    file.write_text(file.read_text().replace("[limits]", told))
    async with stopping(made):
        for member in ("th", "vn"):
            await made.start(member)
        searches = made.nodes["th"].asking.searches
        found = await asyncio.gather(*(searches.start(officer("th"), command()) for _ in range(ASKED)))
        yield made, Counter(lines(search)[VN].outcome for search in found)


@pytest.fixture(scope="module")
def world(asked: tuple[World, Counter[Outcome]]) -> World:
    return asked[0]


@pytest.fixture(scope="module")
def outcomes(asked: tuple[World, Counter[Outcome]]) -> Counter[Outcome]:
    return asked[1]


def written(world: World, member: str) -> Counter[str]:
    return Counter(item.entry.kind for item in entries(world.nodes[member]))


async def test_each_question_has_one_outcome_and_one_end(world: World, outcomes: Counter[Outcome]) -> None:
    assert set(outcomes) == {Outcome.HIT, Outcome.TOO_MANY}
    assert outcomes[Outcome.HIT] >= BURST
    kinds = written(world, "th")
    assert (kinds["asked"], kinds["received"], kinds["too-many"]) == (
        ASKED,
        outcomes[Outcome.HIT],
        outcomes[Outcome.TOO_MANY],
    )
    assert written(world, "vn") == {"answered": outcomes[Outcome.HIT]}


async def test_the_numbers_of_the_channel_have_no_gap(world: World, outcomes: Counter[Outcome]) -> None:
    vn = world.nodes["vn"].resources
    listed = answers(vn.store, vn.exchange_log.store_name, MemberId("th"), 1, ASKED)
    assert [item.number for item in listed] == list(range(1, outcomes[Outcome.HIT] + 1))
    await world.nodes["th"].asking.acknowledger.round()


async def test_both_exports_are_proved_and_agree(
    world: World, outcomes: Counter[Outcome], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for member in ("th", "vn"):
        assert run(["audit", "export", "--home", str(world.home(member)), "--out", str(tmp_path / member)]) == 0
    charter = world.home("th") / "trust" / "charter.jsonl"
    capsys.readouterr()
    exports = [str(tmp_path / member) for member in ("th", "vn")]
    assert run(["audit", "reconcile", *exports, "--charter", str(charter), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["turned_away"], found["findings"], found["blamed"]) == (outcomes[Outcome.TOO_MANY], [], [])
    assert run(["audit", "reconcile", *exports, "--charter", str(charter)]) == 0
    assert f"{outcomes[Outcome.TOO_MANY]} questions were turned away unread" in capsys.readouterr().out


async def test_statistics_and_lists_of_entries_count_them(
    world: World, outcomes: Counter[Outcome], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["audit", "stats", "--home", str(world.home("th")), "--exact", "--json"]) == 0
    counts = {item["measure"]: item["count"] for item in json.loads(capsys.readouterr().out)["counts"]}
    assert counts["too-many"] == outcomes[Outcome.TOO_MANY]
