"""Tell people of work: FLASH and URGENT at once, the rest in digests; a channel that fails is an administrator's work.

Each word is claimed before it is sent, so that of several processes one sends it. A word that a channel did not take is
sent again, after 1, 2, 4 … 60 s; the first failure is an entry with work, and so is the end of it.
"""

from __future__ import annotations

import asyncio
import hashlib
import smtplib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx2
from msgspec.structs import replace

from gateway.clock import SECOND_US
from gateway.config.sections.desk import Notify
from gateway.desk.changes import Changes
from gateway.desk.notify.channels import Channel
from gateway.desk.notify.words import AT_ONCE, Told, digest, for_whom
from gateway.desk.pen import Pen
from gateway.desk.people.directory import People
from gateway.desk.people.persons import Person
from gateway.desk.raising import for_administrator
from gateway.exchange.parts import Parts
from gateway.model.desk.threads import ThreadKey
from gateway.model.desk.work import Role
from gateway.model.names import ExchangeId
from gateway.ports.desk import DeskRows, DeskStore, Work, WorkFilter
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft

_KIND = "desk-told"
_KEPT_US = 7 * 86_400 * SECOND_US
_MOST_WAITING = 2_000
_LONGEST_WAIT_S = 60.0


@dataclass(slots=True)
class _Line:
    """The words that wait for one channel."""

    channel: Channel
    waiting: deque[Told] = field(default_factory=lambda: deque(maxlen=_MOST_WAITING))
    failures: int = 0
    not_before: float = 0.0


class Notifier:
    """Tells the people of one node of their work, in each of its processes."""

    def __init__(
        self,
        parts: Parts,
        store: DeskStore,
        pen: Pen,
        changes: Changes,
        people: People,
        settings: Notify,
        channels: Sequence[Channel],
    ) -> None:
        self._parts = parts
        self._store = store
        self._pen = pen
        self._changes = changes
        self._people = people
        self._settings = settings
        self._lines = [_Line(channel) for channel in channels]
        self._changed: deque[Work] = deque(maxlen=_MOST_WAITING)
        self._later: dict[str, dict[str, Work]] = {}
        self._next_digest: float | None = None
        self._following: asyncio.Task[None] | None = None

    async def round(self) -> None:
        """Tell of what has changed since the last round; send digests that are due, and what waits."""
        if not self._lines:
            return
        if self._following is None:
            self._following = asyncio.create_task(self._follow())
            await asyncio.sleep(0)  # it watches before the rows are read
            self._changed.extend(await asyncio.to_thread(self._store.works, WorkFilter(limit=_MOST_WAITING)))
        while self._changed:
            work = self._changed.popleft()
            await asyncio.to_thread(self._look, work)
        self._send_digests()
        for line in self._lines:
            await self._drain(line)

    async def finish(self) -> None:
        """Stop watching."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)

    async def _follow(self) -> None:
        async for change in self._changes.follow():
            self._changed.extend(change.works)

    def _look(self, work: Work) -> None:
        """Claim the words for the persons who are to know of this work; it blocks."""
        now_us = self._parts.clock.now_us()
        if work.role is Role.ADMINISTRATOR:
            return
        for person in for_whom(work, self._people, now_us):
            name = f"{work.id}.{work.level.value}" + (f".{work.alarm_us}" if work.alarm_us else "")
            key = hashlib.sha256(f"{name} {person.id}".encode()).hexdigest()
            if self._parts.documents.put_new(_KIND, key, b"1", now_us + _KEPT_US) is not None:
                continue
            if work.urgency in AT_ONCE:
                self._put(Told(name, person, 1, work.urgency, work.due_us, self._settings.console))
            else:
                self._later.setdefault(person.id, {})[work.id] = work

    def _send_digests(self) -> None:
        now = self._parts.clock.monotonic()
        if self._next_digest is None:
            self._next_digest = now + self._settings.digest_s
        if now < self._next_digest:
            return
        self._next_digest = now + self._settings.digest_s
        later, self._later = self._later, {}
        for person_id, works in later.items():
            person: Person | None = self._people.person(person_id)
            if person is not None:
                self._put(digest(person, list(works.values()), self._settings.console))

    def _put(self, told: Told) -> None:
        for line in self._lines:
            if line.channel.takes(told):
                line.waiting.append(told)

    async def _drain(self, line: _Line) -> None:
        """Send what waits for one channel, in its order, until it fails."""
        while line.waiting and self._parts.clock.monotonic() >= line.not_before:
            try:
                await asyncio.to_thread(line.channel.send, line.waiting[0])
            except (OSError, smtplib.SMTPException, httpx2.HTTPError) as error:
                line.failures += 1
                wait_s = min(2.0 ** min(line.failures - 1, 10), _LONGEST_WAIT_S)
                line.not_before = self._parts.clock.monotonic() + wait_s
                if line.failures == 1:
                    await self._write(line.channel.name, type(error).__name__)
                return
            line.waiting.popleft()
            if line.failures:
                line.failures = 0
                await self._write(line.channel.name, "")

    async def _write(self, name: str, problem: str) -> None:
        """Write that a channel fails, with work for the administrator; or that it works again, which ends the work."""
        digest_of = hashlib.sha256(f"desk channel {name}".encode()).hexdigest()
        key = ThreadKey(self._parts.member, ExchangeId(digest_of[:32]))

        def draft() -> EntryDraft:
            work = for_administrator(key, f"notify-{name}", self._parts.clock.now_us())
            if not problem:
                work = replace(work, done_us=self._parts.clock.now_us(), by="node", result="it works again")
            code = "notify-failed" if problem else "notify-works"
            return events.ALARM.draft(code=code, detail=f"{name} {problem}".strip(), rows=DeskRows(works=(work,)))

        await self._pen.write(self._parts.member, key, draft)
