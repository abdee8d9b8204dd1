"""Each path of the API for each role of the desk: default deny, and no content of a matter for administrators."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from gateway.agency.officer_tokens.issuer import TrialIssuer
from gateway.cli.client import client_certificate
from gateway.clock import rfc3339
from gateway.config import Home
from gateway.demo.people import desk_persons, write_people
from gateway.desk.acts import Act
from gateway.desk.roles import TABLE
from gateway.errors import Refused
from gateway.model.desk.threads import ThreadKind
from gateway.model.desk.work import Role
from tests.support.desk_faces import AGENCIES, CLOCK, OFFICES, Caller
from tests.support.docs import OPENAPI
from tests.support.exchange import PASSPORT, entries
from tests.support.nodes import World
from tests.support.second_step import step_world
from tests.support.simulator import simulated
from tests.support.waiting import until

on_one_loop = pytest.mark.asyncio(loop_scope="module")

SECRET = "the lorry of the man with the scar"
FREE = ("/v1/searches", "/v1/members", "/v1/health", "/v1/revocations")
"""Paths that are not the desk's: policy and the tests of the API speak of them."""

_ASK = {"facts": SECRET, "urgency": "URGENT", "purpose": "INVESTIGATION", "offence": "NARC", "case": "TH-2026-17"}
_WHY = {"reason": "why"}
BODIES: dict[str, Any] = {
    "/v1/threads": {"about": "question", "to": "vn", "topic": "vehicle", **_ASK},
    "/v1/threads/marks": {"search": "SEARCH", "from": "vn", "verdict": "SAME", "reason": "the number"},
    "/v1/threads/{thread_id}/clarify": {"facts": "more"},
    "/v1/threads/{thread_id}/outcome": {"outcome": "NO_ACTION"},
    "/v1/threads/{thread_id}/note": {"text": "a word"},
    "/v1/work/{work_id}/assign": {"person": "th.s.3"},
    "/v1/work/{work_id}/decide": {"answer": "REFUSED", "reason": "no"},
    "/v1/work/{work_id}/pass-on": {"agency": "customs", "reason": "theirs"},
    "/v1/work/{work_id}/confirm": {"verdict": "SAME", "reason": "the number"},
    "/v1/work/{work_id}/acknowledge": {"answer": "ACTING"},
    "/v1/work/{work_id}/comply": {},
    "/v1/work/{work_id}/outcome": {"outcome": "NO_ACTION"},
    "/v1/work/{work_id}/acknowledge-incident": {"text": "seen"},
    "/v1/work/{work_id}/review": {"result": "in-order"},
    "/v1/work/{work_id}/settle": {"result": "explained"},
    "/v1/alerts": {
        "to": [{"member": "vn"}],
        "fields": {"alert_class": "DISCREET_CHECK", "objects": [{"kind": "vehicle", "plate": "A 1"}], "reason": SECRET},
        "purpose": "INVESTIGATION", "offence": "NARC", "case": "TH-2026-17",
    },
    "/v1/alerts/{alert_id}/renew": {"until": "2030-01-01T00:00:00Z"},
    "/v1/alerts/{alert_id}/lift": {"reason": "found"},
    "/v1/alerts/{alert_id}/close": {"outcome": "NO_ACTION"},
    "/v1/incidents/{incident_id}/more": {"text": "more"},
    "/v1/incidents/{incident_id}/close": {"text": "over"},
    "/v1/freezes": {"person": "th.o.9", "reason": "why"},
    "/v1/freezes/{freeze_id}/lift": {"reason": "why"},
    "/v1/misuse/{token_id}/withdraw": {"reason": "mistaken"},
    "/v1/reports": {
        "fields": {"method": SECRET, "route": [{"crossing": "mae-sai.tachilek"}], "indicators": ["new welds"],
                   "period": "2026-03/2026-05"},
        "lang": "en", "purpose": "INVESTIGATION", "offence": "NARC", "case": "TH-2026-17",
    },
    "/v1/reports/{report_id}/withdraw": {"reason": "outdated"},
    "/v1/reports/{report_id}/object": {"text": "it tells who it is"},
    "/v1/watches": {
        "query": {"kind": "vehicle", "plate": "A 1"}, "to": ["vn"], "purpose": "INVESTIGATION", "offence": "NARC",
        "case": "TH-2026-17",
    },
    "/v1/watches/{watch_id}/renew": {},
    "/v1/watches/{watch_id}/followup": {"from": "vn", "notice": "0" * 32, "facts": "who drives it"},
    "/v1/operations": {
        "to": [{"member": "vn"}], "title": SECRET, "end": "END", "purpose": "INVESTIGATION", "offence": "NARC",
        "case": "TH-2026-17",
    },
    "/v1/operations/{room_id}/invite": {"to": [{"member": "vn"}]},
    "/v1/operations/{room_id}/seal": {},
    "/v1/operations/{room_id}/leave": {},
    "/v1/operations/{room_id}/note": {"text": "a lorry was seen"},
    "/v1/operations/{room_id}/outcome": {"outcome": "NO_ACTION"},
    "/v1/changes": {"change": "CONTESTED", "record": "th.police.persons/1", "text": "looked into"},
    "/v1/held-back/lift": {"record": "th.police.persons/1"},
}  # fmt: skip
ACTS = {
    "/v1/threads": {Act.ASK},
    "/v1/threads/marks": {Act.CONFIRM},
    "/v1/alerts": {Act.RAISE_ALERT},
    "/v1/changes": {Act.CHANGE},
    "/v1/held-back/lift": {Act.CHANGE},
    "/v1/holders": {Act.HOLDERS},
    "/v1/freezes": {Act.FREEZE},
}
"""The acts of paths that name no matter: a role without one of them is refused whatever is there."""

HIDDEN = (
    "administrator", "no-such-thread", "no-such-work", "no-such-alert", "role-not-permitted", "assigned-to-another",
    "no-such-report", "no-such-watch", "no-such-operation", "no-such-incident", "no-such-token", "no-such-freeze",
)  # fmt: skip
STRANGERS = [(role, f"th.z.{number}") for number, role in enumerate(Role)]
"""A person of each role, of another office, whose matter nothing of this is."""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = step_world(tmp_path_factory.mktemp("roles"))
    for member in ("th", "vn"):
        persons = desk_persons(member, OFFICES[member], AGENCIES)
        write_people(Home(made.home(member)).people, member, persons, CLOCK)
    async with simulated(made, is_open=True) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def matter(world: World) -> dict[str, str]:
    """A search with a hit, a draft with its work, and an alert, a report, a watch and an operation that wait: all of
    th.o.1042. Of an incident, a token and a file there is none."""
    author = Caller(world, "th.o.1042")
    query = {"kind": "document", "number": PASSPORT.number, "issuer": PASSPORT.issuer}
    why = {"purpose": "INVESTIGATION", "offence": "MONEY", "case": "TH-2026-17"}
    search = await author.call("POST", "searches", {"query": query, "to": ["vn"], **why})
    drafted = await author.call("POST", "threads", BODIES["/v1/threads"])
    alert = await author.call("POST", "alerts", BODIES["/v1/alerts"])
    report = await author.call("POST", "reports", BODIES["/v1/reports"])
    watch = await author.call("POST", "watches", BODIES["/v1/watches"])
    end = rfc3339(CLOCK.now_us() + 30 * 86_400_000_000)
    room = await author.call("POST", "operations", {**BODIES["/v1/operations"], "end": end})
    return {
        "search": search["id"], "thread_id": drafted["thread"], "work_id": drafted["work"], "alert_id": alert["id"],
        "report_id": report["id"], "watch_id": watch["id"], "room_id": room["id"], "end": end,
        "incident_id": "0" * 32, "token_id": "0" * 32, "freeze_id": "0" * 32, "root": "0" * 64,
    }  # fmt: skip


def operations() -> Iterator[tuple[str, str, list[str]]]:
    """The method and path of each operation of the desk, with the names in its path."""
    for path, methods in json.loads(OPENAPI.read_text())["paths"].items():
        if not path.startswith(FREE):
            for method, operation in methods.items():
                names = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "path"]
                yield method.upper(), path, names


OPERATIONS = list(operations())
WRITES = [(method, path, names) for method, path, names in OPERATIONS if method == "POST"]


async def call(caller: Caller, method: str, path: str, matter: dict[str, str]) -> tuple[str, str]:
    """The code of a refusal, or what was answered."""
    place = path.removeprefix("/v1/")
    for name, value in matter.items():
        place = place.replace(f"{{{name}}}", value)
    if path.endswith("/events"):
        return await asyncio.to_thread(first_event, caller)
    body = BODIES.get(path, _WHY if method == "POST" else None)
    if body is not None:
        body = json.loads(json.dumps(body).replace("SEARCH", matter["search"]).replace("END", matter["end"]))
    try:
        return "", json.dumps(await caller.call(method, place, body), ensure_ascii=False)
    except Refused as error:
        return error.code, str(error)


async def answers(caller: Caller, matter: dict[str, str]) -> list[tuple[tuple[str, str, list[str]], tuple[str, str]]]:
    """What a person gets at every path, one after the other."""
    with caller.connected():
        return [(each, await call(caller, each[0], each[1], matter)) for each in OPERATIONS]


def first_event(caller: Caller) -> tuple[str, str]:
    """What a stream of work tells until its list is whole."""
    said = []
    with caller.client() as node:
        for event, data in node.events("work/events", caller.token()):
            said.append(data)
            if event == "listed":
                break
    return "", "".join(said)


def matters(world: World) -> int:
    """The number of threads, without those of oversight."""
    kinds = [kind for kind in ThreadKind if kind is not ThreadKind.SERVICE]
    return len(world.nodes["th"].desk.parts.store.threads(kinds=kinds))


def test_the_walk_knows_every_path() -> None:
    assert len(OPERATIONS) > 30
    assert {path for path in BODIES if path not in [one for _, one, _ in OPERATIONS]} == set()


@on_one_loop
@pytest.mark.parametrize(("role", "person"), STRANGERS)
async def test_what_the_table_does_not_give_a_role_is_refused_at_every_path(
    world: World, matter: dict[str, str], role: Role, person: str
) -> None:
    caller = Caller(world, person, role.value, "immigration", "th.blo.elsewhere")
    before = matters(world)
    for (method, path, names), (code, said) in await answers(caller, matter):
        assert SECRET not in said or "SEE" in str(TABLE[role]), (role, path)
        if role is Role.ADMINISTRATOR:
            assert SECRET not in said, path
        needed = ACTS.get(path, set()) if method == "POST" or path == "/v1/holders" else set()
        if needed and needed.isdisjoint(TABLE[role]):
            assert code in ("role-not-permitted", "administrator"), (role, path, code)
        if method == "POST" and names and role not in (Role.NATIONAL_DESK, Role.HEAD_OF_DESK):
            assert code, f"{role} did {path} of another office's matter"
    if role in (Role.ADMINISTRATOR, Role.AUDITOR, Role.SECURITY_OFFICER, Role.APPROVER, Role.HEAD_OF_DESK):
        assert matters(world) == before, f"{role} opened a thread"


@on_one_loop
async def test_an_administrator_lists_work_without_content_and_reads_no_thread_of_any_office(
    world: World, matter: dict[str, str]
) -> None:
    administrator = Caller(world, "th.adm.1", "administrator")  # of the very office and agency
    for (method, path, names), (code, said) in await answers(administrator, matter):
        assert SECRET not in said, path
        if names and not (method == "GET" and path == "/v1/work/{work_id}"):
            assert code in HIDDEN, (path, code)
    assert (await administrator.call("GET", "work", all=True))["work"]


@on_one_loop
async def test_a_token_that_has_run_out_does_nothing_at_any_path_and_leaves_an_entry(
    world: World, matter: dict[str, str]
) -> None:
    author = Caller(world, "th.o.1042")
    home = Home(world.home("th"))
    issuer = TrialIssuer.load(home.key("token-issuer"), "th", CLOCK)
    token = issuer.issue(author.profile, client_certificate(home), 1)

    def spent(method: str, path: str, body: Any) -> str:
        with author.client() as node:
            try:
                node.desk(method, path, token, body, query={})
            except Refused as error:
                return error.code
        return ""

    world.nodes["th"]._allowance.drafts()  # the next interval of entries begins: the walk has used up this one's
    await until(lambda: spent("GET", "work", None), "the end of the token")
    store = world.nodes["th"].desk.parts.store
    before = [store.work(matter["work_id"]), len(store.threads())]
    for method, path, _ in OPERATIONS:
        place = path.removeprefix("/v1/")
        for name, value in matter.items():
            place = place.replace(f"{{{name}}}", value)
        body = BODIES.get(path, _WHY if method == "POST" else None)
        assert await asyncio.to_thread(spent, method, place, body) == "token-expired", path
    assert [store.work(matter["work_id"]), len(store.threads())] == before
    denied = [each.private for each in entries(world.nodes["th"], "operations") if each.entry.kind == "denied"]
    assert "token-expired" in {each.get("code") for each in denied}
