"""What is done in the region, each with what must come of it; the parts that need no load follow those that do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.gms.client import Desk, desk_of, officer
from tests.gms.desks import Desks, address, alert_all, form, found_at_gates, reachable
from tests.gms.ground import Region, region
from tests.gms.offices import MEMBERS
from tests.gms.searches import ASKED, ASKER, Found, search

_HEARD_S = 60.0
DOWN, HANGING, CAPITAL = "mm", "kh", "cn"


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is done, and how slow it may be. `p95_s` 0: the speed is told and not judged."""

    searches: int = 240
    officers: int = 4
    p95_s: float = 2.0


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that was done: its figures, and whether all was as it must be."""

    name: str
    figures: str
    good: bool
    detail: str = ""


async def play(folder: Path, plan: Plan) -> AsyncIterator[Row]:
    """Found the region in a folder, and yield what comes of each part."""
    async with region(folder) as made, desk_of(made, ASKER) as desk:
        yield await _offices(made, desk)
        yield await _searched(made, desk, plan, "all six nodes are up", ())
        await made.kill(DOWN)
        yield await _searched(made, desk, plan, f"{DOWN} is down", (DOWN,))
        made.hang(HANGING)
        yield await _searched(made, desk, plan, f"{DOWN} is down, {HANGING} hangs", (DOWN, HANGING))
        made.wake(HANGING)
        await made.seats[DOWN].start(made.zygote)
        yield await _recovered(made, desk)
        async with AsyncExitStack() as stack:
            desks = {member: await stack.enter_async_context(desk_of(made, member)) for member in MEMBERS}
            yield await _addressed(made, desk)
            yield await _alerted(made, desks)
            begun = time.monotonic()
            answer, people = await form(made, desks, CAPITAL)
            figures = f"{ASKER} to {CAPITAL}: approved by {people[0]}, decided by {people[1]}: {answer}, "
            figures += f"after {time.monotonic() - begun:.2f} s"
            yield Row("a form from capital to capital", figures, answer == "NOTHING_HELD")


async def _offices(made: Region, desk: Desk) -> Row:
    """Look what a node shows of the offices of all six."""
    who = officer(ASKER, made.offices[ASKER][0].id)
    told = {member: one["descriptor"] for member, one in (await desk.get(who, "/v1/members"))["members"].items()}
    faces = {office: faced for one in told.values() for office, faced in one["facing"].items()}
    desks = [office for one in told.values() for office in one["national_desks"]]
    right = {office.id: list(office.faces) for offices in made.offices.values() for office in offices}
    pairs = sum(map(len, faces.values())) // 2
    figures = f"{len(faces)} offices, {pairs} facing pairs, {len(desks)} national desks"
    return Row("offices in the descriptors", figures, faces == right and len(faces) == 70 and len(desks) == 6)


async def _recovered(made: Region, desk: Desk) -> Row:
    """Search until both are heard again; the trials of a silent counterpart come 20 s apart at most."""
    begun = time.monotonic()
    found = await search(made, desk, 1, 1)
    while found.silent and time.monotonic() - begun < _HEARD_S:
        await asyncio.sleep(0.5)
        found = await search(made, desk, 1, 1)
    figures = f"all 5 countries answer after {time.monotonic() - begun:.1f} s"
    return Row(f"{DOWN} is up again, {HANGING} goes on", figures, not found.wrong, "; ".join(found.wrong[:3]))


async def _addressed(made: Region, desk: Desk) -> Row:
    who = officer(ASKER, made.offices[ASKER][0].id)
    told = {member: one["descriptor"] for member, one in (await desk.get(who, "/v1/members"))["members"].items()}
    reached, pairs = reachable(told)
    tried, wrong = await address(made, desk)
    facing = sum(len(office.faces) for offices in made.offices.values() for office in offices)
    right = facing + sum(len(one["offices"]) for one in told.values()) * (len(MEMBERS) - 1)
    figures = f"{reached} of {pairs} ways between offices are open, {tried} follow-ups tried, {len(wrong)} wrong"
    return Row(
        "an office reaches its facing one, national desks",
        figures,
        reached == right and not wrong,
        "; ".join(wrong[:3]),
    )


async def _alerted(made: Region, desks: Desks) -> Row:
    listed, answered, unanswered = await alert_all(made, desks)
    missed = await found_at_gates(made, desks)
    offices = sum(len(made.offices[member]) for member in ASKED)
    figures = (
        f"{offices} offices of 5 countries: in all lists after {listed:.2f} s, all acknowledged after {answered:.2f} s"
    )
    wrong = [*(f"{each} has not acknowledged" for each in unanswered), *(f"not found at {each}" for each in missed)]
    return Row("an alert to all offices", figures, not wrong, "; ".join(wrong))


async def _searched(made: Region, desk: Desk, plan: Plan, name: str, away: tuple[str, ...]) -> Row:
    found = await search(made, desk, plan.searches, plan.officers, away)
    is_fast = not plan.p95_s or found.percentile(0.95) < plan.p95_s
    silent = all(found.silent.get(member, 0) == (plan.searches if member in away else 0) for member in ASKED)
    return Row(
        f"gate searches, {name}", _figures(found), is_fast and silent and not found.wrong, "; ".join(found.wrong[:3])
    )


def _figures(found: Found) -> str:
    p50, p95, longest = (found.percentile(share) for share in (0.5, 0.95, 1.0))
    return (
        f"{len(found.seconds)} searches of {len(ASKED)} countries, p50 {p50:.2f} s, p95 {p95:.2f} s, "
        f"longest {longest:.2f} s, {len(found.wrong)} lines wrong"
    )
