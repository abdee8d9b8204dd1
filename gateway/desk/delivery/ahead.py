"""Tell a counterpart of a change although notices before it in its thread are held by a suspension.

A notice never overtakes another one of its thread. So the change is told once more, in a thread of its own, and passes.
It hides copies and ends work as if it had come in its place; there it comes once the suspension is over, and there only
does the record count that a correction brings, which is bound to its notice. The id of that
thread is made of the change, so that it is told once, also after a kill.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass

from gateway.desk.delivery.authoring import Author, Post
from gateway.desk.delivery.effects import Effects, Occasion
from gateway.desk.raising import End, ended_works
from gateway.errors import Stale, Unknown
from gateway.exchange.parts import Parts
from gateway.model.desk.notices import Change, ChangeCode, Notice, NoticeType
from gateway.model.desk.threads import ThreadKey, ThreadKind
from gateway.model.names import ExchangeId
from gateway.model.requester import node_itself
from gateway.ports.desk import Delivery, DeskStore, WorkFilter
from gateway.statements.notices.notice import parse_notice


@dataclass(frozen=True, slots=True)
class Ahead:
    """Sends changes ahead of what is held."""

    parts: Parts
    store: DeskStore
    author: Author

    async def send(self, held: Delivery) -> None:
        """Send the changes ahead that wait behind a held notice."""
        for notice in await asyncio.to_thread(self._behind, held):
            key = ThreadKey(held.key.peer, _thread_id(notice))
            if await asyncio.to_thread(self.store.thread, key) is None:
                await self._open(key, notice)

    async def _open(self, key: ThreadKey, notice: Notice) -> None:
        who = node_itself(self.parts.member, notice.head.requester.agency)
        post = Post.under(notice.head, notice.body, who)
        try:
            await self.author.open(key.peer, post, thread_id=key.thread_id)
        except Stale:  # another process was first
            return

    def _behind(self, held: Delivery) -> list[Notice]:
        found = []
        for each in self.store.deliveries(key=held.key):
            if each.type is NoticeType.CHANGE and each.seq > held.seq:
                try:
                    found.append(parse_notice(self.store.envelope(each.notice_id)))
                except Unknown:  # it is erased
                    continue
        return found


def _thread_id(notice: Notice) -> ExchangeId:
    return ExchangeId(hashlib.sha256(f"ahead {notice.head.notice_id}".encode()).hexdigest()[:32])


def withdrawn_elsewhere(it: Occasion) -> Effects:
    """Return the end of the work of an ask or alert that its author withdraws in a thread of its own."""
    change, peer = it.notice.body, it.thread.key.peer
    if it.ours or it.thread.kind is not ThreadKind.CHANGE or not isinstance(change, Change):
        return Effects()
    of = it.store.notice(peer, ExchangeId(change.of)) if change.code is ChangeCode.WITHDRAWN and change.of else None
    thread = it.store.thread(of.key) if of is not None else None
    if of is None or thread is None or thread.opener or thread.kind not in (ThreadKind.ASK, ThreadKind.ALERT):
        return Effects()
    if of.is_ours(thread):
        return Effects()
    return Effects(works=ended_works(it.store.works(WorkFilter(key=of.key)), End.WITHDRAWN, it.now_us))
