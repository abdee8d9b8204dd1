"""End threads whose clock is over, and the work that an end leaves without a purpose. One entry for each, and once.

While nobody else vouches for our time nothing is over (decision 0044). A counterpart that the charter does not list as
active any more answers nothing, and is answered nothing: what it waits for here ends. Where it comes back while its ask
stands, the decision waits again, with the clock that it had.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from msgspec.structs import replace

from gateway.audit.retention.holds import Hold
from gateway.desk.ending.forgetting import forget_ended
from gateway.desk.entries import desk_clock
from gateway.desk.fold import OVER, UNTOLD_US, state_when_over
from gateway.desk.pen import Pen
from gateway.desk.raising import ENDED_BY, End, ended_works
from gateway.errors import Stale
from gateway.exchange.parts import Parts
from gateway.model.desk.threads import ThreadKey, ThreadKind, ThreadState
from gateway.model.desk.work import WorkKind
from gateway.model.names import MemberId
from gateway.ports.desk import DeskRows, DeskStore, ReportRow, Thread, Work, WorkFilter
from gateway.ports.journal import EntryDraft

FORGOTTEN = "time-over"
"""The result of work that was still open when its thread was forgotten."""

RESUMED = "counterpart-back"
_AT_ONCE = 500
_FORGET_S = 3_600.0
_ENDED_BY_REMOVAL = tuple(kind for kind, ends in ENDED_BY.items() if End.REMOVED in ends)
_UNDECIDED = (ThreadState.OPEN, ThreadState.BACK)


class Closing:
    """The round of the leader that ends and forgets threads.

    `proved_us` is our time where it is proved, else 0. `holds` are the legal holds in force, and `before_us` returns,
    for a time, the one before which an ended thread must have been closed to be forgotten.
    """

    def __init__(
        self,
        parts: Parts,
        store: DeskStore,
        pen: Pen,
        proved_us: Callable[[], int],
        holds: Callable[[int], Sequence[Hold]],
        before_us: Callable[[int], int],
    ) -> None:
        self._parts = parts
        self._store = store
        self._pen = pen
        self._proved_us = proved_us
        self._holds = holds
        self._before_us = before_us
        self._active: frozenset[str] | None = None
        self._forget_from = 0.0

    async def round(self) -> None:
        """End what is over now."""
        await self._follow_charter()
        now_us = self._proved_us()
        if not now_us:
            return
        for key in await asyncio.to_thread(self._store.ending, now_us, _AT_ONCE):
            await self._pen.write_if_first(self._parts.member, key, partial(self._over, key, now_us))
        unanswered = WorkFilter(kinds=(WorkKind.OUTCOME,), states=OVER, due_us=now_us, limit=_AT_ONCE)
        await self._end(unanswered, End.SETTLED.value)
        untold = WorkFilter(kinds=(WorkKind.OUTCOME,), threadless=True, due_us=now_us - UNTOLD_US, limit=_AT_ONCE)
        await self._end(untold, End.SETTLED.value)
        if self._parts.clock.monotonic() >= self._forget_from:
            await self._forget(now_us)
            self._forget_from = self._parts.clock.monotonic() + _FORGET_S

    async def _forget(self, now_us: int) -> None:
        """Forget threads whose time is over; work that is still open in one of them has ended before."""
        before_us = self._before_us(now_us)
        await self._end(WorkFilter(states=OVER, closed_us=before_us, limit=_AT_ONCE), FORGOTTEN)
        holds = await asyncio.to_thread(self._holds, now_us)
        await asyncio.to_thread(forget_ended, self._store, holds, before_us, now_us)

    # ------------------------------------------------------------ members of the charter

    async def _follow_charter(self) -> None:
        """End what counterparts wait for that were removed, and let it wait again for those that have come back."""
        view = self._parts.trust()
        active = frozenset(filter(view.active, view.members))
        if active == self._active or not view.members:
            return
        me = self._parts.member
        for peer in await asyncio.to_thread(self._store.working_peers):
            if peer not in active and peer != me:
                await self._end(WorkFilter(peer=peer, kinds=_ENDED_BY_REMOVAL), End.REMOVED.value)
        for back in active - (self._active or frozenset()) - {me}:
            await self._resume(MemberId(back))
        self._active = active

    async def _resume(self, peer: MemberId) -> None:
        wanted = WorkFilter(peer=peer, kinds=(WorkKind.DECIDE,), states=_UNDECIDED, open_only=False)
        ended = [work for work in await asyncio.to_thread(self._store.works, wanted) if work.result == End.REMOVED]
        for key, works in _by_thread(ended).items():
            again = [replace(work, done_us=0, result="") for work in works]
            await self._pen.write_if_first(self._parts.member, key, partial(self._changed, key, again, RESUMED))

    # ------------------------------------------------------------ in the pen

    async def _end(self, wanted: WorkFilter, result: str) -> None:
        """End open work, thread by thread."""
        found = await asyncio.to_thread(self._store.works, wanted)
        for key, works in _by_thread(found).items():
            ids = frozenset(work.id for work in works)
            await self._pen.write_if_first(self._parts.member, key, partial(self._ended, key, ids, result))

    def _over(self, key: ThreadKey, now_us: int) -> EntryDraft:
        """Draft the end of a thread by its clock. Raises `Stale` where it goes on, or a notice of ours may still come
        in time."""
        thread = self._store.thread(key)
        if thread is None or thread.state in OVER or not 0 < thread.closed_us <= now_us:
            raise _moved()
        if any(each.expires_us for each in self._store.deliveries(key=key)):
            raise _moved()
        state = state_when_over(thread.kind, thread.state)
        end = End.EXPIRED if state is ThreadState.EXPIRED else End.SETTLED
        works = ended_works(self._store.works(WorkFilter(key=key)), end, now_us)
        after = replace(thread, state=state, draft=b"", version=thread.version + 1)
        rows = DeskRows(thread=after, before=thread.version, works=works, reports=self._shelved(thread, now_us))
        return desk_clock(key, end.value, rows, due_us=thread.closed_us)

    def _shelved(self, thread: Thread, now_us: int) -> tuple[ReportRow, ...]:
        """Return the library's row of a report that is over: its end is added as a change, for those who read on."""
        is_shelved = thread.key.peer == self._parts.member or not thread.opener
        if thread.kind is not ThreadKind.REPORT or not is_shelved:
            return ()
        return (ReportRow(thread.key, 2, thread.closed_us, now_us),)

    def _ended(self, key: ThreadKey, ids: frozenset[str], result: str) -> EntryDraft:
        now_us = self._parts.clock.now_us()
        waiting = [work for work in self._store.works(WorkFilter(key=key)) if work.id in ids]
        return self._changed(
            key, [replace(work, done_us=now_us, paused_us=0, result=result) for work in waiting], result
        )

    def _changed(self, key: ThreadKey, works: Iterable[Work], code: str) -> EntryDraft:
        changed, thread = tuple(works), self._store.thread(key)
        if not changed:
            raise _moved()
        rows = DeskRows(works=changed)
        if thread is not None:
            rows = replace(rows, thread=_next(thread), before=thread.version)
        return desk_clock(key, code, rows)


def _next(thread: Thread) -> Thread:
    return replace(thread, version=thread.version + 1)


def _by_thread(works: Iterable[Work]) -> dict[ThreadKey, list[Work]]:
    found: dict[ThreadKey, list[Work]] = {}
    for work in works:
        found.setdefault(work.key, []).append(work)
    return found


def _moved() -> Stale:
    return Stale("the thread has moved on", code="thread-moved", where="thread")
