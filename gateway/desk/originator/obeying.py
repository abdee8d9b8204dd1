"""Obey a counterpart's change of its records: hide in the transaction that takes it, tell the readers, erase, confirm.

Copies that may not stay are erased when half of the time for it is over, or as soon as a data officer says so; until
then the data officer can object. A legal hold keeps them, hidden, and leaves the work to the data officer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from gateway.clock import DAY_US, SECOND_US
from gateway.desk.acting.parts import Actor, DeskParts
from gateway.desk.delivery.authoring import Post
from gateway.desk.delivery.effects import Effects, Occasion
from gateway.desk.holdings.ledger import cut_row, replacement
from gateway.desk.originator.evidence import Evidence, Reader
from gateway.desk.originator.meant import copies_meant, first_notice, keeps, rows_for_missing
from gateway.desk.originator.third_members import (
    ThirdMembers,
    answer_under,
    passed_on_by_us,
    third_of,
    work_of_third,
)
from gateway.desk.raising import for_reading, for_review, work_id
from gateway.desk.roles import act_of, matter_of, may
from gateway.errors import Forbidden, LiaisonError, Stale, Unknown
from gateway.exchange.parts import Parts
from gateway.model.desk.notices import Change, ChangeCode, Notice, Status, StatusCode
from gateway.model.desk.threads import ThreadKind
from gateway.model.desk.work import Direction, HoldingState, WorkKind
from gateway.model.names import MemberId
from gateway.model.requester import NODE
from gateway.ports.desk import Holding, Thread, Work, WorkFilter
from gateway.records.verify import verify_record

Erase = Callable[[Mapping[str, list[int]], str], bool]
"""Erases the content of entries, for a notice; False where another process is at it. Raises `Forbidden` for a hold."""

_AGAIN_S = 3_600.0
"""A change whose copies are under a legal hold is tried again so often."""

_LOOK_US = 30 * SECOND_US
"""All changes that wait are looked at so often, and those that came since then in each round."""


class Obedience:
    """The effects of a change of a counterpart here (`Effect` of changes)."""

    def __init__(self, parts: Parts, evidence: Evidence) -> None:
        self._parts = parts
        self._evidence = evidence

    def effect(self, it: Occasion) -> Effects:
        """Return the rows that hide the copies, and the work of those who were shown them."""
        change = it.notice.body
        if it.ours or it.thread.kind is not ThreadKind.CHANGE or not isinstance(change, Change):
            return Effects()
        if change.owner:  # what was passed on to us is in no ledger of ours: a human obeys
            _check_owner(change, it.notice.sender, self._parts.member)
            return Effects()
        peer, us, notice_id = it.thread.key.peer, self._parts.member, it.notice.head.notice_id
        due_us = 0 if keeps(change) else change.erase_by_us
        copies = copies_meant(it.store, change, Direction.IN, us, peer)
        anew = self._anew(it, change, copies)
        hidden = [_hidden(copy, due_us, anew) for copy in copies]
        cut = [cut_row(us, peer, change.office, notice_id)] if change.office else []
        readers = sorted({who for copy in copies for who in self._evidence.readers(peer, copy)})
        first = readers[0] if readers else None
        thread = replace(it.thread, agency=first.agency, office=first.office) if first else it.thread
        told = tuple(
            replace(
                for_reading(it.thread, notice_id, it.now_us),
                id=work_id(it.thread, WorkKind.READ, notice_id, str(number)),
                agency=who.agency,
                office=who.office,
                assigned=who.person,
            )
            for number, who in enumerate(readers, 1)
        )
        if change.code is ChangeCode.WITHDRAWN:
            told += _reviews(it, readers)
        onward = [] if change.office else passed_on_by_us(it.store, change, peer)
        return Effects(
            works=told + tuple(work_of_third(thread, it.notice, holder, it.now_us) for holder in _holders(onward)),
            holdings=(
                *hidden,
                *cut,
                *rows_for_missing(it, change, us),
                *(replace(each, state=HoldingState.CHANGING, due_us=due_us or it.now_us + DAY_US) for each in onward),
                *anew,
            ),
            agency=thread.agency,
            office=thread.office,
            raises=not (keeps(change) and (copies or cut)),
        )

    def _anew(self, it: Occasion, change: Change, copies: Sequence[Holding]) -> list[Holding]:
        """Return the row of the new record that the change brings; one that does not verify is not shown."""
        parts = self._parts
        if not change.record or not copies:
            return []
        try:
            record = verify_record(
                change.record,
                parts.trust(),
                member=it.notice.sender,
                audience=parts.member,
                request_hash=self._evidence.question_hash(it.notice.sender, copies[0]),
                now_us=it.now_us,
            )
        except LiaisonError:  # the old one is hidden all the same
            return []
        return [
            Holding(
                record.jti,
                Direction.IN,
                parts.member,
                it.notice.sender,
                it.notice.head.notice_id,
                HoldingState.HELD,
                version=max((copy.version for copy in copies), default=0) + 1,
                type=record.type,
                expires_us=record.exp * SECOND_US,
            )
        ]


def _reviews(it: Occasion, readers: Sequence[Reader]) -> tuple[Work, ...]:
    """Return the reviews of those who opened what was withdrawn: their supervisors see what was done with it."""
    notice_id = it.notice.head.notice_id
    return tuple(
        replace(
            for_review(it.thread, notice_id, who.person, it.now_us),
            id=work_id(it.thread, WorkKind.REVIEW, notice_id, str(number)),
            agency=who.agency,
            office=who.office,
        )
        for number, who in enumerate(readers, 1)
        if who.person
    )


def _hidden(copy: Holding, due_us: int, anew: Sequence[Holding]) -> Holding:
    """Return a copy as it is from now on; it names the record that stands for it, where the change brings one."""
    record = replacement(anew[0].jti) if anew else copy.record
    return replace(copy, state=HoldingState.HIDDEN, due_us=due_us, record=record)


def _check_owner(change: Change, sender: MemberId, us: MemberId) -> None:
    """Raise `Forbidden` for a change of records that their author cannot have passed on to us."""
    if change.owner in (sender, us):
        raise Forbidden("these are no records of a third member", code="wrong-owner", where="owner")


def _holders(onward: Iterable[Holding]) -> list[MemberId]:
    return sorted({copy.holder for copy in onward})


@dataclass(slots=True)
class Compliance:
    """Erases what owners have changed, and confirms it. `erase` is the home's erasing.

    What was passed on to a third member is that member's to erase (`third`). What a counterpart passed on to us stands
    in no ledger of ours, so a human erases it and says so.
    """

    desk: DeskParts
    evidence: Evidence
    erase: Erase
    third: ThirdMembers
    _not_before: dict[str, float] = field(default_factory=dict)
    _looked_us: int = 0

    async def round(self) -> None:
        """Erase and confirm what is due. Runs at the leader."""
        now_us, monotonic = self.desk.parts.clock.now_us(), self.desk.parts.clock.monotonic()
        is_whole = not self._looked_us <= now_us < self._looked_us + _LOOK_US
        since_us = 0 if is_whole else self._looked_us - _LOOK_US
        wanted = WorkFilter(kinds=(WorkKind.COMPLY,), opened_after_us=since_us)
        for work in await asyncio.to_thread(self.desk.store.works, wanted):
            if third_of(work):
                await self.third.look(work)
                continue
            if self._not_before.get(work.id, 0.0) > monotonic:
                continue
            found = await asyncio.to_thread(self._change_of, work)
            if found is None or _is_for_human(found[1]) or (found[2] and now_us < work.half_us):
                continue
            try:
                await self._obey(work, *found)
            except Forbidden as error:
                if error.code != "held":
                    raise
                self._not_before[work.id] = monotonic + _AGAIN_S
            except Stale as error:
                if error.code != "already-decided":
                    raise
        if is_whole:
            self._looked_us = now_us

    async def comply(self, actor: Actor, work: str, *, objection: str = "", text: str = "") -> None:
        """Erase the copies that a change is about now, and confirm it; or object, with a code and words for the owner.

        What is objected to stays here, hidden. Of what was passed on to a third member it says what that member has
        told a human. Raises `Forbidden` where the person may not, or a legal hold stands.
        """
        item, thread, found = await asyncio.to_thread(self._open_work, work)
        may(actor.person, act_of(item, thread.kind), matter_of(item), self.desk.parts.clock.now_us())
        if third_of(item):
            await self.third.settle(item, actor, text, objects=bool(objection))
        elif objection:
            notice, copies = found[1], found[2]
            status = Status(notice.head.notice_id, StatusCode.OBJECTED, objection, text)
            await self._confirm(item, notice, status, HoldingState.OBJECTED, copies, actor)
        else:
            await self._obey(item, *found, actor)

    def _open_work(self, work: str) -> tuple[Work, Thread, tuple[Thread, Notice, list[Holding]]]:
        item = self.desk.store.work(work)
        if item is None or item.kind is not WorkKind.COMPLY:
            raise Unknown("there is no such work", code="no-such-work", where="work", remedy="liaison desk list")
        if item.done_us:
            raise _done()
        found = self._change_of(item)
        if found is None:
            raise Unknown("the change is erased", code="no-such-notice", where="work", remedy="liaison desk list")
        return item, found[0], found

    def _change_of(self, work: Work) -> tuple[Thread, Notice, list[Holding]] | None:
        """Return the thread and notice of a change that waits here, and the copies; None where it is no such work."""
        store, us = self.desk.store, self.desk.parts.member
        thread, opening = store.thread(work.key), first_notice(store, work.key)
        if thread is None or thread.kind is not ThreadKind.CHANGE or thread.opener or opening is None:
            return None
        change = opening[1].body
        assert isinstance(change, Change)
        copies = copies_meant(store, change, Direction.IN, us, work.key.peer)
        return thread, opening[1], [copy for copy in copies if copy.state is HoldingState.HIDDEN]

    async def _obey(
        self, work: Work, _thread: Thread, notice: Notice, copies: list[Holding], actor: Actor | None = None
    ) -> None:
        """Erase, then confirm. After a kill between the two, nothing is left to erase, and it is confirmed."""
        of = notice.head.notice_id
        if not copies:
            code = StatusCode.ERASED if _is_for_human(notice) else StatusCode.NOT_HELD
            await self._confirm(work, notice, Status(of, code), HoldingState.ENDED, copies, actor)
            return
        siblings = await asyncio.to_thread(self._siblings, copies)
        sources = sorted({copy.source for copy in siblings})
        places = await asyncio.to_thread(self.evidence.places, work.key.peer, sources)
        if await asyncio.to_thread(self.erase, places, of):
            await self._confirm(work, notice, Status(of, StatusCode.ERASED), HoldingState.ENDED, siblings, actor)

    def _siblings(self, copies: Iterable[Holding]) -> list[Holding]:
        """Return all copies that came in the same exchanges: an answer is erased as a whole."""
        store, found = self.desk.store, {}
        for source, owner in {(copy.source, copy.owner) for copy in copies}:
            for copy in store.holdings(source=source, direction=Direction.IN):
                if copy.owner == owner:
                    found[copy.jti] = copy
        return list(found.values())

    async def _confirm(
        self,
        work: Work,
        notice: Notice,
        status: Status,
        state: HoldingState,
        copies: Iterable[Holding],
        actor: Actor | None,
    ) -> None:
        """Tell the owner; the copies' new state and the end of the work are one transaction with that."""
        by = actor.officer.person if actor is not None else NODE
        now_us = self.desk.parts.clock.now_us()
        erased = tuple(sorted({copy.source for copy in copies})) if state is HoldingState.ENDED else ()
        effects = Effects(
            works=(replace(work, done_us=now_us, by=by, result=status.code.value),),
            holdings=tuple(replace(copy, state=state, due_us=0) for copy in copies),
            erased=tuple(source for source in erased if self.desk.store.notice(work.key.peer, source) is not None),
        )

        def also(*_: object) -> Effects:
            row = self.desk.store.work(work.id)
            if row is None or row.done_us:  # a person and the round may obey at once: one of them answers
                raise _done()
            return effects

        await self.desk.author.post(work.key, self._post(work, notice, status, actor), also)

    def _post(self, work: Work, notice: Notice, status: Status, actor: Actor | None) -> Post:
        return answer_under(self.desk, notice, work, status, actor)


def _done() -> Stale:
    return Stale("this was done before", code="already-decided", where="work", remedy="liaison desk show")


def _is_for_human(notice: Notice) -> bool:
    """Tell whether a change is about records that its author passed on to us."""
    return isinstance(notice.body, Change) and bool(notice.body.owner)
