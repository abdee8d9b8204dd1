"""Make the threads with counterparts follow a watch of ours: send it, renew it, pause it, end it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import ClassVar

from msgspec.structs import replace

from gateway.desk.acting.home import Stand, approval
from gateway.desk.acting.parts import DeskParts
from gateway.desk.delivery.authoring import Post
from gateway.desk.own.spread import LOOKED_AFTER, Clocked, Spread
from gateway.desk.raising import End, ended_works
from gateway.desk.watches.values import LIVE, WATCHES, OwnAddressee, OwnWatch, WhyPaused
from gateway.errors import Stale
from gateway.model.desk.notices import Body, Change, ChangeCode, NoticeType, Status, StatusCode
from gateway.model.desk.threads import Side, ThreadKey, ThreadState
from gateway.model.desk.watches import Watch
from gateway.model.names import ExchangeId
from gateway.ports.desk import Thread, WorkFilter
from gateway.statements.notices.notice import parse_notice

_UNSENT = frozenset({Stand.DECLINED, Stand.LAPSED, Stand.OVER})
"""The ends of a watch without a word to its recipients: they never got it, or know its time."""


class WatchSpread(Spread[OwnWatch, OwnAddressee]):
    """Brings watches of ours to their recipients.

    `why_paused` says why those of a person are paused at a time; None where they go on.
    """

    home = WATCHES
    remembers: ClassVar = True

    def __init__(self, desk: DeskParts, why_paused: Callable[[str, int], WhyPaused | None]) -> None:
        super().__init__(desk)
        self._why_paused = why_paused

    def changed(self) -> Stale:
        """Return the refusal of what was drafted before the watch changed."""
        return Stale("the watch has changed meanwhile", code="not-now", where="watch", remedy="read it again")

    def to(self, value: OwnWatch) -> Iterable[OwnAddressee]:
        """Return the recipients."""
        return value.to

    def missing(self, value: OwnWatch, to: OwnAddressee, thread: Thread | None) -> Post | None:
        """Return the next notice to one recipient."""
        body = self._body(value, to, thread)
        if body is None:
            return None
        post = self.post(to.member, body, value.author, value.approver, value.purpose, value.offence)
        expires_us = value.until_us if isinstance(body, Watch) else 0
        return dataclasses.replace(
            post, case=value.case, agreement=to.agreement, expires_us=expires_us, group_id=value.id
        )

    def _body(self, watch: OwnWatch, to: OwnAddressee, thread: Thread | None) -> Body | None:
        asked = Watch(watch.subject, watch.until_us, watch.revalidate_by_us, watch.no_tip_off)
        if thread is None:
            return asked if watch.stand is Stand.ON else None
        if thread.state in (ThreadState.ENDED, ThreadState.EXPIRED):
            return None
        if watch.stand is Stand.ON:
            is_told = thread.state is not ThreadState.PAUSED and self._last(thread.key) == asked
            return None if is_told or thread.state is ThreadState.REFUSED else asked
        if watch.stand is Stand.PAUSED:
            return Status(self._newest(thread.key), StatusCode.PAUSED, watch.reason) if thread.state in LIVE else None
        if watch.is_alive or watch.stand in _UNSENT:
            return None
        return Change(ChangeCode.WITHDRAWN, of=to.thread_id)

    def _last(self, key: ThreadKey) -> Body | None:
        row = self._desk.store.notice(key.peer, self._newest(key))
        return parse_notice(row.envelope).body if row is not None and row.envelope else None

    def _newest(self, key: ThreadKey) -> ExchangeId:
        """Return the id of our newest notice of what is watched in a thread."""
        rows = [row for row in self._desk.store.notices(key) if row.placed.side is Side.OPENER and row.placed.seq]
        own = [row for row in rows if row.placed.type is NoticeType.WATCH]
        return max(own, key=lambda row: row.placed.seq).notice_id if own else key.thread_id

    def settled(self, thread: Thread, value: OwnWatch) -> Clocked[OwnWatch] | None:
        """Close the thread at home of a watch that is over, and of which all recipients know that."""
        if thread.state not in LOOKED_AFTER or value.is_alive:
            return None
        return Clocked(value, f"watch-{value.stand}", ThreadState.ENDED)

    def due(self, thread: Thread, value: OwnWatch, now_us: int) -> Clocked[OwnWatch] | None:
        """Return what a clock makes of a watch: over, not approved in time, or paused.

        One that was approved before goes on until its own times end it.
        """

        def changed(code: str, stand: Stand, why: str = "") -> Clocked[OwnWatch]:
            after = replace(value, stand=stand, reason=why)
            return Clocked(after, code, state_at_home(after, thread.state))

        if value.is_alive and value.until_us <= now_us:
            over = changed("watch-over", Stand.OVER)
            ended = ended_works(self._desk.store.works(WorkFilter(key=thread.key)), End.EXPIRED, now_us)
            return dataclasses.replace(over, value=replace(over.value, renewal=None), works=ended)
        is_new = value.stand is Stand.WAITING
        work = approval(self._desk.store, thread.key) if is_new or value.renewal is not None else None
        if work is not None and work.due_us <= now_us:
            after = replace(value, stand=Stand.LAPSED) if is_new else replace(value, renewal=None)
            done = replace(work, done_us=now_us, result="lapsed")
            return Clocked(after, "draft-lapsed", state_at_home(after, thread.state), (done,))
        if value.stand is not Stand.ON:
            return None
        why = WhyPaused.NOT_REVALIDATED if value.revalidate_by_us <= now_us else None
        why = why or self._why_paused(value.author.person, now_us)
        return changed("watch-paused", Stand.PAUSED, why.value) if why is not None else None


def state_at_home(watch: OwnWatch, before: ThreadState) -> ThreadState:
    """Return the state of the thread at home; it ends once all recipients were told."""
    return {Stand.ON: ThreadState.OPEN, Stand.PAUSED: ThreadState.PAUSED}.get(watch.stand, before)
