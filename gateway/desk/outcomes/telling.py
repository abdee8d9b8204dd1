"""Let officers tell the owner of a hit what came of it, in a thread of its own."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from msgspec.structs import replace

from gateway.desk.acting.parts import Actor
from gateway.desk.acting.persons import check_person, done
from gateway.desk.acting.step import StepParts, own_matter
from gateway.desk.acts import Act
from gateway.desk.delivery.authoring import Post, check_notice
from gateway.desk.delivery.effects import Effects
from gateway.desk.evidence.own_answers import HeldAnswers
from gateway.desk.raising import hit_of_question
from gateway.desk.roles import Matter, matter_by, matter_of, may
from gateway.desk.second_step.questions import outcome_group, questions
from gateway.errors import Forbidden, Stale, Unknown
from gateway.model.desk.notices import Notice, NoticeType, OutcomeReport, RecordPlace, Urgency
from gateway.model.desk.threads import ThreadKey, ThreadKind
from gateway.model.desk.work import WorkKind
from gateway.model.exchange import Request
from gateway.model.handed.work import HitOutcome
from gateway.model.names import MemberId, new_exchange_id
from gateway.ports.desk import Thread
from gateway.statements.notices.notice import parse_notice

_SAID = "said-already"


@dataclass(frozen=True, slots=True)
class _Told:
    """A hit, our question, what came of it, and whose matter it is."""

    peer: MemberId
    place: RecordPlace
    request: Request
    outcome: OutcomeReport
    matter: Matter


class HitOutcomes:
    """The outcomes of hits that officers were shown."""

    def __init__(self, it: StepParts, held: HeldAnswers) -> None:
        self._it = it
        self._held = held

    async def tell(self, actor: Actor, command: HitOutcome) -> ThreadKey:
        """Tell the owner what came of a hit; return the thread. The same again changes nothing.

        Raises `Unknown` for a hit that this officer was not shown, and `Forbidden` for a role that tells no outcome.
        """
        check_person(actor)
        officer = actor.officer
        matter = matter_by(officer)
        may(actor.person, Act.OUTCOME, matter, self._it.now_us)
        peer = MemberId(command.peer)
        line = await self._held.line(officer, command.search_id, peer, command.hit)
        held = await asyncio.to_thread(self._held.find, line, command.hit)
        return await self._post(actor, _Told(peer, held.place, held.request, command.outcome, matter))

    async def answer(self, actor: Actor, work_id: str, outcome: OutcomeReport) -> ThreadKey:
        """Answer the question for an outcome that an item of work is; return the thread.

        Raises `Forbidden` for a person who may not, `Stale` for work that is done.
        """
        check_person(actor)
        work = await asyncio.to_thread(self._it.open_work, work_id, WorkKind.OUTCOME)
        matter = matter_of(work)
        may(actor.person, Act.OUTCOME, matter, self._it.now_us)
        exchange_id, hit = hit_of_question(work)
        place, request = await asyncio.to_thread(self._held.of_exchange, work.key.peer, exchange_id, hit)
        return await self._post(actor, _Told(work.key.peer, place, request, outcome, matter))

    async def again(self, actor: Actor, key: ThreadKey, outcome: OutcomeReport) -> None:
        """Tell more of what came of a hit, or tell it anew, in the thread that stands.

        Raises `Forbidden` for a person who may not, or where the other side asked.
        """
        check_person(actor)
        thread = await asyncio.to_thread(self._it.thread, key)
        if not thread.opener:
            raise Forbidden("the other side opened this thread", code="not-the-asker", where="thread")
        may(actor.person, Act.OUTCOME, own_matter(thread), self._it.now_us)
        told = await asyncio.to_thread(self._last, key)
        if told is None or not isinstance(told.body, OutcomeReport):
            raise Unknown("the thread has no outcome any more", code="no-such-notice", where="thread")
        body = replace(outcome, hit=told.body.hit)
        await self._write(
            actor, key, Post.under(told.head, body, self._it.requester(actor, key.peer), actor.officer), body
        )

    async def _post(self, actor: Actor, told: _Told) -> ThreadKey:
        request, matter, group = told.request, told.matter, outcome_group(told.place)
        key = await asyncio.to_thread(self._thread_of, told.peer, group)
        body = replace(told.outcome, hit=told.place)
        post = Post(
            body,
            Urgency.ROUTINE,
            request.purpose,
            request.offence,
            self._it.requester(actor, key.peer),
            case=request.case,
            ticket=request.ticket,
            agreement=request.agreement,
            group_id=group,
            by=actor.officer,
            agency=matter.agency,
            office=matter.office,
            officer=matter.officer,
        )
        await self._write(actor, key, post, body)
        return key

    def _thread_of(self, peer: MemberId, group: str) -> ThreadKey:
        """Return the thread in which the outcome of a hit was told before, or the key of a new one."""
        found = self._it.desk.store.threads(kinds=(ThreadKind.OUTCOME,), group_id=group)
        stands = (thread.key for thread in found if thread.key.peer == peer and thread.opener and thread.ours)
        return next(stands, ThreadKey(peer, new_exchange_id()))

    async def _write(self, actor: Actor, key: ThreadKey, post: Post, body: OutcomeReport) -> None:
        """Write an outcome, and end the questions for it that are open by now; what was said last is not said again."""
        it = self._it

        def also(_before: Thread | None, _after: Thread, notice: Notice) -> Effects:
            check_notice(it.desk.parts, notice, notice.issued_us)
            last = self._last(key)
            if last is not None and last.body == body:
                raise Stale("this was said already", code=_SAID, where="outcome")
            assert body.hit is not None
            now_us, asked = notice.issued_us, questions(it.desk.store, key.peer, body.hit)
            ended = (done(each, actor, body.code.value, now_us) for each in asked if each.opened_us <= now_us)
            return Effects(works=tuple(ended))

        try:
            await it.desk.author.post(key, post, also)
        except Stale as error:
            if error.code != _SAID:
                raise

    def _last(self, key: ThreadKey) -> Notice | None:
        """Return the last notice in which we told the outcome of this hit."""
        for row in reversed(self._it.desk.store.notices(key)):
            if row.placed.type is NoticeType.OUTCOME and row.envelope:
                return parse_notice(row.envelope)
        return None
