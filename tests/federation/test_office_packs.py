"""An office that is cut off: a copy of alerts is handed out, searched without a node, and its look-ups come back."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.cli.main import run
from gateway.desk.packs.shelf import COPIES, RETURNED
from gateway.model.desk.work import WorkKind
from gateway.ports.desk import WorkFilter
from tests.support.alerts import author, raising, supervisor, there
from tests.support.approving import approve_waiting
from tests.support.exchange import entries, sample_world
from tests.support.simulator import Simulation, simulated
from tests.support.waiting import until

OFFICE = "vn.blo.moc-bai"


@pytest_asyncio.fixture
async def own_world(tmp_path: Path) -> AsyncIterator[Simulation]:
    async with simulated(sample_world(tmp_path, ("th", "vn"))) as made:
        yield made


async def test_a_copy_is_searched_without_a_node_and_its_look_ups_are_reviewed(
    own_world: Simulation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    th, vn, home = own_world.nodes["th"], own_world.nodes["vn"], own_world.home("vn")
    alert_id = await th.desk.alerts.own.raise_alert(author(), raising())
    await approve_waiting(th.desk.alerts.own, supervisor(), alert_id)
    key = await there(th, alert_id)
    await until(lambda: vn.asking.gate.alerts, "it warns")
    device, copy, secret = tmp_path / "tablet", tmp_path / "alerts.copy", tmp_path / "passphrase"
    secret.write_text("three green buffaloes\n", encoding="utf-8")
    secret.chmod(0o600)
    shared = ["--passphrase-file", str(secret), "--json"]
    place = ["--home", str(home), "--office", OFFICE]
    assert run(["office", "enrol", *place, "--agency", "police", "--device", str(device), *shared]) == 0
    enrolled = _printed(capsys)
    await until(lambda: list((home / "offices" / COPIES).glob("*.copy")), "a copy is made")
    assert run(["office", "pack", *place, "--out", str(copy), "--json"]) == 0
    await own_world.stop("th")
    await own_world.stop("vn")
    capsys.readouterr()
    who = ["--device", str(device), "--as", "vn.o.3", "--ticket", "MB-1"]
    assert run(["office", "search", str(copy), *who, "--name", "Somchay Chaidee", "--birth", "1985", *shared]) == 0
    (hit,) = _printed(capsys)["hits"]
    assert (hit["action"], hit["reference"]) == ("DISCREET_CHECK", key.thread_id)
    assert run(["office", "search", str(copy), *who, "--document", "X0000000", *shared[:2]]) == 1
    told = capsys.readouterr().out
    assert "This does not mean no hit." in told
    assert "0 hours old" in told
    assert run(["office", "return", str(device), "--home", str(home), *shared]) == 0
    vn = await own_world.start("vn")
    await until(lambda: not list((home / "offices" / RETURNED).glob("*.json")), "they are taken in")
    acts = _lookups(vn)
    assert [(each["officer"], len(each["content"]["hits"])) for each in acts] == [("vn.o.3", 1), ("vn.o.3", 0)]
    assert all(each["content"]["time"] < each["content"]["brought"] for each in acts)
    reviews = vn.desk.parts.store.works(WorkFilter(kinds=(WorkKind.REVIEW,)))
    assert [(work.office, work.not_by) for work in reviews] == [(OFFICE, "vn.o.3")] * 2
    assert run(["office", "return", str(device), "--home", str(home), *shared]) == 0
    await until(lambda: not list((home / "offices" / RETURNED).glob("*.json")), "they are looked at again")
    assert len(_lookups(vn)) == 2, "each is taken in once"
    (home / "offices" / "devices" / f"{enrolled['id']}.json").unlink()
    assert run(["office", "return", str(device), "--home", str(home), *shared]) == 0
    await until(lambda: list((home / "offices" / RETURNED).glob("*.refused")), "a device that was taken out is refused")
    await until(lambda: not list((home / "offices" / COPIES).glob("*.copy")), "its copy is gone")


def _printed(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The JSON document that a command printed between the log lines of the nodes."""
    lines = capsys.readouterr().out.splitlines()
    value: dict[str, Any] = json.loads("\n".join(lines[lines.index("{") : lines.index("}") + 1]))
    return value


def _lookups(node: Any) -> list[dict[str, Any]]:
    found = [each.private for each in entries(node, "operations") if each.entry.kind == "desk-act"]
    return [each for each in found if each["act"] == "offline-lookup"]
