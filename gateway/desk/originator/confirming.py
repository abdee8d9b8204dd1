"""Note at the owner what became of a change at each holder, and raise an alarm where it was not obeyed in time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from msgspec.structs import replace

from gateway.desk.delivery.effects import Effects, Occasion
from gateway.desk.originator.meant import copies_meant, first_notice, keeps
from gateway.desk.parts import DeskParts
from gateway.desk.raising import for_reading, work_id
from gateway.errors import Forbidden
from gateway.model.desk.notices import Change, NoticeType, Status, StatusCode
from gateway.model.desk.threads import ThreadKind, ThreadState
from gateway.model.desk.work import Direction, HoldingState, Role, WorkKind
from gateway.model.names import MemberId
from gateway.ports import events
from gateway.ports.desk import Delivery, DeskRows, DeskStore, Holding, Thread, Work, WorkFilter

LATE = "late"
"""Ends the id of the work about a change that was not obeyed in time: raised once, with its alarm."""

_STATES = {
    StatusCode.ERASED: HoldingState.ENDED,
    StatusCode.NOT_HELD: HoldingState.ENDED,
    StatusCode.OBJECTED: HoldingState.OBJECTED,
}


@dataclass(frozen=True, slots=True)
class Confirmations:
    """The effects of what holders tell of a change of ours (`Effect` of statuses)."""

    member: MemberId
    store: DeskStore

    def effect(self, it: Occasion) -> Effects:
        """Return the copies in their new state, and the end of the work about a late confirmation.

        Raises `Forbidden` for word of a notice that is no change of this thread.
        """
        status = it.notice.body
        if it.ours or it.thread.kind is not ThreadKind.CHANGE or not isinstance(status, Status):
            return Effects()
        if not it.thread.opener or status.code not in _STATES:
            return Effects()
        if status.of != it.thread.key.thread_id:
            raise Forbidden("it tells of a notice that is no change of this thread", code="wrong-notice", where="of")
        copies = self._copies(it.thread)
        late = it.store.works(WorkFilter(key=it.thread.key, kinds=(WorkKind.READ,)))
        return Effects(
            works=tuple(
                replace(each, done_us=it.now_us, result=status.code.value) for each in late if each.id.endswith(LATE)
            ),
            holdings=tuple(replace(copy, state=_STATES[status.code], due_us=0) for copy in copies),
        )

    def received(self, delivery: Delivery) -> tuple[Holding, ...]:
        """Return the copies that a holder hides since it took a change that leaves them with it."""
        if delivery.type is not NoticeType.CHANGE:
            return ()
        thread = self.store.thread(delivery.key)
        if thread is None or thread.kind is not ThreadKind.CHANGE:
            return ()
        found = first_notice(self.store, delivery.key)
        if found is None or not isinstance(found[1].body, Change) or not keeps(found[1].body):
            return ()
        copies = self._copies(thread)
        return tuple(replace(copy, state=HoldingState.HIDDEN, due_us=0) for copy in copies)

    def _copies(self, thread: Thread) -> list[Holding]:
        found = first_notice(self.store, thread.key)
        if found is None or not isinstance(found[1].body, Change):
            return []
        return [
            copy
            for copy in copies_meant(self.store, found[1].body, Direction.OUT, thread.key.peer, self.member)
            if copy.state is HoldingState.CHANGING
        ]


@dataclass(frozen=True, slots=True)
class Alarms:
    """Raises an alarm and work once for each change that was not obeyed in its time, at both sides."""

    desk: DeskParts

    async def round(self) -> None:
        """Raise what is due. Runs at the leader."""
        now_us = self.desk.parts.clock.now_us()
        for thread, change in await asyncio.to_thread(self._late, now_us):
            work = _work(thread, now_us)
            draft = events.ALARM.draft(
                peer=thread.key.peer,
                exchange_id=thread.key.thread_id,
                code="change-unconfirmed" if thread.opener else "change-not-obeyed",
                detail=f"{change.code.value} of {len(change.records)} copies",
                rows=DeskRows(works=(work,)),
            )
            await self.desk.pen.write(self.desk.parts.member, thread.key, lambda made=draft: made)  # type: ignore[misc]

    def _late(self, now_us: int) -> list[tuple[Thread, Change]]:
        store, active = self.desk.store, self.desk.parts.trust().active
        found = []
        for thread in store.threads(kinds=(ThreadKind.CHANGE,), states=(ThreadState.OPEN,)):
            if store.work(_work(thread, 0).id) is not None or (thread.opener and not active(thread.key.peer)):
                continue
            opening = first_notice(store, thread.key)
            change = opening[1].body if opening is not None else None
            if isinstance(change, Change) and not keeps(change) and change.erase_by_us <= now_us:
                found.append((thread, change))
        return found


def _work(thread: Thread, now_us: int) -> Work:
    row = for_reading(thread, thread.key.thread_id, now_us, role=Role.DATA_OFFICER)
    return replace(row, id=work_id(thread, WorkKind.READ, thread.key.thread_id, LATE))
