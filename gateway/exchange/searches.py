"""Searches of officers: started once for each idempotency key, kept for 48 hours, followed while they run.

The document store encrypts what is kept, and only the officer who asked may read it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace

from gateway.errors import Overloaded, Unknown
from gateway.exchange.ask import Asker
from gateway.exchange.keep import decode_search, encode_search
from gateway.exchange.parts import Parts
from gateway.model.requester import Officer
from gateway.model.search import Line, Search, SearchCommand

KEPT_US = 48 * 3600 * 1_000_000
"""How long a search can be read: query-only data vanish in 48 hours (domain.md, L16)."""

_MAX_RUNNING = 256
_KIND = "search"
_KEYS = "idempotency"


class OfficerSearches:
    """`gateway.ports.Searches` over the asker and the document store."""

    def __init__(self, parts: Parts, asker: Asker) -> None:
        self._parts = parts
        self._asker = asker
        self._running: dict[str, _Running] = {}
        self._saving: set[asyncio.Task[None]] = set()

    async def start(self, officer: Officer, command: SearchCommand) -> Search:
        """Run a search to the end of its budget; a repeated idempotency key gives the first one."""
        await self._asker.allow(officer, command)
        if len(self._running) >= _MAX_RUNNING:
            raise Overloaded("too many searches are running", code="searches-limit", remedy="ask again in a moment")
        search_id = secrets.token_hex(16)
        if (first := await self._first(officer, command, search_id)) is not None:
            return await self._finished(officer, first)
        running = self._running[search_id] = _Running(self._begin(search_id, officer, command))
        try:
            await self._asker.run(officer, command, lambda line: self._add(running, line))
        finally:
            running.change(replace(running.search, done=True, waiting_for=()))
            await self._save(running)
            if not running.awaits_late:
                self._running.pop(search_id, None)
        return running.search

    async def get(self, officer: Officer, search_id: str) -> Search:
        """A search of this officer."""
        running = self._running.get(search_id)
        search = running.search if running is not None else await self._load(search_id)
        if search is None or search.officer != officer.person:
            raise Unknown("no such search", where=search_id[:64])
        return search

    async def follow(self, officer: Officer, search_id: str) -> AsyncIterator[Search]:
        """The search each time that a line is added, until it is done."""
        search = await self.get(officer, search_id)
        yield search
        running = self._running.get(search_id)
        while running is not None and not search.done:
            search = await running.next(search)
            yield search

    async def _first(self, officer: Officer, command: SearchCommand, search_id: str) -> str | None:
        """The search that this officer's idempotency key stands for already."""
        if not command.idempotency_key:
            return None
        key = f"{officer.person}/{command.idempotency_key}"
        until = self._parts.clock.now_us() + KEPT_US
        found = await asyncio.to_thread(self._parts.documents.put_new, _KEYS, key, search_id.encode(), until)
        return found.decode() if found is not None else None

    async def _finished(self, officer: Officer, search_id: str) -> Search:
        search = await self.get(officer, search_id)
        async for newer in self.follow(officer, search_id):
            search = newer
        return search

    def _begin(self, search_id: str, officer: Officer, command: SearchCommand) -> Search:
        return Search(search_id, officer.person, self._parts.clock.now_us(), False, command.to)

    def _add(self, running: _Running, line: Line) -> None:
        """Put a line into its place: a late answer takes the place of the silence that it ends."""
        search = running.search
        lines = tuple(old for old in search.lines if old.member != line.member)
        waiting = tuple(member for member in search.waiting_for if member != line.member)
        running.change(replace(search, lines=(*lines, line), waiting_for=waiting))
        if search.done:
            task = asyncio.create_task(self._save(running))
            self._saving.add(task)
            task.add_done_callback(self._saving.discard)

    async def _save(self, running: _Running) -> None:
        search = running.search
        until = search.started_us + KEPT_US
        await asyncio.to_thread(self._parts.documents.put, _KIND, search.id, encode_search(search), until)

    async def _load(self, search_id: str) -> Search | None:
        data = await asyncio.to_thread(self._parts.documents.get, _KIND, search_id)
        return decode_search(data) if data is not None else None


class _Running:
    """A search in memory, and a bell for those who follow it."""

    def __init__(self, search: Search) -> None:
        self.search = search
        self._changed = asyncio.Event()

    @property
    def awaits_late(self) -> bool:
        """Whether an answer may still come."""
        return any(line.outcome == "silent" for line in self.search.lines)

    def change(self, search: Search) -> None:
        """Another state; wakes the followers."""
        self.search = search
        self._changed.set()
        self._changed = asyncio.Event()

    async def next(self, seen: Search) -> Search:
        """The first state that is not `seen`."""
        while self.search is seen:
            await self._changed.wait()
        return self.search
