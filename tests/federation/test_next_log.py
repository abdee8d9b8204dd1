"""A log whose entries are lost for good goes on under its next number, and never passes for whole again."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from msgspec.structs import replace

from gateway.audit.tree.checkpoint import parse_checkpoint
from gateway.cli.main import run
from gateway.errors import Contradicted
from gateway.model.exchange import Outcome
from gateway.model.requester import Officer
from gateway.statements.fields import SKEW_US
from gateway.statements.request import REQUEST_KIND
from tests.support.exchange import CLOCK, TH, VN, command, entries, lines, sample_world, stopping
from tests.support.forger import eventually_async
from tests.support.nodes import World, officer
from tests.support.persons import administrator, answering
from tests.support.sealing import payload_of

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]

KEPT, LOST, AFTER = 3, 4, 2
"""Exchanges before the backup, after it, and once the log has gone on: each way."""


def person(member: str) -> Officer:
    """An officer who may ask the other country."""
    return replace(officer(member), agency={"th": "police", "vn": "immigration"}[member])


class Story:
    """Thailand's node, put back from an old backup while Viet Nam knows more."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.folder = folder
        self.said: dict[str, Any] = {}

    @property
    def home(self) -> Path:
        return self.world.home("th")

    async def ask(self, sender: str, times: int) -> None:
        other = VN if sender == "th" else TH
        for _ in range(times):
            found = await self.world.nodes[sender].asking.searches.start(person(sender), command(to=(other,)))
            line = lines(found)[other]
            assert line.outcome in (Outcome.HIT, Outcome.NO_HIT), line.refusal

    async def seen(self) -> None:
        """All that Thailand has logged is known to Viet Nam."""

        async def covered() -> bool:
            await self.world.nodes["th"].witness.round()
            await self.world.nodes["vn"].witness.round()
            return all(item.covered == item.size for item in self.world.nodes["th"].witness.standings)

        await eventually_async(covered)

    async def command(self, *arguments: str | Path) -> int:
        return await asyncio.to_thread(run, ["audit", *map(str, arguments)])

    async def next_log(self, log: str, *more: str) -> int:
        word = (*answering(self.home), "--reason", "disk lost, no replica")
        return await self.command("next-log", "--home", self.home, "--log", log, *word, *more)

    async def export(self, member: str) -> Path:
        out = self.folder / f"{member}-export"
        shutil.rmtree(out, ignore_errors=True)
        assert await self.command("export", "--home", self.world.home(member), "--out", out) == 0
        return out

    @property
    def charter(self) -> Path:
        return self.home / "trust" / "charter.jsonl"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def story(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Story]:
    folder = tmp_path_factory.mktemp("next")
    world = sample_world(folder / "world", ("th", "vn"))
    async with stopping(world):
        story = Story(world, folder)
        for member in ("th", "vn"):
            await world.start(member)
        await story.ask("th", KEPT)
        await story.ask("vn", KEPT)
        await story.seen()
        await world.stop("th")
        shutil.copytree(story.home, folder / "backup")
        await world.start("th")
        await story.ask("th", LOST)
        await story.ask("vn", LOST)
        await story.seen()
        await world.stop("th")
        shutil.rmtree(story.home)
        shutil.copytree(folder / "backup", story.home)
        yield story


async def step_1_a_healthy_log_gets_no_next_number(story: Story, capsys: pytest.CaptureFixture[str]) -> None:
    """Before a start was refused nobody here knows of a loss."""
    assert await story.next_log("exchange") == 1
    assert "nothing is lost" in capsys.readouterr().err
    other = story.world.home("vn")
    assert await story.command("next-log", "--home", other, "--log", "exchange", *answering(other),
                               "--reason", "while a node runs") == 1  # fmt: skip
    alone = ("--reason", "an administrator alone", *administrator(story.home))
    assert await story.command("next-log", "--home", story.home, "--log", "exchange", *alone) == 1
    assert "1 of the 2 needed signatures" in capsys.readouterr().err
    assert not (story.home / "highwater" / "exchange-2").exists()


async def step_2_the_start_is_refused_and_says_what_can_be_done(story: Story) -> None:
    with pytest.raises(Contradicted, match="old backup") as refused:
        await story.world.start("th")
    assert "liaison audit next-log" in refused.value.remedy


async def step_3_what_a_witness_has_shown_opens_the_next_number(
    story: Story, capsys: pytest.CaptureFixture[str]
) -> None:
    for log in ("exchange", "operations"):
        code = await story.next_log(log, "--json")
        out = capsys.readouterr()
        if code:  # the start stops at the first log that is behind; the other shows itself at the next one
            with pytest.raises(Contradicted):
                await story.world.start("th")
            assert await story.next_log(log, "--json") == 0
            out = capsys.readouterr()
        story.said[log] = json.loads(out.out[out.out.index("{\n") :])
    said = story.said["exchange"]
    assert (said["log"], said["before"], said["known_from"]) == ("exchange/2", "exchange/1", "witness")
    assert said["lost"] == said["known"] - said["kept"] >= LOST
    assert await story.next_log("exchange") == 1  # once is enough
    assert "nothing is lost" in capsys.readouterr().err


async def step_4_the_node_goes_on_and_channels_are_ahead_of_what_was_lost(story: Story) -> None:
    th = await story.world.start("th")
    first = entries(th)[0]
    assert first.entry.kind == "exchange-continued"
    assert first.private["reason"] == "disk lost, no replica"
    named = {item["role"]: item["key_id"][:16] for item in first.private["persons"]}
    assert sorted(named) == ["administrator", "data-officer"]
    assert f"administrator th-adm ({named['administrator']})" in first.private["by"]
    assert f"data-officer th-data1 ({named['data-officer']})" in first.private["by"]
    assert parse_checkpoint(first.private["lost_head"].encode()).size == story.said["exchange"]["known"]
    assert parse_checkpoint(first.private["kept_head"].encode()).size == story.said["exchange"]["kept"]

    async def served() -> bool:
        """Requests of the time of the loss are refused for half a minute."""
        found = await story.world.nodes["vn"].asking.searches.start(person("vn"), command(to=(TH,)))
        return lines(found)[TH].outcome is not Outcome.REFUSED

    sure_us = first.entry.time_us + SKEW_US
    refused = await story.world.nodes["vn"].asking.searches.start(person("vn"), command(to=(TH,)))
    assert lines(refused)[TH].outcome is Outcome.REFUSED or CLOCK.now_us() > sure_us, "half a minute is not over"
    await eventually_async(served, pause=0.5)
    given = [item for item in entries(th) if item.entry.kind == "answered"]
    assert given
    assert all(REQUEST_KIND.parse(payload_of(item.request)).issued_us >= sure_us for item in given)
    await story.ask("th", AFTER)
    await story.ask("vn", AFTER)
    numbers = [item.entry.number or 0 for item in entries(th) if item.entry.kind in ("answered", "refused")]
    assert min(numbers) > KEPT + LOST
    await story.seen()
    assert {item.log for item in th.witness.standings} == {"exchange/2", "operations/2"}
    assert th.answering.debts.open_answers().get("vn", 0) <= len(numbers)  # nothing is owed for what is lost


async def step_5_receipts_pass_over_what_is_lost(story: Story) -> None:
    th, vn = story.world.nodes["th"], story.world.nodes["vn"]

    async def paid() -> bool:
        await vn.asking.acknowledger.round()
        await th.asking.acknowledger.round()
        book, theirs = th.answering.receipts._book, vn.answering.receipts._book
        ours = book.acknowledged(VN) == book.given()[VN]
        return ours and theirs.acknowledged(TH) == theirs.given()[TH]

    await eventually_async(paid, pause=0.25)
    refused = [item.private for item in entries(th, "operations") if item.entry.kind == "receipt-refused"]
    assert refused == []


async def step_6_a_verifier_says_that_the_old_number_ends_short(
    story: Story, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in (
        ("verify", "--home", story.home),
        ("verify", "--export", await story.export("th"), "--charter", story.charter),
    ):
        capsys.readouterr()
        assert await story.command(*arguments, "--json") == 3
        out = capsys.readouterr().out
        found = json.loads(out[out.index("{\n") :])["findings"]
        open_ones = {(item["log"], item["check"], item["state"]) for item in found if item["state"] != "proved"}
        assert open_ones == {("exchange/1", 17, "not provable"), ("operations/1", 17, "not provable")}
        kept, known = story.said["exchange"]["kept"], story.said["exchange"]["known"]
        (text,) = [item["text"] for item in found if (item["log"], item["check"]) == ("exchange/1", 17)]
        assert f"entries {kept} to {known - 1} are lost" in text
        assert "`exchange/2` says" in text


async def step_7_two_countries_are_compared_and_nobody_is_blamed_for_what_is_lost(
    story: Story, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = await story.export("th"), await story.export("vn")
    capsys.readouterr()
    assert await story.command("reconcile", one, other, "--charter", story.charter, "--json") == 3
    out = capsys.readouterr().out
    found = json.loads(out[out.index("{\n") :])
    assert {item["blamed"] for item in found["findings"]} <= {""}
    assert found["agreed"] >= 2 * (KEPT + AFTER)


async def step_8_both_numbers_are_searched_shown_and_counted(story: Story, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert await story.command("find", "--home", story.home, "--kind", "answered", "--json") == 0
    out = capsys.readouterr().out
    found = json.loads(out[out.index("{\n") :])
    assert {item["log"] for item in found["entries"]} == {"exchange/1", "exchange/2"}
    assert found["entry"]["log"] == "operations/2"
    assert await story.command("show", "--home", story.home, "--kind", "answered", "--json") == 0
    out = capsys.readouterr().out
    shown = json.loads(out[out.index("{\n") :])["entries"]
    assert {item["log"] for item in shown} == {"exchange/1", "exchange/2"}
    assert await asyncio.to_thread(run, ["backup", "--new-key", str(story.folder / "offline")]) == 0
    to = ("--to", str(story.folder / "offline" / "backup.pub"), "--out", str(story.folder / "th.backup"))
    assert await asyncio.to_thread(run, ["backup", "--home", str(story.home), *to]) == 0
    assert await story.command("stats", "--home", story.home, "--json") == 0
    assert await story.command("debt", "--home", story.home, "--json") == 0


async def step_9_the_old_backup_does_not_start_any_more(story: Story) -> None:
    await story.world.stop("th")
    shutil.move(story.home, story.folder / "right")
    shutil.copytree(story.folder / "backup", story.home)
    with pytest.raises(Contradicted):
        await story.world.start("th")


async def test_a_log_whose_entries_are_lost_goes_on_under_its_next_number(
    story: Story, capsys: pytest.CaptureFixture[str]
) -> None:
    """One story: each step needs the one before it, so no two of them may go to different processes."""
    await step_1_a_healthy_log_gets_no_next_number(story, capsys)
    await step_2_the_start_is_refused_and_says_what_can_be_done(story)
    await step_3_what_a_witness_has_shown_opens_the_next_number(story, capsys)
    await step_4_the_node_goes_on_and_channels_are_ahead_of_what_was_lost(story)
    await step_5_receipts_pass_over_what_is_lost(story)
    await step_6_a_verifier_says_that_the_old_number_ends_short(story, capsys)
    await step_7_two_countries_are_compared_and_nobody_is_blamed_for_what_is_lost(story, capsys)
    await step_8_both_numbers_are_searched_shown_and_counted(story, capsys)
    await step_9_the_old_backup_does_not_start_any_more(story)
