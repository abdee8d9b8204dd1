"""Fetch what others hold and we do not, in the background, and bounded in size, in rate and in number."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from functools import partial

from gateway.clock import Clock
from gateway.errors import (
    BadSignature,
    Contradicted,
    LiaisonError,
    Malformed,
    Stale,
    StorageBroken,
    TimedOut,
    TooLarge,
    Unavailable,
)
from gateway.gossip.greetings import Greetings, ThirdHeads
from gateway.gossip.holdings import Holdings
from gateway.gossip.pace import News, Waste
from gateway.gossip.serving import MAX_BYTES, wanted_after
from gateway.gossip.taking import Sent, Taken, accept, fits, read
from gateway.model.documents import Held, Kind, Wanted
from gateway.model.names import MemberId
from gateway.ports.gossip import Farewell
from gateway.recent import Recent
from gateway.rpc import methods
from gateway.rpc.contract import Calls
from gateway.trust.documents.status import ANOTHER_DESCRIPTOR
from gateway.trust.keeper import TrustKeeper

_MIN_PART = 16 * 1024
"""Bytes of a part at least, except of the last one, so that a chain has an end."""

_MAX_DOCUMENTS = 256
"""Documents that are fetched from one member before others have their turn."""

_MAX_CHAIN = 64
"""Documents of one chain that are taken at a time; the others come with the next question."""

_EVERY_S = 1.0
_SAME_S = 30.0
"""Seconds between two questions to a member, and where neither side has changed since the last one."""

_MOST_TRIED = 8_192
_HASH_BYTES = 32

_ORDER = {kind: place for place, kind in enumerate(Kind)}

_State = tuple[bytes, bytes]
"""The hashes of what a member holds, and of what we hold."""

Note = Callable[[MemberId, Sequence[Taken]], Awaitable[None]]


class Fetching:
    """Asks each member whose greeting tells of other documents, one question at a time.

    `changed` is called after documents were taken, and `note` with what came of a member's documents. `lied` is called
    with a member whose documents are not what it said, and `slowed` with one of which there are too many.
    """

    def __init__(
        self,
        trust: TrustKeeper,
        greetings: Greetings,
        heads: ThirdHeads,
        calls: Calls,
        clock: Clock,
        changed: Callable[[], Awaitable[None]],
        note: Note,
        fatal: Callable[[BaseException], None],
    ) -> None:
        self._trust = trust
        self._greetings = greetings
        self._heads = heads
        self._calls = calls
        self._clock = clock
        self._changed = changed
        self._note = note
        self._fatal = fatal
        self._tasks: dict[MemberId, asyncio.Task[None]] = {}
        self._leaving: set[MemberId] = set()
        self._asked: dict[MemberId, tuple[float, _State]] = {}
        self._wasted = Waste(clock.monotonic)
        self._news = News(clock.monotonic)
        self._tried: Recent[tuple[MemberId, Held], tuple[Held | None, ...]] = Recent(_MOST_TRIED)
        self.lied: Callable[[MemberId], None] = lambda _member: None
        self.slowed: Callable[[MemberId], None] = lambda _member: None
        greetings.differs = self.differs
        greetings.leave = self.leave

    def differs(self, member: MemberId) -> None:
        """Ask a member for what it holds, unless a question is under way or was fruitless a moment ago."""
        state = (self._greetings.hash_of(member), self._greetings.held.hash)
        if self._may_ask(member, state):
            self._start(member, self._ask(member), state)

    def leave(self, member: MemberId, farewell: Farewell) -> None:
        """Take the documents for which a member ended our stream, in the place of a question that is under way.

        Where they bring nothing, the member is asked for those that we lack: it tells them to a node that it does not
        accept, too. The refusal of a single call has no documents.
        """
        state = (hashlib.sha256(farewell.documents).digest(), self._greetings.held.hash)
        heard = self._wasted.bears(member) if farewell.documents else self._may_ask(member, state)
        if heard and member not in self._leaving:
            self._start(member, self._left(member, farewell.documents, self._tasks.get(member)), state)

    def _may_ask(self, member: MemberId, state: _State) -> bool:
        asked_s, before = self._asked.get(member, (-_SAME_S, (b"", b"")))
        wait_s = _SAME_S if before == state else _EVERY_S
        due = self._clock.monotonic() - asked_s >= wait_s
        return due and member not in self._tasks and self._wasted.bears(member)

    async def close(self) -> None:
        """End all questions."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, member: MemberId, work: Coroutine[None, None, object], state: _State) -> None:
        async def guarded() -> None:
            try:
                await work
            except StorageBroken as error:
                self._fatal(error)
            except LiaisonError:
                return  # the member could not be asked, or said nonsense; its next greeting brings the next question
            finally:
                self._asked[member] = (self._clock.monotonic(), state)

        task = asyncio.create_task(guarded())
        self._tasks[member] = task
        task.add_done_callback(partial(self._ended, member))

    def _ended(self, member: MemberId, task: asyncio.Task[None]) -> None:
        if self._tasks.get(member) is task:
            del self._tasks[member]

    async def _ask(self, member: MemberId) -> None:
        lines = await self._calls.call(member, methods.LIST_DOCUMENTS, None)
        self._greetings.listed(member, frozenset(lines))
        held = self._greetings.held
        lacking = [line for line in lines if line not in held.lines and not _is_old(line, held)]
        untried = [line for line in lacking if not self._was_tried(member, line) and self._may_come(line)]
        for line in sorted(untried, key=lambda item: _ORDER[item.kind])[:_MAX_DOCUMENTS]:
            if not self._wasted.bears(member):
                return
            if line not in self._greetings.held.lines:
                await self._get(member, line)

    def _may_come(self, line: Held) -> bool:
        """Tell whether news about a member may come now; a removal always may."""
        if not (may_come := self._news.may_come(line)):
            self.slowed(MemberId(line.member))
        return may_come

    def _was_tried(self, member: MemberId, line: Held) -> bool:
        """Tell whether this was fetched before from a member, and would bring now what it brought then: nothing."""
        return self._tried.use(member, (member, line)) == _decides(line, self._greetings.held)

    async def _get(self, member: MemberId, line: Held) -> None:
        """Fetch one document, or a chain of them, and take it. What brings nothing is counted as waste."""
        held = self._greetings.held
        size = 0
        try:
            data = await self._fetch(member, wanted_after(line, held.newest.get((line.kind, line.member))))
            size, lines = len(data), [item for item in data.split(b"\n") if item]
            brings = await (self._fork(line, lines) if line.kind is Kind.FORK else self._documents(member, line, lines))
        except (Malformed, BadSignature, TooLarge):
            self._wasted.lied(member, size)
            self.lied(member)
            self._tried.put(member, (member, line), _decides(line, held))
            raise
        if brings is None:
            self._wasted.count(member, 0)
        elif not brings:
            self._wasted.count(member, size)
            self._tried.put(member, (member, line), _decides(line, held))

    async def _fork(self, line: Held, lines: list[bytes]) -> bool:
        """Verify the two heads of a fork; tell whether both are signed."""
        if hashlib.sha256(b"".join(item + b"\n" for item in lines)).digest() != line.hash:
            raise Malformed("this is not the evidence that was asked for", code="bad-documents")
        try:
            await asyncio.to_thread(self._heads.verify_fork, lines)
        except BadSignature:  # of a log whose keys we do not know, or do not trust any more
            return False
        return True

    async def _documents(self, member: MemberId, line: Held, lines: list[bytes]) -> bool | None:
        """Take documents that were fetched as `line`; tell whether they bring anything. None: they are to come again.

        Raises `Malformed` for others than those that the line tells of.
        """
        sent = await self._read(member, line, lines)
        before = await self._before(member, line, sent)
        now = self._news.admitted([*before, *sent], self._trust.view)
        brings = await self._take(member, now)
        if before and not brings:
            self._wasted.count(member, sum(len(item.line) for item in before))
        return brings or None if len(now) < len(before) + len(lines) else brings

    async def _read(self, member: MemberId, line: Held, lines: list[bytes]) -> list[Sent]:
        sent = await asyncio.to_thread(lambda: [read(item) for item in lines[:_MAX_CHAIN]])
        if not sent or not all(fits(item, line) for item in sent):
            raise Malformed("these are not the documents that were asked for", code="bad-documents", where=member)
        return sent

    async def _before(self, member: MemberId, line: Held, sent: Sequence[Sent]) -> list[Sent]:
        """Return what was written before documents that are newer than the member's list, and that we lack.

        A list is as old as the member's last look at its own files, and a document comes from the file itself. So a
        status may speak of a descriptor that no list told of yet.
        """
        found: list[Sent] = []
        held = self._greetings.held
        for kind in _needed(line, sent, held):
            about = "" if kind is Kind.CHARTER else line.member
            newest = held.newest.get((kind, about))
            wanted = Wanted(kind, about, newest.version if newest else 0, bytes(_HASH_BYTES))
            told = Held(kind, about, wanted.after, wanted.hash)
            if not self._may_come(told):
                continue
            with suppress(Unavailable, TimedOut):  # the member has none that is newer, or does not give it
                data = await self._fetch(member, wanted)
                found += await self._read(member, told, [item for item in data.split(b"\n") if item])
        return found

    async def _fetch(self, member: MemberId, wanted: Wanted) -> bytes:
        parts: list[bytes] = []
        size = total = 0
        while True:
            part = await self._calls.call(
                member, methods.FETCH_DOCUMENTS, Wanted(wanted.kind, wanted.member, wanted.after, wanted.hash, size)
            )
            size, total = size + len(part.data), total or part.total
            parts.append(part.data)
            if part.total != total:
                raise Stale("the documents have changed meanwhile", code="documents-changed", where=member)
            if size >= total:
                return b"".join(parts)
            if len(part.data) < _MIN_PART or total > MAX_BYTES:
                raise Malformed("the documents are too large, or do not come", code="bad-documents", where=member)

    async def _left(self, member: MemberId, documents: bytes, before: asyncio.Task[None] | None) -> None:
        """Take the documents for which a member ended our stream; ask for others where they bring nothing."""
        self._leaving.add(member)
        try:
            if before is not None:
                before.cancel()  # what was asked before that is answered in part, if at all
                await asyncio.wait([before])
            if not documents or not await self._take_farewell(member, documents):
                await self._ask(member)
        finally:
            self._leaving.discard(member)

    async def _take_farewell(self, member: MemberId, documents: bytes) -> bool:
        """Take the charter or the statuses of a farewell; tell whether they bring anything."""
        try:
            lines = [line for line in documents.split(b"\n") if line][:_MAX_CHAIN]
            sent = await asyncio.to_thread(lambda: [read(line) for line in lines])
        except (Malformed, BadSignature, TooLarge):
            self._wasted.lied(member, len(documents))
            self.lied(member)
            raise
        ending = [item for item in sent if item.kind in (Kind.CHARTER, Kind.STATUS)]
        try:
            if await self._take(member, self._news.admitted(ending, self._trust.view)):
                return True
        except BadSignature:  # a version whose signers are named in one that we lack
            pass
        self._wasted.count(member, len(documents))
        return False

    async def _take(self, member: MemberId, sent: Sequence[Sent]) -> bool:
        """Take documents; tell whether one of them changed something. Raises `BadSignature` where one is not signed."""
        taken = await asyncio.to_thread(accept, self._trust.documents, sent, self._clock)
        self._news.count(taken)
        if any(item.changed or isinstance(item.refusal, Contradicted) for item in taken):
            await self._changed()
            await self._note(member, taken)
        for item in taken:
            if isinstance(item.refusal, BadSignature) and item.refusal.code != ANOTHER_DESCRIPTOR:
                raise item.refusal
        return any(item.changed or item.contradicts for item in taken)


def _is_old(line: Held, held: Holdings) -> bool:
    """Tell whether we hold a newer charter or descriptor. An older status may remove more, and is looked at."""
    known = held.newest.get((line.kind, line.member))
    return line.kind in (Kind.CHARTER, Kind.DESCRIPTOR) and known is not None and line.version < known.version


def _needed(line: Held, sent: Sequence[Sent], held: Holdings) -> tuple[Kind, ...]:
    """Return the kinds of documents that stand before these and that we may lack, the one that was written last first:
    it is asked for first, so that what it needs is there by then."""
    known = held.newest.get((Kind.DESCRIPTOR, line.member))
    if line.kind is Kind.STATUS and any(item.descriptor > (known.version if known else 0) for item in sent):
        return (Kind.DESCRIPTOR, Kind.CHARTER)
    if line.kind is Kind.DESCRIPTOR and any(item.version > line.version for item in sent):
        return (Kind.CHARTER,)
    return ()


def _decides(line: Held, held: Holdings) -> tuple[Held | None, ...]:
    """Return those of our lines that decide what a document brings: other news are no reason to fetch it again."""
    before = {
        Kind.CHARTER: (Kind.CHARTER,),
        Kind.DESCRIPTOR: (Kind.CHARTER, Kind.DESCRIPTOR),
        Kind.STATUS: (Kind.CHARTER, Kind.DESCRIPTOR, Kind.STATUS),
    }.get(line.kind, ())
    return tuple(held.newest.get((kind, "" if kind is Kind.CHARTER else line.member)) for kind in before)
