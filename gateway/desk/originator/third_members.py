"""Tell third members of an owner's change, to which a record was passed on with its consent, and tell the owner.

The record itself went from hand to hand: what we have is the consent, as a copy in the ledger. Each holder has work of
its own here, raised in the transaction that takes the owner's change. Until it is done

1. the holder is told by a change of ours, in a thread whose id is made of the owner's notice and the holder
2. the holder's word changes the copy in our ledger
3. the owner is told (`ONWARD`), in the transaction that ends the work

A holder that takes no notices is told by a human, who says so.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass

from msgspec.structs import replace

from gateway.desk.acting.parts import Actor, DeskParts
from gateway.desk.delivery.authoring import Post
from gateway.desk.delivery.effects import Effects
from gateway.desk.originator.meant import first_notice, keeps
from gateway.desk.raising import for_complying
from gateway.errors import Refused, Stale
from gateway.model.desk.notices import ERASED_THERE, OBJECTED_THERE, Body, Change, Notice, Status, StatusCode
from gateway.model.desk.threads import ThreadKey
from gateway.model.desk.work import Direction, HoldingState, WorkKind
from gateway.model.names import ExchangeId, MemberId
from gateway.model.requester import NODE, node_itself
from gateway.ports.desk import DeskStore, Holding, Thread, Work

_THIRD = "third-"
_WAITING = frozenset({HoldingState.HELD, HoldingState.CHANGING})


def passed_on_by_us(store: DeskStore, change: Change, owner: MemberId, holder: str = "") -> list[Holding]:
    """Return the copies of an owner's records, of those that a change names, that we passed on; none that is ended."""
    if not change.records:
        return []
    given = store.holdings(jtis=change.records, direction=Direction.OUT, holder=holder)
    return [copy for copy in given if copy.owner == owner and (holder or copy.state is not HoldingState.ENDED)]


def work_of_third(thread: Thread, notice: Notice, holder: MemberId, now_us: int) -> Work:
    """Return the work of having an owner's change obeyed by a third member."""
    assert isinstance(notice.body, Change)
    return for_complying(thread, notice, notice.body, now_us, part=f"{_THIRD}{holder}")


def third_of(work: Work) -> str:
    """Return the third member that work is about; empty where we obey a change ourselves."""
    last = work.id.rpartition(".")[2]
    return last.removeprefix(_THIRD) if work.kind is WorkKind.COMPLY and last.startswith(_THIRD) else ""


def answer_under(desk: DeskParts, notice: Notice, work: Work, body: Body, actor: Actor | None) -> Post:
    """Return our word under a counterpart's change: the node's own, or that of a person."""
    if actor is None:
        return Post.under(notice.head, body, node_itself(desk.parts.member, work.agency))
    officer = actor.officer
    who = officer.as_requester(desk.pseudonym(officer.person, work.key.peer))
    return Post.under(notice.head, body, who, officer)


@dataclass(frozen=True, slots=True)
class ThirdMembers:
    """Has owners' changes obeyed by those to whom we passed records on."""

    desk: DeskParts

    async def look(self, work: Work) -> None:
        """Do what is next for the holder of this work."""
        holder, notice = MemberId(third_of(work)), await asyncio.to_thread(self._change, work)
        if notice is None:
            return
        key = ThreadKey(holder, _thread_id(notice, holder))
        if await asyncio.to_thread(self.desk.store.thread, key) is None:
            await self._tell(key, notice, work)
            return
        copies = await asyncio.to_thread(self._copies, notice, holder)
        if not any(copy.state in _WAITING for copy in copies):
            is_objected = any(copy.state is HoldingState.OBJECTED for copy in copies)
            await self._report(work, notice, OBJECTED_THERE if is_objected else ERASED_THERE, (), None)

    async def settle(self, work: Work, actor: Actor, text: str, *, objects: bool) -> None:
        """Tell the owner what a human has heard from the holder. Raises `Stale` where the change is erased."""
        notice = await asyncio.to_thread(self._change, work)
        if notice is None:
            raise Stale("the change is erased", code="erased", where="work", remedy="liaison desk list")
        copies = await asyncio.to_thread(self._copies, notice, third_of(work))
        assert isinstance(notice.body, Change)
        gone = HoldingState.HIDDEN if keeps(notice.body) else HoldingState.ENDED
        state = HoldingState.OBJECTED if objects else gone
        ended = tuple(replace(copy, state=state, due_us=0) for copy in copies)
        await self._report(work, notice, OBJECTED_THERE if objects else ERASED_THERE, ended, actor, text)

    def _change(self, work: Work) -> Notice | None:
        found = first_notice(self.desk.store, work.key)
        return found[1] if found is not None and isinstance(found[1].body, Change) else None

    def _copies(self, notice: Notice, holder: str) -> list[Holding]:
        assert isinstance(notice.body, Change)
        return passed_on_by_us(self.desk.store, notice.body, notice.sender, holder)

    async def _tell(self, key: ThreadKey, notice: Notice, work: Work) -> None:
        """Open the thread with the holder; another process of this node may have opened it meanwhile."""
        change = notice.body
        assert isinstance(change, Change)
        copies = await asyncio.to_thread(self._copies, notice, key.peer)
        told = replace(change, records=tuple(copy.jti for copy in copies), of="", record="", owner=notice.sender)

        def first_only(before: Thread | None, _after: Thread, _notice: Notice) -> Effects:
            if before is not None:
                raise Stale("the holder is told already", code="not-now", where="thread")
            return Effects()

        who = node_itself(self.desk.parts.member, work.agency)
        post = Post.under(notice.head, told, who)
        try:
            await self.desk.author.open(key.peer, post, first_only, key.thread_id)
        except Stale as error:
            if error.code != "not-now":
                raise
        except Refused:  # it is no member, or takes no changes: the work waits for a human
            return

    async def _report(
        self,
        work: Work,
        notice: Notice,
        reason: str,
        copies: tuple[Holding, ...],
        actor: Actor | None,
        text: str = "",
    ) -> None:
        """Tell the owner; the end of the work is one transaction with that."""
        status = Status(notice.head.notice_id, StatusCode.ONWARD, reason, text, holder=third_of(work))
        by = actor.officer.person if actor is not None else NODE

        def also(_before: Thread | None, _after: Thread, told: Notice) -> Effects:
            now = self.desk.store.work(work.id)
            if now is None or now.done_us:
                raise Stale("this was done before", code="already-decided", where="work", remedy="liaison desk show")
            ended = replace(now, done_us=told.issued_us, by=by, result=reason)
            return Effects(works=(ended,), holdings=copies)

        try:
            await self.desk.author.post(work.key, answer_under(self.desk, notice, work, status, actor), also)
        except Stale as error:
            if actor is not None or error.code != "already-decided":
                raise


def _thread_id(notice: Notice, holder: MemberId) -> ExchangeId:
    """Return the id of the thread in which a holder is told of an owner's change: it is told once."""
    parts = (notice.sender, notice.head.notice_id, holder)
    return ExchangeId(hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:32])
