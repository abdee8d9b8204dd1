"""What the region's desks do: an alert to all, and follow-ups to the offices that face each other and to no other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from gateway.agency.officer_tokens.issuer import Profile
from gateway.model.desk.offices import Addressable, Facing
from tests.gms.client import Desk, officer
from tests.gms.ground import PURPOSES, Region
from tests.gms.offices import MEMBERS, national_desk
from tests.gms.searches import ASKED, ASKER
from tests.gms.sources import ALPHA3, known

_WAIT_S = 60.0
_CHILD = {"alert_class": "MISSING_CHILD", "reason": "taken from school today", "birth": {"value": "2016"},
          "names": [{"text": "NAPHA SRISUK", "script": "Latn"}]}  # fmt: skip

Desks = Mapping[str, Desk]


def person(region: Region, member: str, name: str) -> Profile:
    """Return a person of a member's desks (`d.7`) as the token names them."""
    one = next(each for each in region.people[member] if each.name == name)
    return Profile(f"{member}.{name}", one.policy_role, one.office, one.agency, PURPOSES)


async def until(condition: Callable[[], Awaitable[Any]]) -> Any:
    """Return what the condition returns once it is true; what it returned last, after a minute."""
    end = time.monotonic() + _WAIT_S
    while not (found := await condition()) and time.monotonic() < end:
        await asyncio.sleep(0.05)
    return found


async def waiting(desk: Desk, who: Profile, kind: str, thread: str = "") -> dict[str, Any]:
    """Return the newest work of a kind that waits for a person."""

    async def newest() -> dict[str, Any]:
        works = (await desk.get(who, f"/v1/work?kind={kind}"))["work"]
        return next((each for each in reversed(works) if thread in ("", each["thread"])), {})

    found: dict[str, Any] = await until(newest)
    assert found, f"no {kind} waits for {who.person}"
    return found


# ------------------------------------------------------------ an alert to all offices


async def alert_all(region: Region, desks: Desks) -> tuple[float, float, list[str]]:
    """Raise an alert to all offices of all five; return the seconds until all have it, and until all acknowledged it.

    The third value are the counterparts that have not.
    """
    author = officer(ASKER, region.offices[ASKER][0].id)
    body = {"to": [{"member": member} for member in ASKED], "fields": _CHILD, "purpose": "MISSING_PERSON",
            "offence": "TIP", "case": "TH-2026-18"}  # fmt: skip
    alert = await desks[ASKER].post(author, "/v1/alerts", body)
    supervisor = person(region, ASKER, "s.3")
    work = await waiting(desks[ASKER], supervisor, "approve", alert["id"])
    begun = time.monotonic()
    await desks[ASKER].post(supervisor, f"/v1/work/{work['id']}/approve")
    seconds = await asyncio.gather(*(_acknowledge(region, desks[member], begun) for member in ASKED))

    async def silent() -> bool:
        return not await _unanswered(desks[ASKER], author, alert["id"])

    await until(silent)
    return max(seconds), time.monotonic() - begun, await _unanswered(desks[ASKER], author, alert["id"])


async def _acknowledge(region: Region, desk: Desk, begun: float) -> float:
    duty = person(region, desk.member, "d.7")
    work = await waiting(desk, duty, "acknowledge")
    seconds = time.monotonic() - begun
    await desk.post(duty, f"/v1/work/{work['id']}/acknowledge", {"answer": "ACKNOWLEDGED"})
    return seconds


async def _unanswered(desk: Desk, author: Profile, alert: str) -> list[str]:
    stands = (await desk.get(author, f"/v1/alerts/{alert}"))["to"]
    return [each["member"] for each in stands if each["state"] != "answered"]


async def found_at_gates(region: Region, desks: Desks) -> list[str]:
    """Search the child at the gates of all five; return those whose own node does not find the alert."""
    missed = []
    for member in ASKED:
        who = officer(member, region.offices[member][-1].id, agency="police")
        query = {"kind": "person", "names": _CHILD["names"], "birth": _CHILD["birth"]}
        body = {"query": query, "to": [ASKER], "purpose": "BORDER_CHECK", "offence": "TIP", "ticket": "G-1"}
        lines = (await desks[member].post(who, "/v1/searches", body))["lines"]
        own = next(line for line in lines if line["member"] == member)
        if [hit["action"] for hit in own["hits"]] != ["MISSING_CHILD"]:
            missed.append(member)
    return missed


# ------------------------------------------------------------ who may address whom


def reachable(told: Mapping[str, Any]) -> tuple[int, int]:
    """Return how many pairs of offices of two members may address each other, and of how many, by the descriptors."""
    rules = {
        member: Addressable(
            tuple(one["national_desks"]), tuple(Facing(office, tuple(faces)) for office, faces in one["facing"].items())
        )
        for member, one in told.items()
    }
    pairs = [
        rules[theirs].admits(author, office)
        for ours in MEMBERS for theirs in MEMBERS if ours != theirs
        for author in told[ours]["offices"] for office in told[theirs]["offices"]
    ]  # fmt: skip
    return sum(pairs), len(pairs)


async def address(region: Region, desk: Desk) -> tuple[int, list[str]]:
    """Follow up hits of each facing pair of the asker, to the facing office, a national desk and another office.

    Return how many were tried, and what was not as it must be.
    """
    tried, wrong = 0, []
    for place, office in enumerate(region.offices[ASKER]):
        who = officer(ASKER, office.id, 3000 + place)
        faced = office.faces[0]
        member = faced.partition(".")[0]
        other = next(each.id for each in region.offices[member] if each.id not in office.faces)
        search = await _hit(desk, who, member)
        for target, code in ((faced, ""), (national_desk(member), ""), (other, "not-facing"),
                             (f"{member}.blo.nowhere", "unknown-office")):  # fmt: skip
            body = {"about": "hit", "search": search, "from": member, "facts": "the bearer stands at the gate",
                    "to_office": target}  # fmt: skip
            answer = await desk.call(who, "POST", "/v1/threads", body)
            told = "" if answer.status_code == 202 else answer.json()["code"]
            tried += 1
            wrong += [] if told == code else [f"{office.id} to {target}: {told or 'drafted'}, not {code or 'drafted'}"]
    return tried, wrong


async def _hit(desk: Desk, who: Profile, member: str) -> str:
    query = {"kind": "document", "number": known(member).passport, "issuer": ALPHA3[member]}
    body = {"query": query, "to": [member], "purpose": "BORDER_CHECK", "offence": "OTHER", "ticket": "GATE-1"}
    return str((await desk.post(who, "/v1/searches", body))["id"])


# ------------------------------------------------------------ capital to capital


async def form(region: Region, desks: Desks, member: str) -> tuple[str, list[str]]:
    """Send a form to the national desk of a capital; return what was answered, and who approved and who decided."""
    author, theirs = officer(ASKER, national_desk(ASKER)), desks[member]
    values = {"name": known(member).name, "wanted": "identity", "legal-basis": "the memorandum, article 1"}
    body = {"about": "form", "to": member, "form": "information-request", "values": values, "purpose": "INVESTIGATION",
            "offence": "NARC", "case": "TH-2026-19", "to_office": national_desk(member),
            "facts": "named in a case before the court", "why_you": "a national of yours"}  # fmt: skip
    thread = (await desks[ASKER].post(author, "/v1/threads", body))["thread"]
    approver, decider = person(region, ASKER, "n.2"), person(region, member, "n.2")
    work = await waiting(desks[ASKER], approver, "approve", thread)
    await desks[ASKER].post(approver, f"/v1/work/{work['id']}/approve")
    work = await waiting(theirs, decider, "decide", thread)
    decision = {"answer": "NOTHING_HELD", "reason": "searched in all registers"}
    await theirs.post(decider, f"/v1/work/{work['id']}/decide", decision)
    await waiting(desks[ASKER], author, "read", thread)
    opened = await desks[ASKER].post(author, f"/v1/threads/{thread}/open")
    return opened["answer"], [approver.person, decider.person]
