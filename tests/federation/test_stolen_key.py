"""A stolen statement key accuses no one: what it signed in the window is proved by other evidence, or named.

The trial of it has 10,000 exchanges (`LIAISON_STOLEN_EXCHANGES=10000`), of which a thief forges one in a hundred.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.audit.accounts import receipts
from gateway.cli.main import run
from gateway.clock import SECOND_US
from gateway.model.exchange import Outcome
from gateway.model.purpose import Offence
from gateway.ops.removals.revoke import Removal, revoke
from gateway.statements.request import REQUEST_KIND
from gateway.trust.ceremony.ceremony import import_document
from gateway.trust.ceremony.removal_notes import add_notes
from tests.federation.test_key_rotation import hand_over, rotate
from tests.support.exchange import (
    CLOCK,
    NO_PASSPORT,
    TH,
    VN,
    Logged,
    answer_of,
    caller,
    command,
    entries,
    lines,
    request,
    sample_world,
    stopping,
)
from tests.support.nodes import World, officer
from tests.support.waiting import until, wait_until

pytestmark = [pytest.mark.process, pytest.mark.timeout(3_600)]

EXCHANGES = int(os.environ.get("LIAISON_STOLEN_EXCHANGES", "60"))
FORGED_EACH = 100 if EXCHANGES >= 1_000 else 10
"""One in so many exchanges is the thief's."""


@pytest_asyncio.fixture
async def own_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setattr(receipts, "GAP_PATIENCE_US", 0)  # a number that the thief used up never arrives
    made = sample_world(tmp_path, ("th", "vn"))
    async with stopping(made):
        for member in ("th", "vn"):
            await made.start(member)
        yield made


async def ask(world: World, member: str) -> None:
    """Ask the other member, as an officer does."""
    to = VN if member == "th" else TH
    found = await world.nodes[member].asking.searches.start(officer(member), command(NO_PASSPORT, to=(to,)))
    assert lines(found)[to].outcome is Outcome.NO_HIT, lines(found)[to]


async def forge(world: World) -> tuple[str, Outcome]:
    """Ask Thailand with the stolen key of Viet Nam, whose own node knows nothing of it."""
    vn = world.federation["vn"]
    mine = request(
        sender=VN,
        recipient=TH,
        requester=officer("vn").as_requester("p-thief"),
        query=NO_PASSPORT,
        offence=Offence.NARC,
    )
    answer = answer_of(
        await caller(world, who="vn", to="th").submit(REQUEST_KIND.build(mine, vn.key("statement")).envelope)
    )
    return mine.exchange_id, answer.outcome


async def remove(world: World, since_us: int | None) -> Removal:
    """Remove Viet Nam's statement key beside its running node, and bring that to Thailand."""
    done = await asyncio.to_thread(revoke, world.home("vn"), "statement", "stolen", CLOCK, since_us)
    await asyncio.to_thread(import_document, world.home("th") / "trust", done.documents, CLOCK)
    gone = done.keys[0].key_id
    for node in world.nodes.values():
        await until(partial(_is_gone, node, gone), "the removal is in force")
    return done


def _is_gone(node: Any, key_id: str) -> bool:
    return key_id in node.resources.trust.view.withdrawn.get("vn", ())


async def settled(world: World) -> None:
    """Wait until each answer is acknowledged or told as missing, and all entries are under cosigned heads."""
    for member, other in (("th", "vn"), ("vn", "th")):
        node = world.nodes[member]
        counted = [each.entry.number for each in entries(node) if each.entry.number and each.entry.kind in
                   ("answered", "refused") and each.entry.peer == other]  # fmt: skip
        await until(partial(_acknowledged, node, other, max(counted)), "the receipts of all answers")
    for node in world.nodes.values():
        await node.witness.round()


def _acknowledged(node: Any, peer: str, number: int) -> bool:
    found = [each for each in entries(node, "operations") if each.entry.kind == "receipt" and each.entry.peer == peer]
    return any(each.private["through"] >= number for each in found)


async def verified(world: World, member: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    """What `liaison audit verify` says of a member's running home."""
    capsys.readouterr()
    code = await asyncio.to_thread(run, ["audit", "verify", "--home", str(world.home(member)), "--json"])
    out = capsys.readouterr().out
    return code, json.loads(out[out.index("{\n") :])


def named(about: dict[str, Any]) -> set[int]:
    """The entries of the exchange log that the verifier names as signed by a key in other hands."""
    found: set[int] = set()
    for note in about["notes"]:
        if note.startswith("exchange/1: signed by a key in other hands"):
            for part in note.rpartition("entries ")[2].split(", "):
                first, _, last = part.partition(" to ")
                found.update(range(int(first), int(last or first) + 1))
    return found


async def test_n224_the_verifier_names_what_a_thief_forged_and_nothing_else(
    own_world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    for member in ("th", "vn"):
        await ask(own_world, member)
    since_us, forged = CLOCK.now_us(), set()
    for number in range(EXCHANGES):
        if number % FORGED_EACH == FORGED_EACH // 2:
            exchange_id, outcome = await forge(own_world)
            assert outcome is Outcome.NO_HIT, "nobody knows yet that the key is stolen"
            forged.add(exchange_id)
        else:
            await ask(own_world, "th" if number % 3 else "vn")
    await remove(own_world, since_us)
    for _ in range(3):
        assert (await forge(own_world))[1] is Outcome.REFUSED, "after the moment everybody refuses it"
    await hand_over(own_world, "vn", await asyncio.to_thread(rotate, own_world, "vn", "statement"))
    for member in ("th", "vn"):
        await ask(own_world, member)
    await settled(own_world)

    code, about = await verified(own_world, "vn", capsys)
    assert (code, named(about)) == (0, set()), about
    code, about = await verified(own_world, "th", capsys)
    assert code == 3, about
    asked = {each.entry.index: each.entry for each in entries(own_world.nodes["th"])}
    assert {asked[index].exchange_id for index in named(about)} == forged
    assert not [each for each in about["findings"] if each["state"] == "contradicted"]
    assert all("key in other hands since" in each["text"] for each in about["findings"] if each["state"] != "proved")


async def test_n225_what_was_signed_until_the_removal_took_effect_is_the_owners(
    own_world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped, begun_us = asyncio.Event(), 0

    def answers() -> list[Logged]:
        return [each for each in entries(own_world.nodes["vn"]) if each.entry.kind == "answered"]

    def add_after_an_answer(*given: Any) -> None:
        """Have the command, whose clock is read, write nothing until the node has signed once more, as it may on any
        machine."""
        nonlocal begun_us
        begun_us = CLOCK.now_us()
        wait_until(lambda: any(each.entry.time_us > begun_us for each in answers()), "an answer amid the command")
        add_notes(*given)

    async def goes_on(member: str) -> None:
        while not stopped.is_set():
            to = VN if member == "th" else TH
            await own_world.nodes[member].asking.searches.start(officer(member), command(NO_PASSPORT, to=(to,)))

    tasks = [asyncio.create_task(goes_on(member)) for member in ("th", "vn")]
    await ask(own_world, "th")
    monkeypatch.setattr("gateway.ops.removals.revoke.add_notes", add_after_an_answer)
    done = await remove(own_world, None)
    stopped.set()
    await asyncio.gather(*tasks)
    signed = answers()
    assert signed[-1].entry.time_us > begun_us > 0, "the node went on after the command had read its clock"
    late = [each.entry.index for each in signed if each.entry.time_us > done.since_us + SECOND_US]
    assert not late, "nothing was signed once it had taken effect"
    assert done.since_us > begun_us
    await hand_over(own_world, "vn", await asyncio.to_thread(rotate, own_world, "vn", "statement"))
    for member in ("th", "vn"):
        await ask(own_world, member)
    await settled(own_world)
    for member in ("vn", "th"):
        code, about = await verified(own_world, member, capsys)
        assert code == 0, about
