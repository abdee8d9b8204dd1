"""What the REST API and the console do for an officer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from gateway.model.consent import OnwardAnswer, OnwardCommand
from gateway.model.requester import Officer
from gateway.model.search import Search, SearchCommand


class Searches(Protocol):
    """What the REST API and the console call: an officer's searches (`exchange.ask` serves it)."""

    async def start(self, officer: Officer, command: SearchCommand) -> Search:
        """Run a search; returns when all lines are there or the budget is over. Raises `Refused` before any
        question left the node. A repeated idempotency key of the same officer returns the first search."""

    async def get(self, officer: Officer, search_id: str) -> Search:
        """Return a search of this officer, late answers included; `Unknown` otherwise."""

    def follow(self, officer: Officer, search_id: str) -> AsyncIterator[Search]:
        """Return the search each time that a line is added, until nothing more is waited for."""


class OnwardUses(Protocol):
    """What the REST API calls when an officer wants to use a record from abroad onward."""

    async def use(self, officer: Officer, command: OnwardCommand) -> OnwardAnswer:
        """Tell whether it is allowed, or the owner was asked; its entry is durable. `Refused` where the marking says
        no.
        """
