"""Owners and holders of records at running nodes: data officers, and what became of a copy."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

from gateway.app.run.node import Node
from gateway.desk.acting.parts import Actor
from gateway.desk.roles import Person
from gateway.model.desk.work import Direction, HoldingState, Role, WorkKind
from gateway.model.requester import Officer
from gateway.ports.desk import Work, WorkFilter
from tests.support.exchange import CLOCK
from tests.support.nodes import other_work

DAY_US = 86_400_000_000


def actor(member: str, roles: Collection[Role], agency: str = "police", number: int = 7) -> Actor:
    """A fictitious person at a desk."""
    person, office = f"{member}.d.{number}", f"{member}.desk.one"
    officer = Officer(person, "officer", office, agency, frozenset({"INVESTIGATION"}), bytes(32), "tests")
    return Actor(officer, Person(person, frozenset(roles), agency, office, CLOCK.now_us() + 30 * DAY_US))


def data_officer(member: str, agency: str = "police") -> Actor:
    """A data officer."""
    return actor(member, {Role.DATA_OFFICER}, agency)


def states(node: Node, direction: Direction) -> list[HoldingState]:
    """The states of all copies that a node gave, or took."""
    return sorted(copy.state for copy in node.desk.parts.store.holdings(direction=direction))


def work_of(node: Node, kind: WorkKind, *, open_only: bool = True) -> list[Work]:
    """The work of a kind at a node."""
    return node.desk.parts.store.works(WorkFilter(kinds=(kind,), open_only=open_only))


@contextmanager
def later(us: int, *nodes: Node) -> Iterator[None]:
    """Let the clocks of nodes be ahead until the block ends; nothing is erased by itself meanwhile."""

    async def nothing() -> None:
        """Do nothing."""

    with ExitStack() as stack:
        for node in nodes:
            clock = node.core.parts.clock
            real = clock.now_us
            stack.enter_context(other_work(node, {"changes of counterparts": nothing}))
            stack.enter_context(patch.object(clock, "now_us", lambda real=real: real() + us))
        yield
