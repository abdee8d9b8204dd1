"""Two countries' real exports agree; one that ends earlier blames no one."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.cli.main import run
from gateway.model.exchange import Outcome
from tests.support.exchange import VN, command, lines, sample_world, stopping
from tests.support.nodes import World, officer

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def exports(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Path]]:
    folder = tmp_path_factory.mktemp("reconcile")
    world = sample_world(folder / "world", ("th", "vn"))
    async with stopping(world):
        for member in ("th", "vn"):
            await world.start(member)
        await ask(world, 4)
        export(world, "vn", folder / "vn-early")
        await ask(world, 2)
        for member in ("th", "vn"):
            export(world, member, folder / member)
    charter = folder / "charter.jsonl"
    charter.write_bytes((world.home("th") / "trust" / "charter.jsonl").read_bytes())
    yield {"th": folder / "th", "vn": folder / "vn", "early": folder / "vn-early", "charter": charter}


async def ask(world: World, times: int) -> None:
    for _ in range(times):
        assert lines(await world.nodes["th"].asking.searches.start(officer("th"), command()))[VN].outcome is Outcome.HIT


def export(world: World, member: str, out: Path) -> None:
    assert run(["audit", "export", "--home", str(world.home(member)), "--out", str(out)]) == 0


def reconcile(exports: dict[str, Path], one: str, other: str) -> list[str]:
    return ["audit", "reconcile", str(exports[one]), str(exports[other]), "--charter", str(exports["charter"])]


@pytest.mark.parametrize(("other", "agreed"), [("vn", 6), ("early", 4)])
async def test_honest_logs_agree_as_far_as_both_reach(
    exports: dict[str, Path], other: str, agreed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*reconcile(exports, "th", other), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["agreed"] + found["outside"], found["findings"]) == (6, [])
    assert found["agreed"] >= agreed


async def test_the_order_of_the_exports_does_not_matter(
    exports: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(reconcile(exports, "vn", "th")) == 0
    assert "6 exchanges agree" in capsys.readouterr().out


async def test_a_changed_byte_in_one_export_is_its_makers(
    exports: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    entries = (exports["vn"] / "exchange-1" / "tile" / "entries").rglob("*")
    tile = next(path for path in entries if path.is_file())
    data = tile.read_bytes()
    tile.write_bytes(data.replace(b'"answered"', b'"answereD"', 1))
    try:
        assert run([*reconcile(exports, "th", "vn"), "--json"]) == 1
        found = json.loads(capsys.readouterr().out)
        assert found["exports"]["vn"]["verdict"] == "contradicted"
        assert found["exports"]["th"]["verdict"] == "proved"
        assert "findings" not in found
    finally:
        tile.write_bytes(data)


async def test_the_same_member_twice_is_wrong_usage(
    exports: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(reconcile(exports, "vn", "early")) == 2
    assert "both exports are of `vn`: give two members' exports" in capsys.readouterr().err
    assert run(reconcile(exports, "vn", "vn")) == 2
    assert "are one folder: give two members' exports" in capsys.readouterr().err
