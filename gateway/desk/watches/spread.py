"""Make the threads with counterparts follow a watch of ours: send it, renew it, pause it, end it.

How a watch should stand is written at home first, in one transaction. What is missing in a thread is written then, and
again in the next round where the process ended in between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from msgspec.structs import replace

from gateway.desk.acting.home import Stand, approval, home_key
from gateway.desk.acting.parts import DeskParts
from gateway.desk.delivery.authoring import Also, Post
from gateway.desk.delivery.effects import Effects
from gateway.desk.delivery.permission import check_notice
from gateway.desk.ending.works import End, ended_works
from gateway.desk.entries import desk_clock
from gateway.desk.watches.values import LIVE, WATCHES, OwnAddressee, OwnWatch, WhyPaused
from gateway.errors import LiaisonError, Stale
from gateway.model.desk.notices import Body, Change, ChangeCode, Notice, NoticeType, Status, StatusCode, Urgency
from gateway.model.desk.threads import Side, ThreadKey, ThreadKind, ThreadState
from gateway.model.desk.watches import Watch
from gateway.model.names import ExchangeId, MemberId
from gateway.model.requester import Officer, Requester
from gateway.ports.desk import DeskRows, Thread, Work, WorkFilter
from gateway.ports.journal import EntryDraft
from gateway.statements.notices.notice import parse_notice

_ATTEMPTS = 8
_HOME = (ThreadState.NEW, ThreadState.OPEN, ThreadState.PAUSED)
"""The states of the threads at home of watches that are not over."""

_UNSENT = frozenset({Stand.DECLINED, Stand.LAPSED, Stand.OVER})
"""The ends of a watch without a word to its recipients: they never got it, or know its time."""

_LAPSED = "lapsed"


@dataclass(frozen=True, slots=True)
class _Step:
    """The next notice in the thread of one recipient: it is written where the thread is still at this version."""

    body: Body
    version: int


@dataclass(slots=True)
class Spread:
    """Brings watches of ours to their recipients.

    `why_paused` says why those of a person are paused at a time; None where they go on.
    """

    desk: DeskParts
    why_paused: Callable[[str, int], WhyPaused | None]
    _settled: dict[ExchangeId, int] = field(default_factory=dict)
    """The versions of watches at home whose threads all stand where they should."""

    async def bring_up(self, watch_id: ExchangeId) -> None:
        """Write what is missing in the threads of one watch; one that fails does not keep out the others."""
        key = home_key(self.desk.parts.member, watch_id)
        thread = await asyncio.to_thread(self.desk.store.thread, key)
        watch = WATCHES.read(thread, watch_id)
        problem: LiaisonError | None = None
        stands = True
        for to in watch.to:
            try:
                stands &= await self._one(watch, to)
            except LiaisonError as error:
                problem = problem or error
        if problem is not None:
            raise problem
        if stands and thread is not None and thread.state in _HOME and not watch.is_alive:
            await self.desk.pen.write_if_first(self.desk.parts.member, key, lambda: self._ended(key))
        if stands and thread is not None:
            self._settled[watch.id] = thread.version

    async def _one(self, watch: OwnWatch, to: OwnAddressee) -> bool:
        for _ in range(_ATTEMPTS):
            step = await asyncio.to_thread(self._missing, watch, to)
            if step is None:
                return True
            try:
                await self.desk.author.post(
                    ThreadKey(to.member, to.thread_id), self._post(watch, to, step), self._at(step.version)
                )
            except Stale as error:
                if error.code != "not-now":
                    raise
        return await asyncio.to_thread(self._missing, watch, to) is None

    def _at(self, version: int) -> Also:
        """Return the check that the thread is still at this version, and that policy allows the notice."""

        def also(before: Thread | None, _after: Thread, notice: Notice) -> Effects:
            if (before.version if before is not None else 0) != version:
                raise _moved()
            check_notice(self.desk.parts, notice, notice.issued_us)
            return Effects()

        return also

    def _missing(self, watch: OwnWatch, to: OwnAddressee) -> _Step | None:
        """Return the notice that brings a thread to where the watch should stand; None where it stands there."""
        key = ThreadKey(to.member, to.thread_id)
        thread = self.desk.store.thread(key)
        if thread is None:
            return _Step(_asked(watch), 0) if watch.stand is Stand.ON else None
        if thread.state in (ThreadState.ENDED, ThreadState.EXPIRED):
            return None
        if watch.stand is Stand.ON:
            if thread.state is ThreadState.REFUSED:
                return None
            is_told = thread.state is not ThreadState.PAUSED and self._last(key) == _asked(watch)
            return None if is_told else _Step(_asked(watch), thread.version)
        if watch.stand is Stand.PAUSED:
            if thread.state not in LIVE:
                return None
            return _Step(Status(self._newest(key), StatusCode.PAUSED, watch.reason), thread.version)
        if watch.is_alive or watch.stand in _UNSENT:
            return None
        return _Step(Change(ChangeCode.WITHDRAWN, of=to.thread_id), thread.version)

    def _last(self, key: ThreadKey) -> Body | None:
        row = self.desk.store.notice(key.peer, self._newest(key))
        return parse_notice(row.envelope).body if row is not None and row.envelope else None

    def _newest(self, key: ThreadKey) -> ExchangeId:
        """Return the id of our newest word of what is watched in a thread."""
        rows = [row for row in self.desk.store.notices(key) if row.placed.side is Side.OPENER and row.placed.seq]
        own = [row for row in rows if row.placed.type is NoticeType.WATCH]
        return max(own, key=lambda row: row.placed.seq).notice_id if own else key.thread_id

    def _post(self, watch: OwnWatch, to: OwnAddressee, step: _Step) -> Post:
        author, approver = watch.author, watch.approver
        return Post(
            step.body,
            Urgency.ROUTINE,
            watch.purpose,
            watch.offence,
            self._named(author, to.member),
            case=watch.case,
            agreement=to.agreement,
            expires_us=watch.until_us if isinstance(step.body, Watch) else 0,
            group_id=watch.id,
            approver=self._named(approver, to.member) if approver is not None else None,
            by=author,
            approved_by=approver,
            agency=author.agency,
            office=author.office,
            officer=author.person,
        )

    def _named(self, officer: Officer, peer: MemberId) -> Requester:
        return officer.as_requester(self.desk.pseudonym(officer.person, peer))

    def _ended(self, key: ThreadKey) -> EntryDraft:
        """Return the entry of a watch whose threads all stand where they should: the one at home is closed."""
        thread = self.desk.store.thread(key)
        watch = WATCHES.read(thread, key.thread_id)
        if thread is None or thread.state is ThreadState.ENDED:
            raise _moved()
        return self._clocked(thread, watch, ThreadState.ENDED, f"watch-{watch.stand}")

    # ------------------------------------------------------------ the clock

    async def round(self) -> None:
        """Look after our watches: not approved in time, not said again to be needed, or over."""
        problem: LiaisonError | None = None
        alive = await asyncio.to_thread(self._alive)
        self._settled = {watch.id: self._settled.get(watch.id, 0) for watch, _ in alive}
        for watch, version in alive:
            try:
                await self._look(watch, version)
            except LiaisonError as error:
                problem = problem or error
        if problem is not None:
            raise problem

    async def _look(self, watch: OwnWatch, version: int) -> None:
        key = home_key(self.desk.parts.member, watch.id)
        clocked = await asyncio.to_thread(self._due, key, watch)
        if clocked is not None:
            await self.desk.pen.write_if_first(self.desk.parts.member, key, clocked)
        if clocked is not None or self._settled.get(watch.id) != version:
            await self.bring_up(watch.id)

    def _alive(self) -> list[tuple[OwnWatch, int]]:
        me = self.desk.parts.member
        live = self.desk.store.threads(kinds=(ThreadKind.WATCH,), states=_HOME, peer=me)
        return [(WATCHES.read(one), one.version) for one in live if one.draft]

    def _due(self, key: ThreadKey, watch: OwnWatch) -> Callable[[], EntryDraft] | None:
        """Return what makes the entry of what a clock has done to a watch; None where it has done nothing."""
        now_us = self.desk.parts.clock.now_us()
        work = approval(self.desk.store, key) if watch.stand is Stand.WAITING or watch.renewal is not None else None
        if watch.is_alive and watch.until_us <= now_us:
            return lambda: self._changed(key, replace_stand(Stand.OVER), "watch-over")
        if work is not None and work.due_us <= now_us:
            return lambda: self._changed(key, _unapproved, "draft-lapsed")
        if watch.stand is not Stand.ON:
            return None
        if watch.revalidate_by_us <= now_us:
            return lambda: self._changed(key, _paused(WhyPaused.NOT_REVALIDATED), "watch-paused")
        if (why := self.why_paused(watch.author.person, now_us)) is not None:
            return lambda: self._changed(key, _paused(why), "watch-paused")
        return None

    def _changed(self, key: ThreadKey, change: Callable[[OwnWatch], OwnWatch], code: str) -> EntryDraft:
        thread, now_us = self.desk.store.thread(key), self.desk.parts.clock.now_us()
        watch = WATCHES.read(thread, key.thread_id)
        if thread is None or not watch.is_alive:
            raise _moved()
        after, waiting = change(watch), approval(self.desk.store, key)
        works: tuple[Work, ...] = ()
        if code == "draft-lapsed":
            if waiting is None:
                raise _moved()
            works = (replace(waiting, done_us=now_us, result=_LAPSED),)
        elif not after.is_alive:
            works = ended_works(self.desk.store.works(WorkFilter(key=key)), End.EXPIRED, now_us)
        return self._clocked(thread, after, state_at_home(after, thread.state), code, works)

    def _clocked(
        self, thread: Thread, watch: OwnWatch, state: ThreadState, code: str, works: tuple[Work, ...] = ()
    ) -> EntryDraft:
        after = WATCHES.moved(thread, watch, state, self.desk.parts.clock.now_us())
        return desk_clock(thread.key, code, DeskRows(thread=after, before=thread.version, works=works))


def _asked(watch: OwnWatch) -> Watch:
    """Return the watch as its recipients read it."""
    return Watch(watch.subject, watch.until_us, watch.revalidate_by_us, watch.no_tip_off)


def replace_stand(stand: Stand, reason: str = "") -> Callable[[OwnWatch], OwnWatch]:
    """Return what gives a watch another standing."""
    return lambda watch: replace(watch, stand=stand, reason=reason, renewal=None)


def _paused(why: WhyPaused) -> Callable[[OwnWatch], OwnWatch]:
    return lambda watch: replace(watch, stand=Stand.PAUSED, reason=why.value)


def _unapproved(watch: OwnWatch) -> OwnWatch:
    """Return a watch whose approval was not given in time; one that stands goes on until its own times end it."""
    if watch.stand is Stand.WAITING:
        return replace(watch, stand=Stand.LAPSED)
    return replace(watch, renewal=None)


def state_at_home(watch: OwnWatch, before: ThreadState) -> ThreadState:
    """Return the state of the thread at home; it ends once all recipients were told."""
    return {Stand.ON: ThreadState.OPEN, Stand.PAUSED: ThreadState.PAUSED}.get(watch.stand, before)


def _moved() -> Stale:
    return Stale("the watch has changed meanwhile", code="not-now", where="watch", remedy="read it again")
