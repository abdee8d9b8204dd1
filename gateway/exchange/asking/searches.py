"""Searches of officers: started once for each idempotency key, kept for 48 hours, followed while they run.

The document store encrypts what is kept, and only the officer who asked may read it.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator, Coroutine
from dataclasses import replace
from typing import Any, TypeVar

from gateway.errors import Overloaded, Replayed, Unknown
from gateway.exchange.asking.ask import LATE_S, Asker
from gateway.exchange.asking.copies import Copies
from gateway.exchange.asking.inquiry import Inquiry
from gateway.exchange.asking.search_json import decode_search, encode_search
from gateway.exchange.parts import Parts
from gateway.model.exchange import Outcome
from gateway.model.requester import Officer
from gateway.model.search import Line, Search, SearchCommand

T = TypeVar("T")

KEPT_US = 48 * 3600 * 1_000_000
"""How long a search can be read: query-only data vanish in 48 hours (DUTY-L16)."""

_MAX_RUNNING = 256
_ELSEWHERE_US = int(LATE_S * 1_000_000)
_LOOK_S = 0.25
_KIND = "search"
_KEYS = "idempotency"


class OfficerSearches:
    """`gateway.ports.officers.Searches` over the asker and the document store.

    `shared`: other processes of this node run searches as well. One of theirs is read from the store until it has
    ended there; when that takes longer than any search can, its process is gone.
    """

    def __init__(self, parts: Parts, asker: Asker, *, shared: bool = False) -> None:
        self._parts = parts
        self._shared = shared
        self._asker = asker
        self._copies = Copies(parts.documents)
        self._running: dict[str, _Running] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    async def start(self, officer: Officer, command: SearchCommand) -> Search:
        """Run a search to the end of its budget; a repeated idempotency key gives the first one.

        The search goes on when the caller hangs up: its questions are on their way, and their answers are logged.
        """
        inquiry = Inquiry(officer, command, secrets.token_hex(16))
        await self._asker.allow(inquiry)
        if sum(not running.search.done for running in self._running.values()) >= _MAX_RUNNING:
            raise Overloaded("too many searches are running", code="searches-limit", remedy="ask again in a moment")
        # Known before its key is: who repeats the key at once finds it.
        running = self._running[inquiry.search_id] = _Running(self._begin(inquiry))
        # Kept before its key is: after a crash no key stands for a search that is not there.
        await self._save(running)
        try:
            first = await self._first(inquiry)
        except Replayed:
            await self._drop(inquiry.search_id)
            raise
        if first is not None:
            await self._drop(inquiry.search_id)
            return await self._finished(officer, first)
        return await asyncio.shield(self._keep(self._run(inquiry, running)))

    async def _drop(self, search_id: str) -> None:
        """Forget a search that another one stands for."""
        del self._running[search_id]
        await asyncio.to_thread(self._parts.documents.delete, _KIND, search_id)

    async def _run(self, inquiry: Inquiry, running: _Running) -> Search:
        try:
            await self._asker.run(inquiry, lambda line: self._add(running, line))
        finally:
            running.change(replace(running.search, done=True, waiting_for=()))
            await self._save(running)
            wait_s = LATE_S if running.awaits_late else 0.0
            asyncio.get_running_loop().call_later(wait_s, self._running.pop, inquiry.search_id, None)
        return running.search

    def _keep(self, work: Coroutine[None, None, T]) -> asyncio.Task[T]:
        """Return a task that is not forgotten while it runs."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def get(self, officer: Officer, search_id: str) -> Search:
        """Return a search of this officer."""
        running = self._running.get(search_id)
        search = running.search if running is not None else await self._load(search_id)
        if search is None or search.officer != officer.person:
            raise Unknown("no such search", where=search_id[:64])
        return search

    async def follow(self, officer: Officer, search_id: str) -> AsyncIterator[Search]:
        """Yield the search each time that a line is added, until it is done."""
        search = await self.get(officer, search_id)
        yield search
        running = self._running.get(search_id)
        while not search.done:
            if running is not None:
                search = await running.next(search)
                yield search
                continue
            await asyncio.sleep(_LOOK_S)
            newer = await self.get(officer, search_id)
            if newer != search:
                yield newer
            search = newer

    async def _first(self, inquiry: Inquiry) -> str | None:
        """Return the search that this officer's idempotency key stands for already."""
        if not inquiry.command.idempotency_key:
            return None
        key = f"{inquiry.officer.person}/{inquiry.command.idempotency_key}"
        until = self._parts.clock.now_us() + KEPT_US
        put_new = self._parts.documents.put_new
        asked = _fingerprint(inquiry.command)
        found = await asyncio.to_thread(put_new, _KEYS, key, f"{inquiry.search_id} {asked}".encode(), until)
        if found is None:
            return None
        first, _, same = found.decode().partition(" ")
        if same != asked:
            raise Replayed("this idempotency key was used for another search", where="idempotency-key")
        return first

    async def _finished(self, officer: Officer, search_id: str) -> Search:
        search = await self.get(officer, search_id)
        async for newer in self.follow(officer, search_id):
            search = newer
        return search

    def _begin(self, inquiry: Inquiry) -> Search:
        return Search(inquiry.search_id, inquiry.officer.person, self._parts.clock.now_us(), False, inquiry.command.to)

    def _add(self, running: _Running, line: Line) -> None:
        """Put a line into its place: a late answer takes the place of the silence that it ends."""
        search = running.search
        lines = tuple(old for old in search.lines if old.member != line.member)
        waiting = tuple(member for member in search.waiting_for if member != line.member)
        running.change(replace(search, lines=(*lines, line), waiting_for=waiting))
        if search.done:
            self._keep(self._save(running))

    async def _save(self, running: _Running) -> None:
        """One after the other, each with what is there by then: an older state never overwrites a newer one."""
        async with running.saving:
            await asyncio.to_thread(self._store, running.search)

    def _store(self, search: Search) -> None:
        """The records first, each until its owner's time is over; then the search without them."""
        until = search.started_us + KEPT_US
        bare = self._copies.keep(search, self._parts.clock.now_us(), until)
        self._parts.documents.put(_KIND, search.id, encode_search(bare), until)

    async def _load(self, search_id: str) -> Search | None:
        return await asyncio.to_thread(self._restored, search_id)

    def _restored(self, search_id: str) -> Search | None:
        data = self._parts.documents.get(_KIND, search_id)
        if data is None:
            return None
        search = self._copies.restore(decode_search(data))
        age_us = self._parts.clock.now_us() - search.started_us
        return search if self._shared and age_us < _ELSEWHERE_US else _ended(search)

    async def finish(self, timeout: float) -> None:
        """Let searches that run come to their end, `timeout` seconds at most."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=timeout)


def _fingerprint(command: SearchCommand) -> str:
    """Return what is asked, whoever asks and whatever trace it belongs to."""
    return hashlib.sha256(repr(replace(command, traceparent="")).encode()).hexdigest()


def _ended(search: Search) -> Search:
    """Return a search that the node did not bring to its end: those who were waited for are silent."""
    if search.done:
        return search
    lines = tuple(Line(member, Outcome.SILENT) for member in search.waiting_for)
    return replace(search, done=True, waiting_for=(), lines=search.lines + lines)


class _Running:
    """A search in memory, and a bell for those who follow it."""

    def __init__(self, search: Search) -> None:
        self.search = search
        self.saving = asyncio.Lock()
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
        """Return the first state that is not `seen`."""
        while self.search is seen:
            await self._changed.wait()
        return self.search
