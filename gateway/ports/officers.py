"""Officers' searches and onward uses, for the REST API and the console."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Protocol

from gateway.model.desk.consent import OnwardAnswer
from gateway.model.handed.onward import UseOnward
from gateway.model.handed.searches import SearchCommand
from gateway.model.requester import Officer
from gateway.model.search import Search

Ended = Callable[[str, BaseException | None], None]
"""Called with a search's id when its budget is over, and with the error that ended it before."""


class Searches(Protocol):
    """An officer's searches, called by the REST API and the console (`exchange.asking` serves it)."""

    async def start(self, officer: Officer, command: SearchCommand) -> Search:
        """Run a search; return it when all lines are there or the budget is over.

        Raises `Refused` before any question left the node. A repeated idempotency key of the same officer returns the
        first search.
        """

    async def begin(self, officer: Officer, command: SearchCommand, ended: Ended) -> Search:
        """Begin a search, and return it as it is now; raise like `start`. `ended` is called when its budget is over."""

    async def get(self, officer: Officer, search_id: str) -> Search:
        """Return a search of this officer, late answers included; raise `Unknown` otherwise."""

    def follow(self, officer: Officer, search_id: str) -> AsyncIterator[Search]:
        """Yield the search each time that a line is added, until no late answer can come any more."""


class OfficerCheck(Protocol):
    """The check of officer tokens (`gateway.agency.officer_tokens.tokens`), called by the console for each page."""

    def verify(self, token: str, thumbprint: str, client: str) -> Officer:
        """Return the officer whom a token names, who asks through the system `client` with that certificate."""

    def check(self, officer: Officer) -> None:
        """Raise `Unauthenticated` where the officer, or the token by which we know the officer, was revoked."""


class OnwardUses(Protocol):
    """Onward use of records from abroad, called by the REST API."""

    async def use(self, officer: Officer, command: UseOnward) -> OnwardAnswer:
        """Return whether the use is allowed or the owner was asked, once its entry is durable; else raise `Refused`."""
