"""Persons and alerts for tests with desks in running nodes."""

from __future__ import annotations

from typing import Any

from gateway.app.run.node import Node
from gateway.desk.acting.parts import Actor
from gateway.desk.roles import Person
from gateway.model.desk.threads import ThreadKey
from gateway.model.desk.work import DeliveryState, Role
from gateway.model.handed.alerts import Addressee, RaiseAlert
from gateway.model.names import ExchangeId, MemberId
from gateway.model.purpose import Offence, Purpose
from gateway.model.requester import Officer
from gateway.model.search import Line
from tests.support.exchange import CLOCK, command
from tests.support.federation import OFFICES
from tests.support.waiting import until

FUGITIVE: dict[str, Any] = {
    "alert_class": "DISCREET_CHECK",
    "names": [{"text": "สมชาย ใจดี", "romanised": "Somchai Jaidee"}],
    "birth": {"value": "1985-03-14"},
    "identifiers": [{"number": "P4471209", "issuer": "THA"}],
    "objects": [{"kind": "vehicle", "plate": "กข 1234", "province": "เชียงราย"}],
    "do_not": ["DO_NOT_ALERT_SUBJECT"],
    "reason": "carries ketamine across the bridge",
}


def actor(member: str, *roles: Role, person: str = "1042", agency: str = "police", office: str = "") -> Actor:
    """A person who acts at a desk, with training in force."""
    office = office or OFFICES[member][0]
    officer = Officer(f"{member}.o.{person}", "officer", office, agency, frozenset(Purpose), bytes(32), client="tests")
    year_us = 365 * 86_400_000_000
    return Actor(officer, Person(officer.person, frozenset(roles), agency, office, CLOCK.now_us() + year_us))


def author(member: str = "th") -> Actor:
    """The officer who raises alerts."""
    return actor(member, Role.OFFICER)


def supervisor(member: str = "th") -> Actor:
    """The supervisor of the same office."""
    return actor(member, Role.SUPERVISOR, person="7")


def duty(member: str = "vn", **more: Any) -> Actor:
    """A duty officer of another agency."""
    return actor(member, Role.DUTY, person="9", **({"agency": "immigration"} | more))


def raising(to: str = "vn", offices: tuple[str, ...] = (), **changes: Any) -> RaiseAlert:
    """An alert to one counterpart."""
    first: dict[str, Any] = {
        "to": (Addressee(MemberId(to), offices),),
        "fields": FUGITIVE,
        "purpose": Purpose.INVESTIGATION,
        "offence": Offence.NARC,
        "case": "TH-2026-0417",
    }
    return RaiseAlert(**(first | changes))


async def there(node: Node, alert_id: ExchangeId, member: str = "vn") -> ThreadKey:
    """Wait until a counterpart has taken an alert of ours; return its thread as we name it."""
    me = node.core.parts.member
    store = node.desk.parts.store
    found = [each.key for each in store.threads(group_id=alert_id) if each.key.peer != me]
    (key,) = [key for key in found if key.peer == member]
    await until(
        lambda: not store.deliveries(key=key) and store.deliveries((DeliveryState.TAKEN,), key=key), "it is taken"
    )
    return key


async def at_the_gate(node: Node, query: Any, office: str = "") -> Line:
    """Ask as an officer at a gate; return the line of our own agencies."""
    me = node.core.parts.member
    who = actor(me, Role.OFFICER, person="3", office=office).officer
    others = [MemberId(name) for name in node.core.parts.trust().members if name != me]
    search = await node.asking.searches.start(who, command(query, others[:1]))
    (line,) = [line for line in search.lines if line.member == me]
    return line
