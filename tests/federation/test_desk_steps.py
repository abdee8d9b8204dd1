"""The second step from the command line of real nodes: a hit, its follow-up, the approval, the decision, the answer."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from gateway.config import Home
from gateway.demo.people import desk_persons, write_people
from gateway.ops.desk.holders import holders_of
from gateway.views.desk.alerts import alert_lines
from tests.support.cli import Liaison, Ran
from tests.support.desk_faces import AGENCIES, CLOCK, OFFICES, Caller
from tests.support.exchange import PASSPORT
from tests.support.nodes import World, fix_rest_ports
from tests.support.second_step import step_world
from tests.support.simulator import simulated
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

_OF_A_NODE = re.compile(r"20[0-9]{2}-")
"""A line of the log of a node, which runs in this process."""

UNLISTED = {"vn.p.77": ("data-officer", "immigration")}
"""Persons of no list: role and agency of their tokens."""

OFFICER, SUPERVISOR, DUTY = "th.o.1042", "th.s.3", "vn.d.10"
WHY = ("--facts", "the traveller stands at the gate", "--urgency", "FLASH", "--held-until", "14:30")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = step_world(tmp_path_factory.mktemp("steps"))
    fix_rest_ports(made)
    for member in ("th", "vn"):
        persons = desk_persons(member, OFFICES[member], AGENCIES)
        write_people(Home(made.home(member)).people, member, persons, CLOCK)
    async with simulated(made, is_open=True) as made:
        yield made


class Desk:
    """The command line of persons at the nodes of a world."""

    def __init__(self, world: World, liaison: Liaison) -> None:
        self._world = world
        self._liaison = liaison

    async def __call__(self, person: str, *words: str, code: int = 0) -> Any:
        """Run a command as a person; return its JSON."""
        place: tuple[Any, ...] = ("--home", self._world.home(person.partition(".")[0]), "--as", person, "--json")
        profile = Caller(self._world, person, *UNLISTED.get(person, ())).profile
        more = ("--role", profile.role, "--office", profile.office, "--agency", profile.agency)
        ran: Ran = await asyncio.to_thread(self._liaison, *words, *place, *more)
        assert ran.code == code, ran.err
        return json.loads("\n".join(line for line in ran.out.splitlines() if not _OF_A_NODE.match(line)))

    async def work(self, person: str, kind: str) -> dict[str, Any]:
        """Wait until a person has work of a kind; return the newest."""

        async def found() -> list[dict[str, Any]]:
            return list((await self(person, "desk", "list", "--kind", kind))["work"])

        return dict((await until(found, f"{person} has {kind}"))[-1])

    async def search(self, offence: str = "MONEY") -> str:
        """Search a passport that is a hit in Viet Nam; return the search's id."""
        query = ("ask", "document", "--to", "vn", "--number", PASSPORT.number, "--issuer", PASSPORT.issuer)
        why = ("--purpose", "INVESTIGATION", "--offence", offence, "--case", "TH-2026-17")
        return str((await self(OFFICER, *query, *why))["id"])


@pytest.fixture
def desk(world: World, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(world, Liaison(capsys))


async def test_a_follow_up_goes_from_the_gate_to_the_duty_officer_and_back(desk: Desk) -> None:
    search = await desk.search()
    follow = ("followup", "--search", search, "--from", "vn", "--hit", "0", "--fields", "number,status", *WHY)
    drafted = await desk(OFFICER, *follow, "--idempotency-key", "k-1")
    assert drafted["approver"] == "supervisor"
    assert (await desk(OFFICER, *follow, "--idempotency-key", "k-1"))["thread"] == drafted["thread"]
    other = (*follow[:-2], "--held-until", "15:00", "--idempotency-key", "k-1")
    assert (await desk(OFFICER, *other, code=1))["error"]["code"] == "replayed"

    own = await desk(OFFICER, "desk", "approve", drafted["work"], code=1)
    assert own["error"]["code"] == "own-approval"
    assert "liaison desk phone" in own["error"]["remedy"]
    card = await desk(OFFICER, "desk", "phone", drafted["work"])
    (waits,) = card["here"]
    assert (waits["work"], waits["national"]) == (drafted["work"], False)
    assert [one["person"] for one in waits["persons"]] == [SUPERVISOR]
    assert waits["persons"][0]["channel"] == f"{SUPERVISOR}@example.org"
    assert (await desk("th.o.77", "desk", "phone", drafted["thread"], code=1))["error"]["code"] == "no-such-thread"
    (mine,) = [one for one in (await desk(OFFICER, "desk", "list", "--all"))["work"] if one["id"] == drafted["work"]]
    assert mine["why_not"] == "own-approval"
    seen = await desk(SUPERVISOR, "desk", "show", drafted["work"])
    assert seen["work"]["due"] == drafted["due"]
    assert seen["thread"]["draft"]["content"]["facts"] == WHY[1]
    assert (await desk(SUPERVISOR, "desk", "approve", drafted["work"]))["state"] == "open"

    work = await desk.work(DUTY, "decide")
    assert (work["thread"], work["agency"], work["urgency"]) == (drafted["thread"], "immigration", "FLASH")
    shown = await desk(DUTY, "desk", "show", work["id"])
    assert shown["thread"]["notices"][0]["content"]["facts"] == WHY[1]
    choice = await desk(DUTY, "desk", "choice", work["id"])
    assert set(choice["default"]) == {"number", "status"}
    refused = await desk("vn.d.7", "desk", "decide", work["id"], "--answer", "RELEASED", "--reason", "x", code=1)
    assert refused["error"]["code"] == "another-agency"
    decided = await desk(
        DUTY, "desk", "decide", work["id"], "--answer", "RELEASED", "--fields", "number", "--reason", "same passport"
    )
    assert (decided["state"], decided["answer"], decided["fields"]) == ("sent", "PARTLY", ["number"])

    read = await desk.work(OFFICER, "read")
    assert (await desk(OFFICER, "desk", "show", read["thread"]))["notices"][-1]["records"] == 1
    package = await desk(OFFICER, "desk", "open", read["thread"])
    assert package["records"][0]["fields"] == {"number": PASSPORT.number}
    ended = await desk(OFFICER, "desk", "outcome", read["thread"], "--outcome", "ARRESTED", "--persons", "1")
    assert ended["state"] == "ended"
    assert (await desk(OFFICER, "desk", "list", "--done"))["work"]


async def test_a_request_to_no_member_is_refused_with_the_command_that_lists_them(world: World, desk: Desk) -> None:
    asked = ("--topic", "vehicle", "--facts", "a grey truck", "--urgency", "URGENT", "--case", "TH-2026-17")
    why = ("--purpose", "INVESTIGATION", "--offence", "NARC")
    strange = (await desk(OFFICER, "request", "--to", "xx", *asked, *why, code=1))["error"]
    assert (strange["code"], strange["message"]) == ("unknown-member", "`xx` is no counterpart of ours")
    assert f"liaison trust show --home {world.home('th')}" in strange["remedy"]
    typed = (await desk(OFFICER, "request", "--to", "xyz", *asked, *why, code=1))["error"]
    assert (typed["code"], typed["remedy"]) == ("bad-ask", "what it takes: liaison request --help")


async def test_a_question_back_and_a_withdrawal(desk: Desk) -> None:
    search = await desk.search()
    drafted = await desk(OFFICER, "followup", "--search", search, "--from", "vn", *WHY)
    await desk(SUPERVISOR, "desk", "approve", drafted["work"])
    work = await desk.work(DUTY, "decide")
    told = ("--answer", "CLARIFY", "--text", "which crossing?", "--reason", "no place is named")
    assert (await desk(DUTY, "desk", "decide", work["id"], *told))["state"] == "sent"
    back = await desk.work(OFFICER, "clarify")
    again = await desk(OFFICER, "desk", "clarify", back["thread"], "--facts", "crossing 3", "--urgency", "FLASH")
    assert again["state"] == "open"
    gone = await desk(OFFICER, "desk", "withdraw", back["thread"], "--reason", "the person left")
    assert gone["state"] == "ended"
    assert (await desk(OFFICER, "desk", "withdraw", back["thread"], "--reason", "x", code=1))["error"][
        "code"
    ] == "not-now"


async def test_a_declined_draft_and_one_that_is_taken_back_never_leave(desk: Desk) -> None:
    search = await desk.search()
    for act, who, word in (("decline", SUPERVISOR, "work"), ("withdraw", OFFICER, "thread")):
        drafted = await desk(OFFICER, "followup", "--search", search, "--from", "vn", *WHY)
        ended = await desk(who, "desk", act, drafted[word], "--reason", "not needed")
        assert (ended["state"], ended["ours"]) == ("ended", 0)


async def test_an_alert_is_raised_approved_acknowledged_and_lifted(desk: Desk) -> None:
    raised = await desk(
        OFFICER, "alert", "raise", "--to", OFFICES["vn"], "--action", "DISCREET_CHECK", "--plate", "กข 1234",
        "--reason", "carries ketamine", "--purpose", "INVESTIGATION", "--offence", "NARC", "--case", "TH-2026-17",
        "--do-not", "DO_NOT_ALERT_SUBJECT", "--idempotency-key", "a-1",
    )  # fmt: skip
    assert (raised["stand"], raised["to"][0]["offices"]) == ("waiting", [OFFICES["vn"]])
    work = await desk.work(SUPERVISOR, "approve")
    assert work["act"] == "approve-alert"
    own = await desk(OFFICER, "desk", "approve", work["id"], code=1)
    assert own["error"]["code"] == "own-approval"
    await desk(SUPERVISOR, "desk", "approve", work["id"])
    alarm = await desk.work(DUTY, "acknowledge")
    shown = await desk(DUTY, "desk", "show", alarm["id"])
    assert shown["thread"]["notices"][0]["content"]["fields"]["objects"][0]["plate"] == "กข 1234"
    (held,) = (await desk(DUTY, "alert", "taken"))["alerts"]
    assert (held["thread"], held["owner"], held["action"]) == (alarm["thread"], "th", "DISCREET_CHECK")
    assert "fields" not in held
    opened = await desk(DUTY, "alert", "open", held["thread"])
    assert opened["fields"]["objects"][0]["plate"] == "กข 1234"
    wrong = await desk(DUTY, "alert", "acknowledge", alarm["id"], "--answer", "NOT_EXECUTED", code=1)
    assert wrong["error"]["code"] == "reason-missing"
    refusal = ("--answer", "NOT_EXECUTED", "--reason", "no-offence-here", "--text", "nothing to hold it for")
    assert (await desk(DUTY, "alert", "acknowledge", alarm["id"], *refusal))["state"] == "answered"

    async def answered() -> bool:
        found = await desk(OFFICER, "alert", "show", raised["id"])
        return bool(found["to"][0]["state"] == "answered")

    await until(answered, "the answer")
    (listed,) = (each for each in (await desk(OFFICER, "alert", "list"))["alerts"] if each["id"] == raised["id"])
    (answer,) = listed["to"][0]["answers"]  # CASE-N217
    assert (answer["code"], answer["reason"], answer["text"]) == ("NOT_EXECUTED", "no-offence-here", refusal[-1])
    assert (await desk(OFFICER, "alert", "show", raised["id"]))["to"] == listed["to"]
    printed = "\n".join(line if isinstance(line, str) else line[0] for line in alert_lines(listed))
    assert "not executed, for a legal reason: it is no offence here" in printed
    assert refusal[-1] in printed
    assert (await desk(OFFICER, "alert", "lift", raised["id"], "--reason", "found", "--text", "at home"))[
        "stand"
    ] == "lifted"

    async def withdrawn() -> list[dict[str, Any]]:
        told = list((await desk(DUTY, "desk", "show", alarm["thread"]))["notices"])
        return told if told[-1]["code"] == "WITHDRAWN" else []

    told = await until(withdrawn, "the withdrawal")
    assert (told[-1]["content"]["reason"], told[-1]["content"]["text"]) == ("found", "at home")


async def test_what_was_given_is_withdrawn_and_its_owner_sees_who_has_confirmed_it(world: World, desk: Desk) -> None:
    await desk.search("DOCFRAUD")
    owner = "vn.d.10"
    assert (await desk(owner, "desk", "holders", code=1))["error"]["code"] == "role-not-permitted"
    found = await asyncio.to_thread(holders_of, world.home("vn"))
    (record,) = {each["record"] for each in found["records"] if each["agency"] == "immigration"}
    assert (await desk("vn.p.1", "desk", "holders"))["records"] == []
    assert (await desk("vn.p.77", "desk", "holders"))["records"]
    walked, after = [], ""
    for _ in range(100):
        part = await desk("vn.p.77", "desk", "holders", "--limit", "1", "--after", after)
        walked += [copy["id"] for each in part["records"] for copy in each["copies"]]
        if not (after := part["next"]):
            break
    assert sorted(walked) == sorted(
        copy["id"] for each in found["records"] if each["agency"] == "immigration" for copy in each["copies"]
    )
    told = await desk("vn.p.77", "withdraw", "--record", record, "--text", "a mistake")
    assert {each["member"] for each in told["threads"]} == {"th"}
    seen = await asyncio.to_thread(holders_of, world.home("vn"), record)
    assert seen["changed"] == len(seen["records"][0]["copies"]) > 0
    # It is held back, until a data officer of its agency lifts it.
    assert told["still_there"] == [record]
    assert [each["record"] for each in (await desk("vn.p.77", "desk", "held-back"))["held"]] == [record]
    lifting = ("desk", "held-back", "--lift", record)
    assert (await desk("vn.p.1", *lifting, code=1))["error"]["code"] == "not-held-back", "it is another agency's"
    assert (await desk(owner, *lifting, code=1))["error"]["code"] == "role-not-permitted"
    assert [each["record"] for each in (await desk("vn.p.77", *lifting))["held"]] == [record]
    assert (await desk("vn.p.77", "desk", "held-back"))["held"] == []


async def test_what_came_of_a_hit_is_told_by_the_command_and_stands_in_the_figures(desk: Desk, world: World) -> None:
    search = await desk.search()
    hit = ("--search", search, "--from", "vn", "--hit", "0")
    seized = ("--outcome", "SEIZED", "--substance", "meth", "--grams", "9000")
    told = await desk(OFFICER, "desk", "outcome", *hit, *seized)
    assert (told["kind"], told["state"]) == ("outcome", "ended")
    assert (await desk(OFFICER, "desk", "outcome", *hit, *seized))["id"] == told["id"], "the same again is the same"
    more = await desk(OFFICER, "desk", "outcome", told["id"], "--outcome", "ARRESTED", "--persons", "2")
    assert more["id"] == told["id"]
    assert (await desk(OFFICER, "desk", "outcome", *seized, code=2))["error"]["code"] == "usage"

    supervisor, officer = Caller(world, SUPERVISOR), Caller(world, OFFICER)
    own = {"with": "vn", "office": supervisor.profile.office}
    assert await officer.code("GET", "statistics", **own) == "role-not-permitted"
    assert await supervisor.code("GET", "statistics", **{"with": "vn"}) == "outside-reach"
    assert await supervisor.code("GET", "statistics", **(own | {"month": "2026-13"})) == "bad-month"
    found = await supervisor.call("GET", "statistics", **own)
    tables = {(table["table"], table["side"]): table["rows"] for table in found["tables"]}
    assert {"value": "other", "count": "<5", "kg": "<5", "pieces": None} in tables["seized", "ours"]
    assert {row["value"] for row in tables["outcome", ""]} >= {"SEIZED", "ARRESTED"}
    assert not found["empty"]


async def test_alerts_for_a_vessel_are_raised_and_listed_page_by_page(desk: Desk) -> None:
    why = ("--reason", "precursors by night", "--purpose", "INVESTIGATION", "--offence", "PREC", "--case", "TH-2026-19")
    raising = ("alert", "raise", "--to", "vn", "--action", "SEIZE_OBJECT", *why)
    refused = await desk(OFFICER, *raising, "--flag", "LA", code=2)
    assert refused["error"]["code"] == "usage"
    named = ("--vessel", "Mekong 7", "--local-reg", "LA-VTE 0417", "--flag", "LA")
    boat = await desk(OFFICER, *raising, *named)
    assert boat["fields"]["objects"] == [
        {"kind": "vessel", "name": "Mekong 7", "local_reg": "LA-VTE 0417", "flag": "LA"}
    ]
    ship = await desk(OFFICER, *raising, "--imo", "9074729")
    assert ship["fields"]["objects"] == [{"kind": "vessel", "imo": "9074729"}]
    first = await desk(OFFICER, "alert", "list", "--limit", "1")
    assert [each["id"] for each in first["alerts"]] == [ship["id"]]
    second = await desk(OFFICER, "alert", "list", "--limit", "1", "--after", first["next"])
    assert [each["id"] for each in second["alerts"]] == [boat["id"]]
    whole = (await desk(OFFICER, "alert", "list", "--over"))["alerts"]
    walked, after = [], ""
    for _ in range(50):
        part = await desk(OFFICER, "alert", "list", "--over", "--limit", "1", "--after", after)
        walked += part["alerts"]
        if not (after := part["next"]):
            break
    assert walked == whole
    bad = await desk(OFFICER, "alert", "list", "--after", "nowhere", code=1)
    assert bad["error"]["code"] == "bad-place"
