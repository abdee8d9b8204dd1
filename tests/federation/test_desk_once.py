"""Each call of the desk that writes has its effect once for each idempotency key, at real nodes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from gateway.clock import DAY_US, rfc3339
from gateway.config import Home
from gateway.demo.people import desk_persons, write_people
from gateway.errors import LiaisonError
from gateway.model.desk.threads import ThreadKey
from gateway.model.desk.work import Direction, WorkKind
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.desk import WorkFilter
from tests.support.desk_faces import AGENCIES, CLOCK, OFFICES, Caller
from tests.support.docs import OPENAPI
from tests.support.exchange import PASSPORT
from tests.support.nodes import World
from tests.support.second_step import step_world
from tests.support.simulator import simulated
from tests.support.waiting import until

on_one_loop = pytest.mark.asyncio(loop_scope="module")

WRITES = ("/v1/work", "/v1/threads", "/v1/alerts", "/v1/changes")
ALERT = {
    "to": [{"member": "vn"}],
    "fields": {"alert_class": "DISCREET_CHECK", "objects": [{"kind": "vehicle", "plate": "A 1"}], "reason": "drugs"},
    "purpose": "INVESTIGATION",
    "offence": "NARC",
    "case": "TH-2026-17",
}
VEHICLE = {"plate": "กข 1234", "country": "THA", "wanted": "owner", "legal-basis": "treaty of 1998, article 4"}
QUESTION = {
    "about": "question", "to": "vn", "topic": "vehicle", "facts": "a grey truck", "urgency": "URGENT",
    "purpose": "INVESTIGATION", "offence": "NARC", "case": "TH-2026-17",
}  # fmt: skip


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = step_world(tmp_path_factory.mktemp("once"))
    for member in ("th", "vn"):
        persons = desk_persons(member, OFFICES[member], AGENCIES)
        write_people(Home(made.home(member)).people, member, persons, CLOCK)
    async with simulated(made, is_open=True) as made:
        yield made


async def code(caller: Caller, path: str, body: Any, key: str) -> str:
    """The code with which a call under a key is refused."""
    try:
        await caller.call("POST", path, body, key=key)
    except LiaisonError as error:
        return error.code
    return ""


async def hit(world: World) -> str:
    """A search of th whose hit vn gave; the search's id."""
    query = {"kind": "document", "number": PASSPORT.number, "issuer": PASSPORT.issuer}
    why = {"purpose": "INVESTIGATION", "offence": "DOCFRAUD", "case": "TH-2026-17"}
    found = await Caller(world, "th.o.1042").call("POST", "searches", {"query": query, "to": ["vn"], **why})
    return str(found["id"])


def test_every_call_that_writes_names_the_header_in_the_document() -> None:
    document = json.loads(OPENAPI.read_text())
    writes = {
        path: operations["post"] for path, operations in document["paths"].items()
        if path.startswith(WRITES) and "post" in operations
    }  # fmt: skip
    assert len(writes) > 20
    for path, operation in writes.items():
        named = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "header"]
        assert named.count("idempotency-key") == 1, path


@on_one_loop
async def test_a_change_that_comes_twice_tells_each_holder_once(world: World) -> None:
    await hit(world)
    store = world.nodes["vn"].desk.parts.store
    (copy,) = {one.record for one in store.holdings(direction=Direction.OUT) if "immigration" in one.record}
    owner = Caller(world, "vn.p.77", "data-officer", "immigration")
    body = {"change": "CONTESTED", "record": copy, "text": "looked into"}
    first = await owner.call("POST", "changes", body, key="c-1")
    assert await owner.call("POST", "changes", dict(reversed(body.items())), key="c-1") == first
    assert await code(owner, "changes", body | {"text": "other"}, "c-1") == "replayed"
    assert len([one for one in store.threads() if one.group_id == first["group"]]) == len(first["threads"])
    assert (await owner.call("POST", "changes", body, key="c-2"))["threads"] != first["threads"]


@on_one_loop
async def test_a_change_that_was_broken_off_before_its_answer_is_taken_up_again(world: World) -> None:
    await hit(world)
    vn = world.nodes["vn"].desk
    store, owner = vn.parts.store, Caller(world, "vn.p.77", "data-officer", "immigration")
    (record,) = {one.record for one in store.holdings(direction=Direction.OUT) if "immigration" in one.record}
    body = {"change": "CONTESTED", "record": record, "text": "looked into"}
    first = await owner.call("POST", "changes", body, key="broken")
    (kept,) = [name for name in vn.parts.parts.documents.keys("desk-keys") if first["group"].endswith(name[:16])]
    held = vn.parts.parts.documents.get("desk-keys", kept)
    assert held is not None
    vn.parts.parts.documents.put("desk-keys", kept, held[:64])  # as it stands when the node dies before its answer
    again = await owner.call("POST", "changes", body, key="broken")
    assert again == first
    assert len([one for one in store.threads() if one.group_id == first["group"]]) == len(first["threads"])


@on_one_loop
async def test_acts_on_work_and_threads_get_their_first_answer_again(world: World) -> None:
    author, supervisor = Caller(world, "th.o.1042"), Caller(world, "th.s.3")
    drafted = await author.call("POST", "threads", QUESTION, key="q-1")
    assert await author.call("POST", "threads", QUESTION, key="q-1") == drafted
    assert await code(author, "threads", QUESTION | {"facts": "a red truck"}, "q-1") == "replayed"
    assert await code(author, "alerts", ALERT, "q-1") == "replayed"
    approve = f"work/{drafted['work']}/approve"
    sent = await supervisor.call("POST", approve, key="a-1")
    assert await supervisor.call("POST", approve, key="a-1") == sent
    assert await code(supervisor, approve, None, "a-2") == "already-decided"
    withdraw = f"threads/{drafted['thread']}/withdraw"
    gone = await author.call("POST", withdraw, {"reason": "the truck left"}, key="w-1")
    assert await author.call("POST", withdraw, {"reason": "the truck left"}, key="w-1") == gone
    assert await code(author, withdraw, {"reason": "another"}, "w-1") == "replayed"
    assert await code(author, f"threads/{drafted['thread']}/outcome", {"reason": "the truck left"}, "w-1") == "replayed"


@on_one_loop
async def test_n248_an_approval_that_is_sent_again_approves_nothing_that_was_asked_for_since(world: World) -> None:
    author, supervisor, store = Caller(world, "th.o.1042"), Caller(world, "th.s.3"), world.nodes["th"].desk.parts.store
    raised = await author.call("POST", "alerts", ALERT, key="n-1")
    key = ThreadKey(MemberId("th"), ExchangeId(raised["id"]))

    def approve() -> str:
        (work,) = store.works(WorkFilter(key=key, kinds=(WorkKind.APPROVE,)))
        return f"work/{work.id}/approve"

    first = approve()
    sent = await supervisor.call("POST", first, key="n-2")
    assert await supervisor.call("POST", first, key="n-2") == sent
    later = rfc3339(CLOCK.now_us() + 60 * DAY_US)
    assert (await author.call("POST", f"alerts/{raised['id']}/renew", {"until": later}, key="n-3"))["renewal"] == later
    assert await supervisor.call("POST", first, key="n-2") == sent
    assert await code(supervisor, first, None, "n-4") == "already-decided"
    assert (await author.call("GET", f"alerts/{raised['id']}"))["renewal"] == later
    await supervisor.call("POST", approve(), key="n-5")
    assert (await author.call("GET", f"alerts/{raised['id']}"))["until"] == later


@on_one_loop
async def test_n271_a_kept_answer_is_for_those_who_may_still_do_the_same(world: World) -> None:
    author, chief = Caller(world, "th.o.1042"), Caller(world, "th.x.9", "supervisor")
    drafted = await author.call("POST", "threads", QUESTION, key="r-1")
    approve = f"work/{drafted['work']}/approve"
    sent = await chief.call("POST", approve, key="r-2")
    kept_from = (
        Caller(world, "th.x.9"),
        Caller(world, "th.x.9", "supervisor", agency="customs"),
        Caller(world, "th.x.9", "supervisor", office="th.blo.nong-khai"),
    )
    for moved in kept_from:
        assert await code(moved, approve, None, "r-2") == "answer-kept-back"
    assert await chief.call("POST", approve, key="r-2") == sent
    author.profile = replace(author.profile, purposes=("BORDER_CHECK",))
    assert await code(author, "threads", QUESTION, "r-1") == "answer-kept-back"


@on_one_loop
async def test_a_key_of_a_call_that_was_not_well_formed_is_free_and_those_at_once_are_one(world: World) -> None:
    author = Caller(world, "th.o.1042")
    assert await code(author, "threads", QUESTION | {"topic": "nothing"}, "f-1") == "unknown-topic"
    assert (await author.call("POST", "threads", QUESTION, key="f-1"))["thread"]
    both = await asyncio.gather(*(author.call("POST", "alerts", ALERT, key="b-1") for _ in range(3)))
    assert both[0] == both[1] == both[2]
    assert await code(author, "alerts", ALERT | {"case": "TH-2026-18"}, "b-1") == "replayed"
    lifted = await author.call("POST", f"alerts/{both[0]['id']}/lift", {"reason": "found"}, key="l-1")
    assert await author.call("POST", f"alerts/{both[0]['id']}/lift", {"reason": "found"}, key="l-1") == lifted
    other = Caller(world, "th.o.77")
    assert (await other.call("POST", "alerts", ALERT, key="b-1"))["id"] != both[0]["id"], "keys are a person's own"
    assert await code(author, "alerts", ALERT, "not a key") == "bad-idempotency-key"


@on_one_loop
async def test_a_note_is_written_once_reaches_the_other_desk_and_is_looked_at(world: World) -> None:
    author, duty = Caller(world, "th.o.1042"), Caller(world, "vn.n.1")
    drafted = await author.call("POST", "threads", QUESTION)
    await Caller(world, "th.s.3").call("POST", f"work/{drafted['work']}/approve")
    name = drafted["thread"]

    async def notes(who: Caller) -> list[str]:
        try:
            found = await who.call("GET", f"threads/{name}")
        except LiaisonError:
            return []
        return [one["content"]["text"] for one in found["notices"] if one["type"] == "note"]

    note = {"text": "đang kiểm tra", "language": "vi"}

    async def has_come() -> bool:
        return await duty.code("GET", f"threads/{name}") == ""

    await until(has_come, "the thread")
    assert await duty.call("POST", f"threads/{name}/note", note, key="n-1") == await duty.call(
        "POST", f"threads/{name}/note", note, key="n-1"
    )
    assert await code(duty, f"threads/{name}/note", note | {"text": "x"}, "n-1") == "replayed"
    assert await code(duty, f"threads/{name}/note", note | {"text": " "}, "") in ("missing", "bad-note")
    assert await code(duty, f"threads/{name}/note", note | {"language": "xx"}, "") == "bad-note"

    async def noted() -> list[str]:
        return await notes(author)

    assert await until(noted, "the note") == [note["text"]]
    (reading,) = [one for one in (await author.call("GET", "work", kind="read"))["work"] if one["thread"] == name]
    assert (await author.call("POST", f"work/{reading['id']}/read"))["done"]["by"] == "th.o.1042"
    assert await author.code("GET", f"threads/{name}/form") == "no-form"
    assert await Caller(world, "th.o.77").code("POST", f"threads/{name}/note", note) == "no-such-thread"


@on_one_loop
async def test_a_form_is_printed_for_those_who_may_read_it(world: World) -> None:
    form = QUESTION | {"about": "form", "form": "vehicle-request", "urgency": "ROUTINE", "values": VEHICLE}
    form.pop("topic")
    asked = Caller(world, "th.n.2")
    drafted = await asked.call("POST", "threads", form)
    (other,) = [one for one in desk_persons("th", OFFICES["th"], AGENCIES) if one.name == "n.2"]
    central = Caller(world, "th.c.9", "central-authority", other.agency, other.office)
    await central.call("POST", f"work/{drafted['work']}/approve")
    found = await asked.call("GET", f"threads/{drafted['thread']}/form")
    assert VEHICLE["plate"] in found["text"]
    assert found["page"].startswith("<!")
    assert VEHICLE["plate"] in found["page"]
    assert await Caller(world, "th.o.77").code("GET", f"threads/{drafted['thread']}/form") == "no-such-thread"
