"""Searches of officers: started once for each idempotency key, kept for 48 hours, followed while they run.

The document store encrypts them, and only the officer who asked may read one.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import replace
from typing import Any, TypeVar

import msgspec

from gateway.conversion import converter
from gateway.errors import Overloaded, Replayed, Unknown
from gateway.exchange.asking.ask import LATE_S, Asker
from gateway.exchange.asking.copies import Copies
from gateway.exchange.asking.inquiry import Inquiry
from gateway.exchange.parts import Parts
from gateway.model.exchange import Outcome
from gateway.model.requester import Officer
from gateway.model.search import Line, Search, SearchCommand

T = TypeVar("T")

KEPT_US = 48 * 3600 * 1_000_000
"""The time for which a search can be read: query-only data vanish in 48 hours (DUTY-L16)."""

_MAX_RUNNING = 256
_ELSEWHERE_US = int(LATE_S * 1_000_000)
_LOOK_S = 0.25
_KIND = "search"
_KEYS = "idempotency"

_search = converter(Search)


class OfficerSearches:
    """`gateway.ports.officers.Searches` over the asker and the document store.

    `shared`: other processes of this node run searches, too. A search of theirs is read from the store until it has
    ended there. When that takes longer than a search can, its process is gone. `admit` raises `Unavailable` while no
    search is taken.
    """

    def __init__(
        self, parts: Parts, asker: Asker, admit: Callable[[], None] = lambda: None, *, shared: bool = False
    ) -> None:
        self._parts = parts
        self._admit = admit
        self._shared = shared
        self._asker = asker
        self._copies = Copies(parts.documents)
        self._running: dict[str, _Running] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    async def start(self, officer: Officer, command: SearchCommand) -> Search:
        """Run a search to the end of its budget; for a repeated idempotency key, return the first search.

        The search goes on when the caller hangs up: its questions are on their way, and their answers are logged.
        """
        self._admit()
        inquiry = Inquiry(officer, command, secrets.token_hex(16), self._parts.policy())
        await self._asker.allow(inquiry)
        if sum(not running.search.done for running in self._running.values()) >= _MAX_RUNNING:
            raise Overloaded("too many searches are running", code="searches-limit", remedy="ask again in a moment")
        # The search is in memory before its key is stored, so that a caller who repeats the key at once finds it.
        running = self._running[inquiry.search_id] = _Running(self._begin(inquiry))
        # The search is stored before its key is, so that after a crash no key stands for a missing search.
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
        """Forget a search whose key belongs to an earlier one."""
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
        """Return a task that is referenced while it runs, since the loop keeps only weak references."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def get(self, officer: Officer, search_id: str) -> Search:
        """Return a search of this officer; raise `Unknown` where there is none."""
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
        """Return the id of the earlier search under this officer's idempotency key, if there is one."""
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
        """Add a line; a late answer replaces the line of silence."""
        search = running.search
        lines = tuple(old for old in search.lines if old.member != line.member)
        waiting = tuple(member for member in search.waiting_for if member != line.member)
        running.change(replace(search, lines=(*lines, line), waiting_for=waiting))
        if search.done:
            self._keep(self._save(running))

    async def _save(self, running: _Running) -> None:
        """Store the current state, one save at a time, so that an older state never overwrites a newer one."""
        async with running.saving:
            await asyncio.to_thread(self._store, running.search)

    def _store(self, search: Search) -> None:
        """Store the records, each until its owner's time is over, then the search without them."""
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


def encode_search(search: Search) -> bytes:
    """Return the JSON of a search."""
    return json.dumps(msgspec.to_builtins(search), ensure_ascii=False, separators=(",", ":")).encode()


def decode_search(data: bytes) -> Search:
    """Return the search that `encode_search` wrote."""
    return _search(json.loads(data))


def _fingerprint(command: SearchCommand) -> str:
    """Return a hash of the command without its trace: equal questions have equal hashes."""
    return hashlib.sha256(repr(replace(command, traceparent="")).encode()).hexdigest()


def _ended(search: Search) -> Search:
    """Return an interrupted search as done: the counterparts that were waited for are silent."""
    if search.done:
        return search
    lines = tuple(Line(member, Outcome.SILENT) for member in search.waiting_for)
    return replace(search, done=True, waiting_for=(), lines=search.lines + lines)


class _Running:
    """A search in memory, and an event for its followers."""

    def __init__(self, search: Search) -> None:
        self.search = search
        self.saving = asyncio.Lock()
        self._changed = asyncio.Event()

    @property
    def awaits_late(self) -> bool:
        """Tell whether an answer may still come."""
        return any(line.outcome == "silent" for line in self.search.lines)

    def change(self, search: Search) -> None:
        """Set a new state, and wake the followers."""
        self.search = search
        self._changed.set()
        self._changed = asyncio.Event()

    async def next(self, seen: Search) -> Search:
        """Return the first state that is not `seen`."""
        while self.search is seen:
            await self._changed.wait()
        return self.search
