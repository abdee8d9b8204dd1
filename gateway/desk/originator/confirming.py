"""Note at the owner what became of a change at each holder, and raise an alarm where it was not obeyed in time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
from msgspec.structs import replace

from gateway.clock import DAY_US
from gateway.desk.acting.parts import DeskParts
from gateway.desk.delivery.effects import Effects, Occasion
from gateway.desk.originator.meant import copies_meant, first_notice, keeps, passed_on
from gateway.desk.raising import for_reading, work_id
from gateway.errors import Forbidden
from gateway.model.desk.notices import ERASED_THERE, OBJECTED_THERE, Change, NoticeType, Status, StatusCode
from gateway.model.desk.threads import ThreadKey, ThreadKind, ThreadState
from gateway.model.desk.work import Direction, HoldingState, Role, WorkKind
from gateway.model.names import MemberId
from gateway.ports.desk import Delivery, DeskRows, DeskStore, Holding, Thread, Work
from gateway.ports.entries import events

LATE = "late"
"""Ends the id of the work about a change that was not obeyed in time: raised once, with its alarm."""

_STATES = {
    StatusCode.ERASED: HoldingState.ENDED,
    StatusCode.NOT_HELD: HoldingState.ENDED,
    StatusCode.OBJECTED: HoldingState.OBJECTED,
}
_THIRD = {ERASED_THERE: StatusCode.ERASED, OBJECTED_THERE: StatusCode.OBJECTED}


@dataclass(frozen=True, slots=True)
class Confirmations:
    """The effects of what holders tell of a change of ours (`Effect` of statuses)."""

    member: MemberId
    store: DeskStore

    def effect(self, it: Occasion) -> Effects:
        """Return the copies in their new state, and the end of the work about a late confirmation.

        Raises `Forbidden` for a notice that is not a change of this thread, or of a holder that the member did not
        pass the record on to.
        """
        status = it.notice.body
        if it.ours or it.thread.kind is not ThreadKind.CHANGE or not isinstance(status, Status):
            return Effects()
        code = _THIRD.get(status.reason, status.code) if status.holder else status.code
        if not it.thread.opener or code not in _STATES:
            return Effects()
        if status.of != it.thread.key.thread_id:
            raise Forbidden("it tells of a notice that is no change of this thread", code="wrong-notice", where="of")
        copies = tuple(self._settled(it.thread, code, MemberId(status.holder)))
        late = [_work(it.thread, 0).id]
        if status.holder:
            late = [late_third(it.thread.key.peer, copy.jti, copy.holder) for copy in copies]
        works = [work for work in map(it.store.work, late) if work is not None and not work.done_us]
        return Effects(
            works=tuple(replace(each, done_us=it.now_us, result=status.code.value) for each in works), holdings=copies
        )

    def _settled(self, thread: Thread, code: StatusCode, third: MemberId) -> Iterator[Holding]:
        """Yield the copies of a holder, or of a third member for which it speaks, in their new state."""
        found = first_notice(self.store, thread.key)
        if found is None or not isinstance(change := found[1].body, Change):
            return
        copies = self._copies(change, third or thread.key.peer)
        through = passed_on(self.store, copies) if third else {}
        if third and any(through.get((copy.jti, third)) != thread.key.peer for copy in copies):
            raise Forbidden("it did not pass this record on to that member", code="wrong-holder", where="holder")
        state = HoldingState.HIDDEN if keeps(change) and _STATES[code] is HoldingState.ENDED else _STATES[code]
        for copy in copies:
            yield replace(copy, state=state, due_us=0)

    def received(self, delivery: Delivery) -> tuple[Holding, ...]:
        """Return the copies that a holder hides since it took a change that leaves them with it.

        A report that is withdrawn is gone there in the transaction that takes the withdrawal.
        """
        if delivery.type is not NoticeType.CHANGE:
            return ()
        thread = self.store.thread(delivery.key)
        if thread is not None and thread.kind is ThreadKind.REPORT:
            given = self.store.holdings(source=thread.key.thread_id, direction=Direction.OUT, holder=thread.key.peer)
            return tuple(replace(copy, state=HoldingState.ENDED) for copy in given if copy.owner == self.member)
        if thread is None or thread.kind is not ThreadKind.CHANGE:
            return ()
        found = first_notice(self.store, delivery.key)
        if found is None or not isinstance(change := found[1].body, Change) or not keeps(change) or change.owner:
            return ()
        copies = self._copies(change, thread.key.peer)
        return tuple(replace(copy, state=HoldingState.HIDDEN, due_us=0) for copy in copies)

    def _copies(self, change: Change, holder: MemberId) -> list[Holding]:
        owner = MemberId(change.owner) if change.owner else self.member
        copies = copies_meant(self.store, change, Direction.OUT, holder, owner)
        return [copy for copy in copies if copy.state is HoldingState.CHANGING]


class _Late(msgspec.Struct, frozen=True):
    """A change that was not obeyed in time: its thread, what the alarm says, and the work that it raises."""

    key: ThreadKey
    code: str
    detail: str
    work: Work


@dataclass(frozen=True, slots=True)
class Alarms:
    """Raises an alarm and work once for each change that was not obeyed in its time, at both sides.

    What a third member has not confirmed is an alarm of its own, since the member that told it may have obeyed.
    """

    desk: DeskParts

    async def round(self) -> None:
        """Raise what is due. Runs at the leader."""
        now_us = self.desk.parts.clock.now_us()
        for late in await asyncio.to_thread(lambda: [*self._threads(now_us), *self._thirds(now_us)]):
            draft = events.ALARM.draft(
                peer=late.key.peer,
                exchange_id=late.key.thread_id,
                code=late.code,
                detail=late.detail,
                rows=DeskRows(works=(late.work,)),
            )
            await self.desk.pen.write(self.desk.parts.member, late.key, lambda made=draft: made)  # type: ignore[misc]

    def _threads(self, now_us: int) -> Iterator[_Late]:
        """Yield the changes that a counterpart, or this side, has not obeyed."""
        store, active = self.desk.store, self.desk.parts.trust().active
        for thread in store.threads(kinds=(ThreadKind.CHANGE,), states=(ThreadState.OPEN,)):
            work = _work(thread, now_us)
            if store.work(work.id) is not None or (thread.opener and not active(thread.key.peer)):
                continue
            opening = first_notice(store, thread.key)
            change = opening[1].body if opening is not None else None
            if opening is None or not isinstance(change, Change) or not self._waits(thread, change):
                continue
            if (change.erase_by_us or opening[1].issued_us + DAY_US) <= now_us:
                code = "change-unconfirmed" if thread.opener else "change-not-obeyed"
                yield _Late(thread.key, code, f"{change.code.value} of {len(change.records)} copies", work)

    def _waits(self, thread: Thread, change: Change) -> bool:
        """Tell whether an open change has to be confirmed; one that leaves copies with the holder is by its receipt."""
        if not keeps(change) or change.owner:
            return True
        return thread.opener and bool(self.desk.store.deliveries(key=thread.key))

    def _thirds(self, now_us: int) -> Iterator[_Late]:
        """Yield the copies that were passed on, and whose end the third member has not confirmed."""
        store, trust = self.desk.store, self.desk.parts.trust()
        for holder in map(MemberId, trust.members):
            changing = store.holdings(holder=holder, direction=Direction.OUT, states=(HoldingState.CHANGING,))
            late = [one for one in changing if one.owner == self.desk.parts.member and 0 < one.due_us <= now_us]
            for (jti, _), through in passed_on(store, late).items():
                copy = next(one for one in late if one.jti == jti)
                key = ThreadKey(through, copy.source)
                thread = store.thread(key)
                if (
                    thread is not None
                    and store.work(late_third(through, jti, holder)) is None
                    and trust.active(through)
                ):
                    work = replace(_work(thread, now_us), id=late_third(through, jti, holder))
                    yield _Late(key, "change-unconfirmed", f"a copy at {holder}, through {through}", work)


def late_third(through: MemberId, jti: str, holder: MemberId) -> str:
    """Return the id of the work about a third member that has not confirmed in time."""
    return ".".join((WorkKind.READ.value, through, jti, f"{LATE}-{holder}"))


def _work(thread: Thread, now_us: int) -> Work:
    row = for_reading(thread, thread.key.thread_id, now_us, role=Role.DATA_OFFICER)
    return replace(row, id=work_id(thread, WorkKind.READ, thread.key.thread_id, LATE))
