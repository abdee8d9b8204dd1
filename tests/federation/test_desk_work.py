"""People see, take and give away the work of a real node over its REST API, each as far as the table of roles goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio
from msgspec.structs import replace

from gateway.desk.delivery.authoring import Post
from gateway.model.desk.notices import About, Ask, Note, Reply, ReplyCode, Urgency
from gateway.model.desk.threads import ThreadKey
from gateway.model.names import ExchangeId
from gateway.model.purpose import Offence, Purpose
from gateway.model.requester import Requester
from gateway.ports.desk import DeskRows, WorkFilter
from gateway.ports.entries import events
from tests.support.desk_faces import OFFICES, Caller, desk_world
from tests.support.exchange import CLOCK, TH, VN, entries
from tests.support.nodes import World, officer
from tests.support.simulator import simulated
from tests.support.waiting import MOST_S, until

SECRET = "a grey truck was left at the bridge"
HOUR_US = 3_600_000_000


def post(body: Any, member: str = "th", **more: Any) -> Post:
    """A notice of an officer."""
    who = officer(member)
    fields: dict[str, Any] = {
        "case": "TH-2026-0417",
        "agreement": "gms-border-2026",
        "expires_us": CLOCK.now_us() + HOUR_US,
        "by": who,
        "officer": who.person,
        "agency": who.agency,
        "office": who.office,
    }
    requester = Requester("officer", f"{member}.blo.one", "police", "0123456789abcdef")
    return Post(body, Urgency.FLASH, Purpose.INVESTIGATION, Offence.NARC, requester, **(fields | more))


@pytest_asyncio.fixture
async def asked(tmp_path: Path) -> AsyncIterator[tuple[World, str, str]]:
    """A question of th that waits at vn: for the police there, at its office. The world, thread and work."""
    world = desk_world(tmp_path)
    async with simulated(world, is_open=True) as world:
        key = await world.nodes["th"].desk.parts.author.open(
            VN, post(Ask(About.QUESTION, SECRET, topic="vehicle"), to_office=OFFICES["vn"])
        )
        store = world.nodes["vn"].desk.parts.store

        async def taken() -> Any:
            return await asyncio.to_thread(store.works, WorkFilter())

        (work,) = await until(taken, "the ask is taken")
        await _to_agency(world, ThreadKey(TH, key.thread_id), work.id, "police")
        yield world, key.thread_id, work.id


async def _to_agency(world: World, key: ThreadKey, work_id: str, agency: str) -> None:
    """Give a thread and its work to an agency, as the second step does with a hit."""
    parts = world.nodes["vn"].desk.parts
    thread, work = parts.store.thread(key), parts.store.work(work_id)
    assert thread is not None
    assert work is not None
    rows = DeskRows(
        replace(thread, agency=agency, version=thread.version + 1),
        thread.version,
        works=(replace(work, agency=agency),),
    )
    await parts.pen.write(VN, key, lambda: events.DESK_ACT.draft(act="pass-on", work=work_id, rows=rows))


async def test_work_is_seen_taken_and_given_away_by_those_who_may(asked: tuple[World, str, str]) -> None:
    world, _, work = asked
    duty, second, other = Caller(world, "vn.d.7"), Caller(world, "vn.d.8"), Caller(world, "vn.d.9")
    (seen,) = (await duty.call("GET", "work"))["work"]
    assert (seen["id"], seen["kind"], seen["peer"], seen["why_not"]) == (work, "decide", "th", "")
    assert SECRET not in str(seen)
    assert (await other.call("GET", "work"))["work"][0]["why_not"] == "another-agency"
    assert await other.code("POST", f"work/{work}/take") == "another-agency"
    assert (await Caller(world, "vn.o.1", "officer").call("GET", "work"))["work"] == []
    assert await Caller(world, "vn.o.1", "officer").code("POST", f"work/{work}/take") == "no-such-work"
    for _ in range(2):
        assert (await duty.call("POST", f"work/{work}/take"))["assigned"] == "vn.d.7"
    assert await second.code("POST", f"work/{work}/take") == "assigned-to-another"
    assert (await second.call("GET", "work"))["work"] == []
    assert (await second.call("GET", "work", all=True))["work"][0]["assigned"] == "vn.d.7"
    assert await second.code("POST", f"work/{work}/assign", {"person": "vn.o.77"}) == "no-such-person"
    assert await second.code("POST", f"work/{work}/assign", {"person": "vn.d.9"}) == "another-agency"
    given = await Caller(world, "vn.n.1").call("POST", f"work/{work}/assign", {"person": "vn.d.8", "reason": "shift"})
    assert given["assigned"] == "vn.d.8"
    acts = [each.private for each in entries(world.nodes["vn"], "operations") if each.entry.kind == "desk-act"]
    assert [each["act"] for each in acts if each["work"] == work] == ["pass-on", "take", "assign"]


async def test_content_is_for_those_whose_matter_it_is_and_reading_it_is_an_entry(
    asked: tuple[World, str, str],
) -> None:
    world, thread, _ = asked
    found = await Caller(world, "vn.d.7").call("GET", f"threads/{thread}")
    assert found["notices"][0]["content"]["facts"] == SECRET
    assert (await Caller(world, "vn.d.7").call("GET", "threads"))["threads"][0]["id"] == thread
    for person, role in (("vn.d.9", ""), ("vn.x.1", ""), ("vn.o.1", "officer"), ("vn.a.1", "administrator")):
        assert await Caller(world, person, role).code("GET", f"threads/{thread}") == "no-such-thread"
        assert (await Caller(world, person, role).call("GET", "threads"))["threads"] == []
    mine = await Caller(world, "th.o.1042").call("GET", f"threads/{thread}")
    assert (mine["opener"], mine["notices"][0]["delivery"]["state"]) == (True, "taken")
    kinds = [(each.entry.kind, each.private.get("act")) for each in entries(world.nodes["vn"], "operations")]
    assert kinds.count(("desk-act", "read")) == 1


async def test_a_person_whose_training_is_over_sees_nothing_and_bodies_are_strict(
    asked: tuple[World, str, str],
) -> None:
    world, _, work = asked
    duty = Caller(world, "vn.d.7")
    bodies: list[Any] = [
        {},
        {"person": ""},
        {"person": "vn.d.8", "role": "duty"},
        {"person": "vn.d.8", "reason": "x" * 501},
    ]
    for body in bodies:
        assert await duty.code("POST", f"work/{work}/assign", body) == "bad-assignment"
    people = world.nodes["vn"].core.people
    file = people._folder / "persons.csv"
    file.write_text("\n".join(line[: -len("2027-01-01")] if line.startswith("vn.d.7,") else line
                              for line in file.read_text().splitlines()) + "\n")  # fmt: skip

    async def refused() -> bool:
        return await duty.code("GET", "work") == "training-missing"

    assert await until(refused, "the list of persons is read again")


async def test_a_stream_tells_each_change_of_the_work_without_content(asked: tuple[World, str, str]) -> None:
    world, thread, work = asked
    duty, told = Caller(world, "vn.d.7"), list[tuple[str, str]]()
    stop = asyncio.Event()

    def follow() -> None:
        with duty.client() as node:
            for event, data in node.events("work/events", duty.token()):
                told.append((event, data))
                if stop.is_set():
                    return

    following = asyncio.create_task(asyncio.to_thread(follow))

    await until(lambda: "listed" in [event for event, _ in told], "the list is told")
    assert [event for event, _ in told] == ["work", "listed"]
    await duty.call("POST", f"work/{work}/take")

    async def assigned() -> bool:
        return '"assigned":"vn.d.7"' in told[-1][1]

    await until(assigned, "the change is told")
    stop.set()
    vn = world.nodes["vn"].desk.parts
    await vn.author.post(ThreadKey(TH, ExchangeId(thread)), post(Reply(ReplyCode.CLARIFY), "vn", expires_us=0))
    await world.nodes["th"].desk.parts.author.post(ThreadKey(VN, ExchangeId(thread)), post(Note("en", SECRET)))
    async with asyncio.timeout(MOST_S):
        await following
    assert SECRET not in str(told)


async def test_the_ledger_of_copies_is_for_those_who_look_after_it(asked: tuple[World, str, str]) -> None:
    world, _, _ = asked
    assert (await Caller(world, "vn.p.1").call("GET", "holders")) == {
        "records": [],
        "changed": 0,
        "confirmed": 0,
        "objected": 0,
        "out_of_reach": [],
        "waited": 0,
        "left": None,
        "next": "",
    }
    assert await Caller(world, "vn.d.7").code("GET", "holders") == "role-not-permitted"
