"""Two persons freeze an account at a running node, and free it again: one alone does nothing, and both halves count."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.desk.acting.parts import Actor
from gateway.desk.oversight.frozen import Stage
from gateway.errors import Forbidden, LiaisonError, Malformed, Stale, Unauthenticated, Unknown
from gateway.model.desk.work import Role, WorkKind
from gateway.model.handed.freezes import AskFreeze
from gateway.model.names import ExchangeId, new_exchange_id
from gateway.ports.desk import Work, WorkFilter
from gateway.ports.desk_uses import WorkQuery
from tests.support.approving import approve_waiting
from tests.support.cli import Liaison
from tests.support.exchange import entries, sample_world
from tests.support.matters import see, send, visitor, with_consoles
from tests.support.nodes import World
from tests.support.second_step import actor
from tests.support.simulator import simulated

pytestmark = pytest.mark.process
SECURITY, HEAD = actor("th", "s1", Role.SECURITY_OFFICER), actor("th", "h3", Role.HEAD_OF_DESK)
OFFICER = actor("th", "1042", Role.OFFICER)
EVIL = "<script>alert(1)</script> his family"


@pytest_asyncio.fixture
async def own_world(tmp_path: Path) -> AsyncIterator[World]:
    made = with_consoles(sample_world(tmp_path, ("th", "vn")))
    async with simulated(made, ("th",), is_open=True) as world:
        yield world


def waiting(world: World) -> Work:
    (work,) = world.nodes["th"].desk.parts.store.works(WorkFilter(kinds=(WorkKind.APPROVE,)))
    return work


def acts(world: World) -> list[tuple[str, str]]:
    found = [one.private for one in entries(world.nodes["th"], "operations") if one.entry.kind == "desk-act"]
    return [(act["act"], act["content"].get("person", "")) for act in found if act["act"].endswith(("freeze", "lift"))]


def code_of(world: World, who: Actor) -> str:
    try:
        world.nodes["th"].core.tokens.check(who.officer)
    except Unauthenticated as error:
        return error.code
    return ""


async def refusal(act: Awaitable[object]) -> str:
    try:
        await act
    except LiaisonError as error:
        return error.code
    return ""


async def ask(world: World, who: Actor = SECURITY, person: str = "th.o.1042") -> ExchangeId:
    return await world.nodes["th"].desk.uses.freezes.ask(who, AskFreeze(person, "asked for his family"))


async def decide(world: World, who: Actor, *, approve: bool = True) -> None:
    uses = world.nodes["th"].desk.uses
    item = await uses.queue.work(who.officer, waiting(world).id)
    assert not item.refusal
    await (uses.approve(who, item) if approve else uses.decline(who, item, "there is a case"))


async def test_one_person_freezes_nobody_and_two_do_at_once_also_over_a_restart(
    own_world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    freezes = own_world.nodes["th"].desk.uses.freezes
    cli, home = Liaison(capsys), own_world.home("th")
    monkeypatch.setenv("LIAISON_LISTEN_AGENCY", own_world.nodes["th"].addresses["agency"])
    monkeypatch.setenv("LIAISON_NODE_NAME", "node1")
    listed = ("desk", "list", "--home", home, "--as", "th.o.1042")
    async with visitor(own_world, "th.o.1042") as gate:
        name = await ask(own_world)
        assert (await see(gate, "/gate")).status_code == 200, "one person alone freezes nobody"
        assert (await asyncio.to_thread(cli, *listed)).code == 0
        assert code_of(own_world, OFFICER) == ""
        key = waiting(own_world).key
        for nobody in (SECURITY, actor("th", "7", Role.SUPERVISOR), actor("th", "n1", Role.NATIONAL_DESK)):
            with pytest.raises(Forbidden):
                await approve_waiting(freezes, nobody, key)
        await decide(own_world, HEAD)
        assert code_of(own_world, OFFICER) == "account-frozen"
        assert code_of(own_world, actor("th", "7", Role.SUPERVISOR)) == ""
        assert (await see(gate, "/gate")).headers["location"].startswith("/login")
        assert (await send(gate, "/login/trial", {"person": "th.o.1042", "next": "/desk"})).status_code == 403
        ran = await asyncio.to_thread(cli, *listed)
        assert (ran.code != 0, "frozen" in ran.err) == (True, True), ran.err
    with pytest.raises(Stale):
        await approve_waiting(freezes, HEAD, key)
    await own_world.stop("th")
    assert (home / "frozen.json").read_text() == '["th.o.1042"]\n'
    await own_world.start("th")
    assert code_of(own_world, OFFICER) == "account-frozen"
    freezes = own_world.nodes["th"].desk.uses.freezes

    await freezes.lift(HEAD, name, "a joint operation")
    with pytest.raises(Forbidden):
        await approve_waiting(freezes, HEAD, key)
    assert code_of(own_world, OFFICER) == "account-frozen"
    await decide(own_world, SECURITY, approve=False)
    assert (await freezes.show(HEAD, name)).stage is Stage.FROZEN
    await freezes.lift(SECURITY, name, "a joint operation")
    await decide(own_world, HEAD)
    assert code_of(own_world, OFFICER) == ""
    assert (home / "frozen.json").read_text() == "[]\n"
    found = await freezes.show(SECURITY, name)
    assert [step.stage for step in found.steps] == ["asked", "frozen", "lifting", "frozen", "lifting", "lifted"]
    both = ["ask-freeze", "approve-freeze", "ask-lift", "decline-lift", "ask-lift", "approve-lift"]
    assert acts(own_world) == [(act, "th.o.1042") for act in both]


async def test_a_freezing_does_not_exist_for_whom_it_is_about_and_is_asked_once(own_world: World) -> None:
    uses = own_world.nodes["th"].desk.uses
    suspect = actor("th", "s2", Role.SECURITY_OFFICER)
    name = await ask(own_world, person="th.o.s2")
    with pytest.raises(Stale) as again:
        await ask(own_world, HEAD, person="th.o.s2")
    assert again.value.code == "already-frozen"
    work = waiting(own_world)
    wanted = WorkQuery(all=True)
    assert work.id in [item.work.id for item in await uses.queue.works(HEAD.officer, wanted)]
    assert work.id not in [item.work.id for item in await uses.queue.works(suspect.officer, wanted)]
    for look in (
        uses.queue.work(suspect.officer, work.id),
        uses.freezes.show(suspect, name),
        approve_waiting(uses.freezes, suspect, work.key),
        uses.freezes.lift(suspect, name, "it is me"),
        uses.reading.thread(suspect.officer, name),
    ):
        with pytest.raises(Unknown):
            await look
    assert not (await uses.freezes.all(suspect, limit=10)).items
    assert [one.id for one in (await uses.freezes.all(SECURITY, limit=10)).items] == [name]
    await decide(own_world, HEAD, approve=False)
    assert code_of(own_world, suspect) == ""
    assert not (await uses.freezes.all(SECURITY, limit=10)).items
    assert [one.stage for one in (await uses.freezes.all(SECURITY, over=True, limit=10)).items] == [Stage.DECLINED]
    with pytest.raises(Stale):
        await uses.freezes.lift(SECURITY, name, "it is not frozen")
    once = new_exchange_id()
    command = AskFreeze("th.o.1042", "again")
    assert await uses.freezes.ask(SECURITY, command, once) == await uses.freezes.ask(SECURITY, command, once) == once


async def test_an_act_is_refused_by_role_then_by_what_one_may_read_then_by_how_it_stands_and_last_for_its_reason(
    own_world: World,
) -> None:
    freezes = own_world.nodes["th"].desk.uses.freezes
    suspect, boss = actor("th", "s2", Role.SECURITY_OFFICER), actor("th", "7", Role.SUPERVISOR)
    name = await ask(own_world, person="th.o.s2")
    work = waiting(own_world)

    async def declining(who: Actor, reason: str = " ", read: str = work.id) -> str:
        return await refusal(freezes.decline_work(who, work.key, reason, read))

    async def lifting(who: Actor, reason: str = " ") -> str:
        return await refusal(freezes.lift(who, name, reason))

    assert [await declining(who) for who in (boss, suspect, SECURITY)] == [
        "role-not-permitted",
        "no-such-freeze",
        "own-approval",
    ]
    assert [await declining(HEAD, read="another"), await declining(HEAD)] == ["already-decided", "reason-missing"]
    assert [await lifting(who) for who in (boss, suspect, HEAD)] == ["role-not-permitted", "no-such-freeze", "not-now"]
    await decide(own_world, HEAD)
    assert await declining(HEAD) == "already-decided"
    assert await lifting(HEAD) == "reason-missing"
    assert acts(own_world) == [("ask-freeze", "th.o.s2"), ("approve-freeze", "th.o.s2")]
    assert await lifting(HEAD, " explained\n") == ""
    (told,) = [
        one.private for one in entries(own_world.nodes["th"], "operations") if one.private.get("act") == "ask-lift"
    ]
    assert told["reason"] == (await freezes.show(HEAD, name)).steps[-1].reason == "explained"


async def test_an_id_that_another_person_has_used_freezes_nobody_else(own_world: World) -> None:
    freezes = own_world.nodes["th"].desk.uses.freezes
    name = await ask(own_world)
    assert await refusal(freezes.ask(HEAD, AskFreeze("th.o.2000", "another reason"), name)) == "outdated"
    found = await freezes.show(SECURITY, name)
    assert (found.person, found.steps[0].by, acts(own_world)) == ("th.o.1042", "th.o.s1", [("ask-freeze", "th.o.1042")])


async def test_who_may_not_and_what_is_not_whole_freezes_nobody(own_world: World) -> None:
    freezes = own_world.nodes["th"].desk.uses.freezes
    with pytest.raises(Forbidden) as own:
        await ask(own_world, SECURITY, person="th.o.s1")
    assert own.value.code == "own-account"
    for nobody in (OFFICER, actor("th", "7", Role.SUPERVISOR), actor("th", "a1", Role.AUDITOR, Role.ADMINISTRATOR)):
        with pytest.raises(Forbidden):
            await ask(own_world, nobody, person="th.o.9")
        with pytest.raises(Forbidden):
            await freezes.all(nobody, limit=10)
    for bad in (AskFreeze("TH O", "x"), AskFreeze("th.o.9", " "), AskFreeze("th.o.9", "x" * 501)):
        with pytest.raises(Malformed):
            await freezes.ask(SECURITY, bad)
    with pytest.raises(LiaisonError) as none:
        await freezes.ask(SECURITY, AskFreeze("th.o.9", "x", "incident.th.none"))
    assert none.value.code == "no-such-work"
    assert acts(own_world) == []


async def test_both_persons_do_it_at_the_console(own_world: World) -> None:
    async with (
        visitor(own_world, "th.o.s1") as security,
        visitor(own_world, "th.o.h3") as head,
        visitor(own_world, "th.o.7") as boss,
    ):
        assert (await see(boss, "/freezes")).status_code == 403
        asked = {"person": "th.o.2000", "reason": EVIL}
        assert (await send(boss, "/freezes", asked)).status_code == 403
        assert (await send(security, "/freezes", asked | {"reason": " "})).status_code == 400
        assert (await send(security, "/freezes", asked | {"person": "th.o.s1"})).status_code == 400
        for _ in range(2):
            assert (await send(security, "/freezes", asked)).status_code == 303
        page = (await see(security, "/freezes")).text
        assert ("<script>alert" in page, page.count('href="/freezes/')) == (False, 1)
        path = "/freezes/" + page.split('href="/freezes/')[1].split('"')[0]
        assert 'value="approve"' not in (await see(security, path)).text
        assert (await send(security, f"{path}/decide", {"do": "approve"})).status_code == 400
        assert f'href="{path}"' in (await see(head, "/desk?list=all")).text
        assert 'value="approve"' in (await see(head, path)).text
        async with visitor(own_world, "th.o.2000") as officer:
            assert (await see(officer, "/gate")).status_code == 200
            first = {"do": "approve", "reason": "", "work": waiting(own_world).id}
            assert f'name="work" value="{first["work"]}"' in (await see(head, path)).text
            assert (await send(head, f"{path}/decide", {"do": "approve"}, form="B" * 22)).status_code == 400
            assert (await send(head, f"{path}/decide", first)).status_code == 303
            assert (await see(officer, "/gate")).headers["location"].startswith("/login")
        assert (await send(head, f"{path}/lift", {"reason": "explained"})).status_code == 303
        assert (await send(security, f"{path}/decide", first, form="B" * 22)).status_code == 400, (
            "n248: of the freezing"
        )
        then = first | {"work": waiting(own_world).id}
        assert (await send(security, f"{path}/decide", then, form="C" * 22)).status_code == 303
        async with visitor(own_world, "th.o.2000") as officer:
            assert (await see(officer, "/gate")).status_code == 200
