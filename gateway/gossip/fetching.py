"""Fetch what others hold and we do not, in the background, and bounded in size, in rate and in number."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence

from gateway.clock import Clock
from gateway.errors import Contradicted, LiaisonError, Malformed, Stale, StorageBroken
from gateway.gossip.greetings import Greetings
from gateway.gossip.heads import ThirdHeads
from gateway.gossip.serving import wanted_after
from gateway.gossip.taking import Taken, take
from gateway.model.documents import Held, Kind, Wanted
from gateway.model.names import MemberId
from gateway.ports.gossip import Farewell
from gateway.recent import Recent
from gateway.rpc import methods
from gateway.rpc.contract import Calls
from gateway.trust.keeper import TrustKeeper

MAX_BYTES = 16 * 1024 * 1024
"""Bytes of one fetched chain."""

_MAX_DOCUMENTS = 256
"""Documents that are fetched from one member before others have their turn."""

_EVERY_S = 1.0
_SAME_S = 30.0
"""Seconds between two questions to a member, and where neither side has changed since the last one."""

_MOST_STRIKES = 6
"""Each question that brought documents that are refused doubles the time to the next, up to this power of two."""

_MOST_TRIED = 8_192

_State = tuple[bytes, bytes]
"""The hashes of what a member holds, and of what we hold."""

Note = Callable[[MemberId, Sequence[Taken]], Awaitable[None]]


class Fetching:
    """Asks each member whose greeting tells of other documents, one question at a time.

    `changed` is called after documents were taken, and `note` with what came of a member's documents.
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
        self._asked: dict[MemberId, tuple[float, _State]] = {}
        self._strikes: Counter[MemberId] = Counter()
        self._tried: Recent[tuple[MemberId, Held], bytes] = Recent(_MOST_TRIED)
        greetings.differs = self.differs
        greetings.leave = self.leave

    def differs(self, member: MemberId) -> None:
        """Ask a member for what it holds, unless a question is under way or was fruitless a moment ago."""
        state = (self._greetings.hash_of(member), self._greetings.held.hash)
        if self._may_ask(member, state):
            self._start(member, self._ask(member), state)

    def leave(self, member: MemberId, farewell: Farewell) -> None:
        """Take the documents for which a member ended our stream."""
        state = (hashlib.sha256(farewell.documents).digest(), self._greetings.held.hash)
        if self._may_ask(member, state):
            self._start(member, self._take(member, farewell.documents.split(b"\n")), state)

    def _may_ask(self, member: MemberId, state: _State) -> bool:
        asked_s, before = self._asked.get(member, (-_SAME_S, (b"", b"")))
        wait_s = _SAME_S if before == state else _EVERY_S * 2 ** self._strikes[member]
        return member not in self._tasks and self._clock.monotonic() - asked_s >= wait_s

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
        task.add_done_callback(lambda _task: self._tasks.pop(member, None))

    async def _ask(self, member: MemberId) -> None:
        lines = await self._calls.call(member, methods.LIST_DOCUMENTS, None)
        self._greetings.listed(member, frozenset(lines))
        held = self._greetings.held.lines
        mine = {(line.kind, line.member): line for line in held}
        lacking = [line for line in lines if line not in held and not self._is_old(line, mine)]
        untried = [line for line in lacking if not self._was_tried(member, line)]
        for line in sorted(untried, key=lambda item: list(Kind).index(item.kind))[:_MAX_DOCUMENTS]:
            await self._get(member, line, mine.get((line.kind, line.member)))

    @staticmethod
    def _is_old(line: Held, mine: Mapping[tuple[Kind, str], Held]) -> bool:
        """Tell whether we hold a newer charter or descriptor. An older status may remove more, and is looked at."""
        known = mine.get((line.kind, line.member))
        return line.kind in (Kind.CHARTER, Kind.DESCRIPTOR) and known is not None and line.version < known.version

    def _was_tried(self, member: MemberId, line: Held) -> bool:
        """Tell whether this was fetched before while we held what we hold now; what it said then it says still."""
        return self._tried.use(member, (member, line)) == self._greetings.held.hash

    async def _get(self, member: MemberId, line: Held, mine: Held | None) -> None:
        """Fetch one document, or a chain of them, and take it."""
        held = self._greetings.held.hash
        data = await self._fetch(member, wanted_after(line, mine))
        lines = [item for item in data.split(b"\n") if item]
        if line.kind is Kind.FORK:
            await asyncio.to_thread(self._heads.verify_fork, lines)
        else:
            await self._take(member, lines)
        self._tried.put(member, (member, line), held)

    async def _fetch(self, member: MemberId, wanted: Wanted) -> bytes:
        data = b""
        while True:
            part = await self._calls.call(
                member,
                methods.FETCH_DOCUMENTS,
                Wanted(wanted.kind, wanted.member, wanted.after, wanted.hash, len(data)),
            )
            data += part.data
            if len(data) >= part.total:
                return data
            if not part.data or part.total > MAX_BYTES:
                raise Malformed("the documents are too large, or do not come", code="bad-documents", where=member)

    async def _take(self, member: MemberId, lines: Iterable[bytes]) -> None:
        found = [line for line in lines if line.strip()]
        taken = await asyncio.to_thread(take, self._trust.documents, found, self._clock)
        refused = any(not isinstance(item.refusal, Stale | Contradicted | None) for item in taken)
        self._strikes[member] = min(_MOST_STRIKES, self._strikes[member] + 1) if refused else 0
        if any(item.changed or item.contradicts for item in taken):
            await self._changed()
            await self._note(member, taken)
