"""Two nodes whose humans follow up hits, and the humans."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gateway.app.desks.second_step import SecondStep
from gateway.app.run.node import Node
from gateway.desk.acting.parts import Actor
from gateway.desk.roles import Person
from gateway.model.desk.notices import Urgency
from gateway.model.desk.threads import ThreadKey
from gateway.model.desk.work import DeliveryState, Role, WorkKind
from gateway.model.handed.asks import FollowUp, Reasons
from gateway.model.purpose import Offence, Purpose
from gateway.model.requester import Officer
from gateway.ports.desk import Work, WorkFilter
from tests.support.exchange import TH, VN, command, sample_world
from tests.support.nodes import World
from tests.support.policies import NATIONAL
from tests.support.waiting import until

HOUR_US = 3_600_000_000
WHERE = 'principal, action == Action::"release", resource == RecordType::"TravelDocument"'
RULES = f"""
@id("vn-test-human")
@human("duty")
@fields("*")
permit ({WHERE}) when {{ context.offence == Offence::"MONEY" }};
@id("vn-test-kept")
@withhold("birth")
forbid ({WHERE}) when {{ context.offence == Offence::"MONEY" }};
@id("vn-test-two")
@human("two")
@fields("*")
permit ({WHERE}) when {{ context.offence == Offence::"SCAM" }};
@id("vn-test-court")
@code("needs-court")
forbid ({WHERE}) when {{ context.offence == Offence::"PREC" }};
"""


def step_world(folder: Path) -> World:
    """Thailand asks Viet Nam, where a human decides on travel documents that have to do with money."""
    return with_rules(sample_world(folder, ("th", "vn")))


def with_rules(made: World) -> World:
    """Let Viet Nam decide by a human on travel documents that have to do with money."""
    policy = shutil.copytree(NATIONAL / "vn", made.home("vn") / "policy")
    with (policy / "records.cedar").open("a") as file:
        file.write(RULES)
    with (made.home("vn") / "node.toml").open("a") as file:
        file.write(f'[policy]\nnational = "{policy}"\n')
    return made


def actor(
    member: str,
    person: str,
    *roles: Role,
    agency: str = "police",
    office: str = "",
    trained_until_us: int = 2**62,
    token: bytes = b"",
) -> Actor:
    """A human of a member, with a token of their own."""
    place = office or f"{member}.blo.one"
    name = f"{member}.o.{person}"
    officer = Officer(
        name,
        roles[0].value,
        place,
        agency,
        frozenset({"BORDER_CHECK", "INVESTIGATION"}),
        token or person.encode().ljust(32, b"\0"),
        client="tests",
    )
    return Actor(officer, Person(name, frozenset(roles), agency, place, trained_until_us))


OFFICER = actor("th", "1042", Role.OFFICER)
SUPERVISOR = actor("th", "7", Role.SUPERVISOR)
DUTY = actor("vn", "d7", Role.DUTY, agency="immigration")
SECOND = actor("vn", "d8", Role.DUTY, agency="immigration")


def step(world: World, member: str) -> SecondStep:
    """The second step of a running node."""
    return world.nodes[member].desk.second_step


def is_taken(node: Node, key: ThreadKey) -> Callable[[], bool]:
    """Tell whether all notices of ours in a thread have their receipts."""
    store = node.desk.parts.store
    return lambda: not store.deliveries(key=key) and bool(store.deliveries((DeliveryState.TAKEN,), key=key))


def works(node: Node, *kinds: WorkKind, key: ThreadKey | None = None) -> list[Work]:
    """The open work of these kinds."""
    return node.desk.parts.store.works(WorkFilter(kinds=kinds, key=key))


async def hit(world: World, who: Actor = OFFICER, **changes: Any) -> str:
    """Run a search that hits a travel document; return its id."""
    asked = command(**({"offence": Offence.MONEY} | changes))
    search = await world.nodes["th"].asking.searches.start(who.officer, asked)
    return search.id


REASONS = Reasons(
    facts="the traveller stands at the gate with another person's passport",
    urgency=Urgency.FLASH,
    why_you="the passport is yours",
    link="the person who carries it",
    urgency_reason="the person is held",
)


def follow_up(search_id: str, **changes: Any) -> FollowUp:
    """A follow-up to the first hit of Viet Nam."""
    said: dict[str, Any] = {"search_id": search_id, "peer": VN, "hit": 0, "reasons": REASONS} | changes
    return FollowUp(**said)


async def asked(world: World, **changes: Any) -> tuple[ThreadKey, ThreadKey, Work]:
    """A follow-up that was approved and taken: its thread at both sides, and the owner's work."""
    th, vn = world.nodes["th"], world.nodes["vn"]
    offence = changes.pop("search_offence", Offence.MONEY)
    search_id = await hit(world, offence=offence)
    drafted = await step(world, "th").drafting.follow_up(OFFICER, follow_up(search_id, **changes))
    await step(world, "th").approvals.approve(SUPERVISOR, drafted.work.id)
    await until(is_taken(th, drafted.key), "the ask is taken")
    there = ThreadKey(TH, drafted.key.thread_id)
    (work,) = works(vn, WorkKind.DECIDE, key=there)
    return drafted.key, there, work


PURPOSE = Purpose.INVESTIGATION
