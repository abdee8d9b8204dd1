"""Bridges against real nodes: with a client certificate of the country and an officer's token."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bridges.forms.__main__ import main as forms
from bridges.leaving import Audience
from bridges.node import Library, add_node_options, node_client
from bridges.report import Report
from bridges.taxii.__main__ import main as taxii
from bridges.taxii.stix import collection
from gateway.config import Home
from gateway.config.home import COMMAND_CERTIFICATE
from gateway.model.desk.threads import ThreadKind
from gateway.model.handed.reports import WriteReport
from gateway.model.marking import Level
from gateway.model.purpose import Offence, Purpose
from tests.support.alerts import author, supervisor
from tests.support.approving import approve_waiting
from tests.support.desk_faces import CLOCK, Caller, desk_world
from tests.support.nodes import World, running
from tests.support.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.process]

ALERT = {
    "to": [{"member": "vn"}],
    "fields": {
        "alert_class": "LOCATE",
        "names": [{"text": "สมชาย ใจดี", "romanised": "Somchai Jaidee"}],
        "birth": {"value": "1985-03"},
        "reason": "carries <b>ketamine</b>",
        "action": "Tell us where.",
    },
    "purpose": "INVESTIGATION",
    "offence": "NARC",
    "case": "TH-2026-17",
}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = desk_world(tmp_path_factory.mktemp("bridges"))
    async with running(made, ("th", "vn")):
        yield made


def node_options(world: World, person: Caller, folder: Path) -> list[str]:
    """The options of a bridge that reads a person's node."""
    home, token = Home(world.home(person.member)), folder / f"{person.person}.token"
    token.write_text(person.token())
    files = ["--certificate", str(home.certificate(COMMAND_CERTIFICATE)), "--key", str(home.key(COMMAND_CERTIFICATE))]
    name = f"node1.{person.member}.liaison.internal"
    node = ["--node", world.nodes[person.member].addresses["agency"], "--node-name", name, "--ca", str(home.ca)]
    return ["--member", person.member, *node, *files, "--token-file", str(token)]


async def test_the_form_of_an_alert_is_printed_for_its_author_and_for_no_stranger(world: World, tmp_path: Path) -> None:
    author, out = Caller(world, "th.o.1042"), tmp_path / "notice.html"
    made = await author.call("POST", "alerts", ALERT)

    async def run(person: Caller, *more: str) -> int:
        options = [*node_options(world, person, tmp_path), "--alert", made["id"], "--out", str(out), *more]
        return await asyncio.to_thread(forms, options)

    stranger = Caller(world, "th.x.9", agency="immigration", office="th.immigration.suvarnabhumi")
    assert await run(stranger) == 1
    assert not out.exists()
    assert await run(author) == 0
    text = out.read_text(encoding="utf-8")
    assert "Blue notice" in text
    assert "Somchai Jaidee" in text
    assert "&lt; b&gt;ketamine" in text
    assert (out.stat().st_mode & 0o777) == 0o600
    assert await run(author) == 2, "a page is never written over"
    out.unlink()
    assert await run(author, "--colour", "red") == 2
    assert not out.exists()


def library(world: World, person: Caller, folder: Path) -> Library:
    """The reports of a person's node as a bridge reads them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--member")
    add_node_options(parser)
    options = parser.parse_args(node_options(world, person, folder))
    return Library(node_client(options), options.member, CLOCK.now_us)


def leaves(reports: list[Report], audience: Audience) -> list[dict[str, Any]]:
    """The reports of STIX that an audience gets."""
    return [one.object for one in collection(reports, audience, CLOCK.now_us()) if one.object["type"] == "report"]


async def test_a_report_leaves_at_both_members_and_is_revoked_at_both_when_it_is_withdrawn(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own, people = (
        world.nodes["th"].desk.reports.own,
        {"th": Caller(world, "th.o.1042"), "vn": Caller(world, "vn.o.1042")},
    )
    fields = {"method": "Tablets under the floor of trucks", "indicators": ["new welds"], "period": "2026-03/2026-05"}
    written = {
        level: await own.publish(author(), WriteReport(fields, "en", Purpose.INVESTIGATION, Offence.NARC, level, "C-1"))
        for level in (Level.OFFICIAL, Level.OPEN)
    }
    for name in written.values():
        await approve_waiting(own, supervisor(), name)
    seen = {member: library(world, person, tmp_path) for member, person in people.items()}
    store = world.nodes["vn"].desk.parts.store
    await until(lambda: len([one for one in store.threads() if one.kind is ThreadKind.REPORT]) == 2, "vn has them")

    found = {member: await asyncio.to_thread(one.look) for member, one in seen.items()}
    assert [one.kept_back for reports in found.values() for one in reports] == [""] * 4
    partners, country = (leaves(found["th"], one) for one in (Audience.PARTNERS, Audience.COUNTRY))
    assert len(partners) == len(country) == 2
    received = leaves(found["vn"], Audience.COUNTRY)
    assert {one["id"] for one in received} == {one["id"] for one in country}, "the same identifier at each bridge"
    assert leaves(found["vn"], Audience.PARTNERS) == [], "what was received goes no farther than its owner lets it"
    assert all("Tablets under the floor" in one["description"] for one in received)
    assert "narcotic" in received[0]["name"].lower()

    assert await asyncio.to_thread(taxii, ["check", *node_options(world, people["vn"], tmp_path)]) == 0
    assert "1  TLP:CLEAR" in capsys.readouterr().out

    await own.withdraw(author(), written[Level.OFFICIAL], "outdated")
    await until(lambda: not world.nodes["th"].desk.parts.store.deliveries(), "vn was told")
    for member, one in seen.items():
        anew, first = library(world, people[member], tmp_path), {report["id"]: report for report in country}
        for reports in (await asyncio.to_thread(one.look), await asyncio.to_thread(anew.look)):
            [husk] = [report for report in leaves(reports, Audience.COUNTRY) if report.get("revoked")]
            assert husk["id"] in first, member
            assert "Tablets" not in str(husk)
            assert husk["modified"] > husk["created"]
        assert husk["created"] == next(
            report["created"] for report in leaves(found[member], Audience.COUNTRY) if report["id"] == husk["id"]
        ), "also for a bridge that has not seen it before"
