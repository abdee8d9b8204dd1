"""Tell how watches stand: ours at each recipient with what they met, and those of counterparts on our records."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import msgspec

from gateway.desk.acting.home import Stand
from gateway.desk.acting.parts import Actor, DeskParts
from gateway.desk.acts import Act
from gateway.desk.entries import desk_act
from gateway.desk.fold import state_by_clock
from gateway.desk.listing import USUAL_LISTED, Slice, slice_of
from gateway.desk.roles import Matter, may
from gateway.desk.watches.values import LIVE, OwnWatch, WhyPaused, hit_id
from gateway.exchange.parts import Parts
from gateway.model.desk.notices import Head, Notice, NoticeType, Reply, Status, StatusCode
from gateway.model.desk.threads import Placed, Side, ThreadKey, ThreadKind, ThreadState
from gateway.model.desk.watches import Watch, Watched
from gateway.model.desk.work import DeliveryState, Direction, HoldingState
from gateway.model.faces.fields import Said
from gateway.model.hit import Hit
from gateway.model.names import ExchangeId, MemberId, new_exchange_id
from gateway.ports.desk import ListPlace, NoticeRow, Thread
from gateway.statements.notices.notice import parse_notice

_ALL = (*LIVE, ThreadState.PAUSED, ThreadState.REFUSED)


class MetThere(msgspec.Struct, frozen=True):
    """A hit that a recipient reported: the notice's id, the place of the hit in it, and when we took it."""

    notice_id: ExchangeId
    number: int
    hit: Hit
    time_us: int


class WatchStand(msgspec.Struct, frozen=True):
    """The standing of a watch of ours at one recipient.

    `state` is that of its thread by the clock, `delivery` that of our newest notice. `stopped` is the code of why it
    does not count there now, empty where it does. `watched` is what is watched there.
    """

    member: MemberId
    thread_id: Annotated[ExchangeId, Said(name="thread")]
    state: str
    delivery: str
    problem: str
    stopped: str
    text: str
    watched: Watched | None
    hits: tuple[MetThere, ...]


class TakenWatch(msgspec.Struct, frozen=True):
    """A watch of a counterpart on our records; `told` counts the hits that it was told of."""

    key: ThreadKey
    head: Head
    watch: Watch
    state: str
    stopped: str
    watched: Watched | None
    told: int


def why_still(parts: Parts, peer: MemberId, purpose: str) -> str:
    """Return the code of why a watch between us and a counterpart stands still now; empty where it does not."""
    if not parts.trust().active(peer):
        return "counterpart-removed"
    return "suspended" if parts.suspensions.suspends(peer=peer, purpose=purpose) is not None else ""


@dataclass(frozen=True, slots=True)
class Standing:
    """Reads how watches stand."""

    desk: DeskParts

    async def ours(self, watch: OwnWatch) -> tuple[WatchStand, ...]:
        """Return how a watch of ours stands at each recipient."""
        return await asyncio.to_thread(lambda: tuple(self._stand(watch, to.member, to.thread_id) for to in watch.to))

    async def theirs(self, actor: Actor, *, limit: int = USUAL_LISTED, after: str = "") -> Slice[TakenWatch]:
        """Return watches of counterparts on our records, the newest first, without those that no person is shown.

        The page begins behind the place `after`. The entry of this reading is durable before anything is returned.
        Raises `Forbidden` for a person whose role does not see them.
        """
        may(actor.person, Act.SEE_WATCHES, Matter(""), self.desk.parts.clock.now_us())
        found = await asyncio.to_thread(self._taken, limit, after)
        key, read = ThreadKey(self.desk.parts.member, new_exchange_id()), [each.key.thread_id for each in found.items]
        draft = desk_act(actor.officer, "read-watches", key, content={"threads": read})
        await self.desk.pen.write(self.desk.parts.member, key, lambda: draft)
        return found

    def _stand(self, watch: OwnWatch, member: MemberId, thread_id: ExchangeId) -> WatchStand:
        store, key = self.desk.store, ThreadKey(member, thread_id)
        thread = store.thread(key)
        if thread is None:
            return WatchStand(member, thread_id, ThreadState.NEW.value, "", "", "", "", None, ())
        sent = sorted(store.deliveries(tuple(DeliveryState), key=key), key=lambda each: each.seq)
        rows = [(row, parse_notice(row.envelope)) for row in store.notices(key) if row.envelope]
        statuses = [each.body for row, each in rows if row.placed.side is Side.OTHER and isinstance(each.body, Status)]
        state = state_by_clock(thread, self.desk.parts.clock.now_us())
        said = next((each for each in reversed(statuses) if each.code is StatusCode.CANNOT), None)
        stopped = said.reason if said is not None and thread.state is ThreadState.REFUSED else ""
        if not stopped and watch.stand is Stand.ON:
            stopped = why_still(self.desk.parts, member, watch.purpose.value)
        return WatchStand(
            member,
            thread_id,
            state.value,
            sent[-1].state.value if sent else "",
            sent[-1].problem if sent else "",
            stopped,
            said.text if said is not None and thread.state is ThreadState.REFUSED else "",
            next((each.watched for each in reversed(statuses) if each.watched is not None), None),
            tuple(self._met(key, rows)),
        )

    def _met(self, key: ThreadKey, rows: Sequence[tuple[NoticeRow, Notice]]) -> list[MetThere]:
        """Return the hits that were told, without those that their owner has taken back."""
        found = [
            MetThere(row.notice_id, number, hit, row.time_us)
            for row, notice in rows
            if isinstance(notice.body, Reply)
            for number, hit in enumerate(notice.body.hits)
        ]
        ids = {hit_id(key.thread_id, each.hit.reference) for each in found}
        held = self.desk.store.holdings(jtis=ids, direction=Direction.IN, holder=self.desk.parts.member) if ids else []
        gone = {row.jti for row in held if row.owner == key.peer and row.state is not HoldingState.HELD}
        return [each for each in found if hit_id(key.thread_id, each.hit.reference) not in gone]

    def _taken(self, limit: int, after: str) -> Slice[TakenWatch]:
        def read(behind: ListPlace | None, count: int) -> list[Thread]:
            return self.desk.store.threads(
                kinds=(ThreadKind.WATCH,), states=_ALL, opener=False, behind=behind, limit=count
            )

        def fits(thread: Thread) -> TakenWatch | None:
            if is_quiet(self.desk.store.placed(thread.key)):
                return None
            found = self._theirs(thread)
            return found if found is not None and not found.watch.no_tip_off else None

        return slice_of(read, fits, limit, after)

    def _theirs(self, thread: Thread) -> TakenWatch | None:
        now_us = self.desk.parts.clock.now_us()
        rows = [(row, parse_notice(row.envelope)) for row in self.desk.store.notices(thread.key) if row.envelope]
        asked = [notice for row, notice in rows if row.placed.type is NoticeType.WATCH]
        if not asked or not isinstance(watch := asked[-1].body, Watch):
            return None
        statuses = [notice.body for _, notice in rows if isinstance(notice.body, Status)]
        state, stopped = state_by_clock(thread, now_us), ""
        if state in LIVE and watch.revalidate_by_us <= now_us:
            state, stopped = ThreadState.PAUSED, WhyPaused.NOT_REVALIDATED.value
        elif state in (ThreadState.PAUSED, ThreadState.REFUSED):
            said = [each.reason for each in statuses if each.code in (StatusCode.PAUSED, StatusCode.CANNOT)]
            stopped = said[-1] if said else ""
        return TakenWatch(
            thread.key,
            asked[-1].head,
            watch,
            state.value,
            stopped or why_still(self.desk.parts, thread.key.peer, asked[-1].head.purpose.value),
            next((each.watched for each in reversed(statuses) if each.watched is not None), None),
            sum(len(notice.body.hits) for _, notice in rows if isinstance(notice.body, Reply)),
        )


def is_quiet(placed: Sequence[Placed]) -> bool:
    """Tell whether the notices of a thread are of a watch that no person here is shown."""
    return any(each.type is NoticeType.WATCH and each.code for each in placed)
