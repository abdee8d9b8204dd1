"""Searches of officers: started once for each idempotency key, kept for 48 hours, followed while they run.

The document store encrypts them, and only the officer who asked may read one.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from functools import partial
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from gateway.conversion import converter
from gateway.errors import LiaisonError, Overloaded, Replayed, Unknown
from gateway.exchange.asking.ask import LATE_S, Asker, LateAnswers
from gateway.exchange.asking.copies import Copies
from gateway.exchange.asking.inquiry import Inquiry
from gateway.exchange.parts import Parts
from gateway.exchange.stages import as_error
from gateway.model.exchange import Outcome, Refusal
from gateway.model.handed.searches import SearchCommand
from gateway.model.names import MemberId
from gateway.model.requester import Officer
from gateway.model.search import Line, Search
from gateway.ports.officers import Ended
from gateway.records.identifiers.query_forms import check_forms

T = TypeVar("T")

KEPT_US = 48 * 3600 * 1_000_000
"""The time for which a search can be read: query-only data vanish in 48 hours (DUTY-L16)."""

_MAX_RUNNING = 256
_ELSEWHERE_US = int(LATE_S * 1_000_000)
_LOOK_S, _LATE_LOOK_S = 0.25, 1.0
_COLLECTED_S = 60.0
"""The seconds for which a search that was begun stays in memory: its caller has not seen records for a single use."""

_KIND = "search"
_KEYS = "idempotency"

_search = converter(Search)


class OfficerSearches:
    """`gateway.ports.officers.Searches` over the asker and the document store.

    `shared`: other processes of this node run searches, too. A search of theirs is read from the store until it has
    ended there. When that takes longer than a search can, its process is gone. `admit` raises `Unavailable` while no
    search is taken. `heard` is called with each line and when it was asked for. `filtered` returns a search without
    the records that may not be shown any more to an officer of an office; it reads the database. `forked` tells whether
    two versions of a log are known: an answer from it is shown with that.
    """

    def __init__(
        self,
        parts: Parts,
        asker: Asker,
        admit: Callable[[], None] = lambda: None,
        *,
        shared: bool = False,
        heard: Callable[[Line, int], None] = lambda _line, _asked_us: None,
        filtered: Callable[[Search, str], Search] = lambda search, _office: search,
        forked: Callable[[str], bool] = lambda _log: False,
    ) -> None:
        self._parts = parts
        self._admit = admit
        self._shared = shared
        self._heard = heard
        self._filtered = filtered
        self._forked = forked
        self._asker = asker
        self._copies = Copies(parts.documents)
        self._running: dict[str, _Running] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    async def start(self, officer: Officer, command: SearchCommand) -> Search:
        """Run a search to the end of its budget; for a repeated idempotency key, return the first search.

        The search goes on when the caller hangs up: its questions are on their way, and their answers are logged.
        """
        search, run = await self._taken(officer, command)
        if run is None:
            return await self._finished(officer, search.id)
        return await self._shown(officer, await asyncio.shield(run))

    async def begin(self, officer: Officer, command: SearchCommand, ended: Ended) -> Search:
        """Begin a search, and return it as it is now; for a repeated idempotency key, return the first search.

        `ended` is called when the budget of a new search is over, and at once for an earlier one.
        """
        search, run = await self._taken(officer, command, _COLLECTED_S)
        if run is None:
            ended(search.id, None)
        else:
            run.add_done_callback(partial(_ran, ended, search.id))
        return search

    async def _taken(
        self, officer: Officer, command: SearchCommand, kept_s: float = 0.0
    ) -> tuple[Search, asyncio.Task[Search] | None]:
        """Return a new search and the task that runs it, or the first search of a repeated idempotency key."""
        self._admit()
        now_us = self._parts.clock.now_us()
        check_forms(command.query, now_us)
        trace = self._parts.recorder.begin(command.traceparent, command.tracestate)
        inquiry = Inquiry(officer, command, secrets.token_hex(16), now_us, self._parts.policy(), trace)
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
            return await self.get(officer, first), None
        return running.search, self._keep(self._run(inquiry, running, kept_s))

    async def _drop(self, search_id: str) -> None:
        """Forget a search whose key belongs to an earlier one."""
        del self._running[search_id]
        await asyncio.to_thread(self._parts.documents.delete, _KIND, search_id)

    async def _run(self, inquiry: Inquiry, running: _Running, kept_s: float) -> Search:
        late: LateAnswers = {}
        try:
            late = await self._asker.run(inquiry, partial(self._add, running))
            waited = tuple(member for member, task in late.items() if not task.done())
            running.change(replace(running.search, done=True, waiting_for=(), awaiting_late=waited))
        except Exception as error:
            running.change(_broken_off(running.search, as_error(error)))
            raise
        finally:
            for member in running.search.awaiting_late:
                late[member].add_done_callback(partial(self._end_late, running, member))
            try:
                await self._save(running)
            finally:
                asyncio.get_running_loop().call_later(kept_s, self._collected, running)
        return running.search

    def _end_late(self, running: _Running, member: MemberId, task: asyncio.Task[None]) -> None:
        """Note that no answer of `member` can come any more."""
        if task.cancelled():  # the node stops, and stores no more
            return
        left = tuple(other for other in running.search.awaiting_late if other != member)
        running.change(replace(running.search, awaiting_late=left))
        self._keep(self._save(running)).add_done_callback(lambda _task: self._leave(running))

    def _collected(self, running: _Running) -> None:
        running.is_collected = True
        self._leave(running)

    def _leave(self, running: _Running) -> None:
        """Keep a search in the store only, once no answer to it can come and its caller had the time to see it."""
        if running.search.is_over and running.is_collected:
            self._running.pop(running.search.id, None)

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
            raise Unknown(
                "no such search",
                where=search_id[:64],
                remedy="a search can be read for 48 hours, by the officer who asked",
            )
        return await self._shown(officer, search)

    async def _shown(self, officer: Officer, search: Search) -> Search:
        """Return a search without the records that its officer may not see any more, and with what is in doubt."""
        if any(self._forked(line.log) for line in search.lines):
            lines = tuple(replace(line, log_forked=self._forked(line.log)) for line in search.lines)
            search = replace(search, lines=lines)
        if not any(hit.record for line in search.lines for hit in line.hits):
            return search
        return await asyncio.to_thread(self._filtered, search, officer.office)

    async def follow(self, officer: Officer, search_id: str) -> AsyncGenerator[Search, None]:
        """Yield the search each time that a line is added, until no late answer can come any more."""
        search = await self.get(officer, search_id)
        yield search
        running = self._running.get(search_id)
        while not search.is_over:
            if running is not None:
                search = await running.next(search)
                yield await self._shown(officer, search)
                continue
            await asyncio.sleep(_LATE_LOOK_S if search.done else _LOOK_S)
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
        """Return a search once its budget is over."""
        async with aclosing(self.follow(officer, search_id)) as states:
            return await anext(search async for search in states if search.done)

    def _begin(self, inquiry: Inquiry) -> Search:
        return Search(inquiry.search_id, inquiry.officer.person, self._parts.clock.now_us(), False, inquiry.command.to)

    def _add(self, running: _Running, line: Line) -> None:
        """Add a line; a late answer replaces the line of silence."""
        search = running.search
        self._heard(line, search.started_us)
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
    return hashlib.sha256(repr(replace(command, traceparent="", tracestate="")).encode()).hexdigest()


def _ended(search: Search) -> Search:
    """Return an interrupted search as over: the counterparts that were waited for are silent."""
    lines = tuple(Line(member, Outcome.SILENT) for member in search.waiting_for)
    return replace(search, done=True, waiting_for=(), lines=search.lines + lines, awaiting_late=())


def _broken_off(search: Search, why: LiaisonError) -> Search:
    """Return a search that our own node could not run to its end."""
    return replace(_ended(search), failed=Refusal(why.reason, why.code, why.message))


def _ran(ended: Ended, search_id: str, run: asyncio.Task[Search]) -> None:
    ended(search_id, None if run.cancelled() else run.exception())


class _Running:
    """A search in memory, and an event for its followers."""

    def __init__(self, search: Search) -> None:
        self.search = search
        self.saving = asyncio.Lock()
        self.is_collected = False
        self._changed = asyncio.Event()

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
