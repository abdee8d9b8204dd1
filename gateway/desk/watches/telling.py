"""Tell of what a watch has met: a counterpart by a reply, our own officer by work. Each record once for each watch.

A record that changes again is not told again, as long as it is the same record of the source: its officer has the
reference, and asks. It is told again a year later, when the ledger of copies has forgotten it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from msgspec.structs import replace

from gateway.desk.acting.home import Stand
from gateway.desk.acting.parts import DeskParts
from gateway.desk.delivery.authoring import Also, Post
from gateway.desk.delivery.effects import Effects
from gateway.desk.entries import desk_clock
from gateway.desk.raising import End, ended_works, for_reading
from gateway.desk.watches.book import LiveWatch
from gateway.desk.watches.looking import Met
from gateway.desk.watches.values import LIVE, MOST_HITS, WATCHES, OwnHit, OwnWatch, WhyStopped, hit_id
from gateway.errors import Stale
from gateway.model.desk.notices import Body, Notice, NoticeType, Reply, ReplyCode, Status, StatusCode
from gateway.model.desk.threads import Side, ThreadState
from gateway.model.desk.watches import Watched
from gateway.model.desk.work import Direction, HoldingState
from gateway.model.requester import node_itself
from gateway.ports.desk import DeskRows, Holding, NoticeRow, Thread, WorkFilter
from gateway.ports.journal import EntryDraft
from gateway.statements.notices.notice import parse_notice
from gateway.statements.notices.watch import MAX_HITS

MOST_REPLIES = 128
"""A watch that was told of so often is too wide: its thread takes no more for ever."""

_KEPT_US = 366 * 86_400_000_000
HIT = "watch-hit"
SEARCHED = "watch-searched"


@dataclass(frozen=True, slots=True)
class Telling:
    """Writes what watches have met, and how far they reach."""

    desk: DeskParts

    async def hits(self, watch: LiveWatch, met: Sequence[Met]) -> int:
        """Tell of what was not told yet; return how many that is. A watch that is over by now is told nothing."""
        new = await asyncio.to_thread(self._new, watch, met)
        for start in range(0, len(new), MAX_HITS):
            part = new[start : start + MAX_HITS]
            with suppress(Stale):  # the watch has ended, or another process was first
                await (self._at_home(watch, part) if watch.own else self._abroad(watch, part))
        return len(new)

    async def reach(self, watch: LiveWatch, watched: Watched) -> None:
        """Say what is watched, and how far back it was looked; nothing where just this was said last."""

        def also(before: Thread | None, _after: Thread, _notice: Notice) -> Effects:
            is_answered = before is not None and before.state is ThreadState.ANSWERED
            if is_answered and watched.is_as_far(told_reach(self.desk.store.notices(watch.key))):
                raise Stale("this was said already", code="not-now", where="watch")
            return Effects()

        with suppress(Stale):
            if watch.own:
                await self._write(watch, SEARCHED, lambda own, _: replace(own, watched=watched))
            else:
                await self._say(watch, Status(watch.notice_id, StatusCode.ACKNOWLEDGED, watched=watched), also)

    async def stop(self, watch: LiveWatch, why: WhyStopped | str, text: str = "") -> None:
        """Say that the watch stops here, and why."""
        with suppress(Stale):
            await self._say(watch, Status(watch.notice_id, StatusCode.CANNOT, str(why), text))

    # ------------------------------------------------------------ a counterpart

    def _new(self, watch: LiveWatch, met: Sequence[Met]) -> list[Met]:
        once = list({(each.record, each.record_type): each for each in met}.values())
        if not watch.own:
            return [each for each in once if not self._is_told(watch, each)]
        thread = self.desk.store.thread(watch.key)
        told = {(hit.source, hit.key) for hit in WATCHES.read(thread).hits} if thread is not None else set()
        return [each for each in once if (each.source, each.key) not in told]

    def _is_told(self, watch: LiveWatch, met: Met) -> bool:
        store = self.desk.store
        for row in store.holdings(record=met.record, holder=watch.peer, direction=Direction.OUT):
            notice = store.notice(watch.peer, row.source)
            if notice is not None and notice.key == watch.key and row.type == met.record_type:
                return True
        return False

    async def _abroad(self, watch: LiveWatch, met: Sequence[Met]) -> None:
        parts, request = self.desk.parts, watch.request
        assert request is not None
        case = request.case or request.ticket
        named = [
            (each, parts.make_reference(each.source, each.key, each.record_type, watch.peer, case)) for each in met
        ]
        reply = Reply(ReplyCode.HIT, hits=tuple(each.as_hit(reference) for each, reference in named))

        def also(_before: Thread | None, _after: Thread, notice: Notice) -> Effects:
            if any(self._is_told(watch, each) for each in met):
                raise Stale("this was told already", code="not-now", where="watch")
            return Effects(holdings=tuple(self._copy(watch, notice, each, name) for each, name in named))

        await self._say(watch, reply, also, met[0].agency)
        placed = await asyncio.to_thread(self.desk.store.placed, watch.key)
        if sum(each.type is NoticeType.REPLY for each in placed) >= MOST_REPLIES:
            await self.stop(watch, WhyStopped.TOO_WIDE, str(len(placed)))

    def _copy(self, watch: LiveWatch, notice: Notice, met: Met, reference: str) -> Holding:
        """Return the row by which the ledger knows that the author of a watch has the reference of a record."""
        return Holding(
            hit_id(watch.key.thread_id, reference),
            Direction.OUT,
            watch.peer,
            self.desk.parts.member,
            notice.head.notice_id,
            HoldingState.HELD,
            record=met.record,
            type=met.record_type,
            expires_us=notice.issued_us + _KEPT_US,
        )

    async def _say(self, watch: LiveWatch, body: Body, more: Also | None = None, agency: str = "") -> None:
        notice = await asyncio.to_thread(self._head, watch)
        post = Post.under(notice.head, body, node_itself(self.desk.parts.member, agency))

        def also(before: Thread | None, after: Thread, notice: Notice) -> Effects:
            if before is None or before.state not in LIVE:
                raise Stale("the watch has ended", code="not-now", where="watch")
            return more(before, after, notice) if more is not None else Effects()

        await self.desk.author.post(watch.key, post, also)

    def _head(self, watch: LiveWatch) -> Notice:
        row = self.desk.store.notice(watch.peer, watch.notice_id)
        if row is None or not row.envelope or row.placed.side is not Side.OPENER:
            raise Stale("the watch is erased", code="not-now", where="watch")
        return parse_notice(row.envelope)

    # ------------------------------------------------------------ at home

    async def _at_home(self, watch: LiveWatch, met: Sequence[Met]) -> None:
        now_us = self.desk.parts.clock.now_us()
        hits = [OwnHit(one.source, one.key, one.record_type, one.match.quality, one.rules, now_us) for one in met]

        def change(own: OwnWatch, _thread: Thread) -> OwnWatch:
            told = {(hit.source, hit.key) for hit in own.hits}
            new = tuple(hit for hit in hits if (hit.source, hit.key) not in told)
            if not new:
                raise Stale("this was told already", code="not-now", where="watch")
            met = (*own.hits, *new)
            if len(met) <= MOST_HITS:
                return replace(own, hits=met)
            # None of them is forgotten: it would be told again.
            return replace(own, hits=met[:MOST_HITS], stand=Stand.ENDED, reason=WhyStopped.TOO_WIDE, renewal=None)

        await self._write(watch, HIT, change, ", ".join(f"{one.source}/{one.key}" for one in met))

    async def _write(
        self, watch: LiveWatch, code: str, change: Callable[[OwnWatch, Thread], OwnWatch], told: str = ""
    ) -> None:
        desk = self.desk

        def draft() -> EntryDraft:
            thread, now_us = desk.store.thread(watch.key), desk.parts.clock.now_us()
            own = WATCHES.read(thread, watch.key.thread_id)
            if thread is None or thread.state is not ThreadState.OPEN:
                raise Stale("the watch has ended", code="not-now", where="watch")
            after = WATCHES.moved(thread, change(own, thread), thread.state, now_us)
            works = [for_reading(after, f"{own.id}.{after.version}", now_us)] if code == HIT else []
            if WATCHES.read(after).stand is Stand.ENDED:
                works += ended_works(desk.store.works(WorkFilter(key=watch.key)), End.WITHDRAWN, now_us)
            rows = DeskRows(thread=after, before=thread.version, works=tuple(works))
            return desk_clock(watch.key, code, rows, notice=told[:1_000])

        await desk.pen.write(desk.parts.member, watch.key, draft)


def told_reach(rows: Sequence[NoticeRow]) -> Watched | None:
    """Return the reach that we told last in a thread of a counterpart's watch; None where we told none."""
    for row in reversed(rows):
        if row.placed.type is NoticeType.STATUS and row.placed.side is Side.OTHER and row.envelope:
            body = parse_notice(row.envelope).body
            if isinstance(body, Status) and body.watched is not None:
                return body.watched
    return None
