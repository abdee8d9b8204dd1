"""Mark a hit: the officer says whether it is the same person or thing. Another person is told to the owner of the hit,
which then must tell the two apart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from gateway.desk.acting.parts import Actor
from gateway.desk.acting.persons import check_person, done
from gateway.desk.acting.step import StepParts
from gateway.desk.acts import Act
from gateway.desk.delivery.authoring import Post, check_notice
from gateway.desk.delivery.effects import Effects
from gateway.desk.entries import desk_act
from gateway.desk.evidence.own_answers import HeldAnswers
from gateway.desk.raising import NOT_SAME_TOPIC, for_outcome, hit_work
from gateway.desk.roles import matter_by, matter_of, may
from gateway.desk.second_step.packages import Packages
from gateway.desk.second_step.questions import questions, questions_key
from gateway.errors import Stale, Unknown
from gateway.model.desk.notices import (
    About,
    Ask,
    Notice,
    NoticeType,
    RecordPlace,
    Status,
    StatusCode,
    Urgency,
)
from gateway.model.desk.threads import ThreadKey, ThreadKind
from gateway.model.desk.work import WorkKind
from gateway.model.exchange import Request
from gateway.model.handed.basis import MAX_REASON
from gateway.model.handed.work import Confirm, Mark, Verdict
from gateway.model.names import ExchangeId, MemberId, new_exchange_id
from gateway.model.requester import Officer
from gateway.model.values import text_value
from gateway.ports.desk import DeskRows, Thread, Work
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft
from gateway.statements.notices.notice import parse_notice

_DELIVERED_US = 7 * 86_400_000_000


class Marks:
    """Marks of officers on hits that they were shown."""

    def __init__(self, it: StepParts, held: HeldAnswers, packages: Packages) -> None:
        self._it = it
        self._packages = packages
        self._held = held

    async def mark(self, actor: Actor, command: Mark, once: ExchangeId | None = None) -> ThreadKey | None:
        """Write the mark; return the thread in which the owner is told of another person, else None.

        Under a name `once` that was used before the owner is not told again.

        Raises `Unknown` for a hit that this officer was not shown, and `Forbidden` for a role that marks none.
        """
        check_person(actor)
        text_value(command.reason, "reason", MAX_REASON)
        officer, it = actor.officer, self._it
        may(actor.person, Act.CONFIRM, matter_by(officer), it.now_us)
        peer = MemberId(command.peer)
        line = await self._held.line(officer, command.search_id, peer, command.hit)
        held = await asyncio.to_thread(self._held.find, line, command.hit)
        about = ThreadKey(peer, ExchangeId(line.exchange_id))
        work = await asyncio.to_thread(it.desk.store.work, hit_work(about, command.hit))
        await self._write(actor, about, command.hit, held.place, command.verdict, command.reason, work)
        if command.verdict is not Verdict.NOT_SAME:
            return None
        return await self._tell(actor, peer, held.place, held.request, command.reason, once)

    async def confirm(self, actor: Actor, command: Confirm, once: ExchangeId | None = None) -> ThreadKey | None:
        """Do the work of confirming a hit or an alert that was shown, or a record of a package that was opened.

        Return the thread in which the owner is told of another person, else None. Raises `Forbidden` for a person who
        may not, `Stale` for work that is done.
        """
        text_value(command.reason, "reason", MAX_REASON)
        check_person(actor)
        it = self._it
        work = await asyncio.to_thread(it.open_work, command.work, WorkKind.CONFIRM)
        may(actor.person, Act.CONFIRM, matter_of(work), it.now_us)
        if (thread := await asyncio.to_thread(it.desk.store.thread, work.key)) is not None:
            of = self._of_alert if thread.kind is ThreadKind.ALERT else self._of_package
            return await of(actor, work, command)
        hit = int(work.id.rpartition(".")[2])
        place, request = await asyncio.to_thread(self._held.of_exchange, work.key.peer, work.key.thread_id, hit)
        await self._write(actor, work.key, hit, place, command.verdict, command.reason, work)
        if command.verdict is not Verdict.NOT_SAME:
            return None
        return await self._tell(actor, work.key.peer, place, request, command.reason, once)

    async def _of_package(self, actor: Actor, work: Work, command: Confirm) -> ThreadKey | None:
        if command.verdict is Verdict.NOT_SAME:
            await self._packages.not_same(actor, work.key, command.reason)
            return work.key
        content = {"verdict": command.verdict.value}
        await self._end(actor, work.key, command.verdict, command.reason, content, work)
        return None

    async def _of_alert(self, actor: Actor, work: Work, command: Confirm) -> ThreadKey | None:
        """Write the mark on a counterpart's alert; of another person its owner is told while the alert stands."""
        told = command.verdict is Verdict.NOT_SAME and await self._alert_is_other(actor, work, command.reason)
        if not told:
            content = {"verdict": command.verdict.value}
            await self._end(actor, work.key, command.verdict, command.reason, content, work)
        return work.key if told else None

    async def _alert_is_other(self, actor: Actor, work: Work, reason: str) -> bool:
        """Tell the owner of an alert that it found another person; return False where it tells nothing any more."""
        it = self._it
        rows = await asyncio.to_thread(it.desk.store.notices, work.key)
        row = next((each for each in reversed(rows) if each.placed.type is NoticeType.ALERT and each.envelope), None)
        if row is None:
            return False
        alert = parse_notice(row.envelope)
        body = Status(row.notice_id, StatusCode.NOT_SAME, text=reason)

        def also(_before: Thread | None, _after: Thread, notice: Notice) -> Effects:
            check_notice(it.desk.parts, notice, notice.issued_us)
            return Effects(works=(done(it.open_work(work.id, WorkKind.CONFIRM), actor, "NOT_SAME", notice.issued_us),))

        post = Post.under(alert.head, body, it.requester(actor, work.key.peer), actor.officer)
        try:
            await it.desk.author.post(work.key, post, also)
        except Stale:
            return False
        return True

    async def _write(
        self,
        actor: Actor,
        about: ThreadKey,
        hit: int,
        place: RecordPlace,
        verdict: Verdict,
        reason: str,
        work: Work | None,
    ) -> None:
        content = {"hit": hit, "reference": place.reference, "verdict": verdict.value}
        asked = partial(self._questions, about.peer, place, verdict, actor)
        await self._end(actor, about, verdict, reason, content, work, asked)

    def _questions(
        self, peer: MemberId, place: RecordPlace, verdict: Verdict, actor: Actor, work: Work
    ) -> tuple[Work, ...]:
        """Return the questions for an outcome that a mark raises; of another person or thing there are none."""
        it = self._it
        known = questions(it.desk.store, peer, place, open_only=False)
        if verdict is Verdict.NOT_SAME:
            return tuple(done(each, actor, verdict.value, it.now_us) for each in known if not each.done_us)
        return () if known else for_outcome(work, questions_key(peer, place), it.now_us, it.raising("", True))

    async def _end(
        self,
        actor: Actor,
        about: ThreadKey,
        verdict: Verdict,
        reason: str,
        content: dict[str, Any],
        work: Work | None,
        asked: Callable[[Work], tuple[Work, ...]] = lambda _: (),
    ) -> None:
        """Write the mark, end the work that it does, and ask for the outcome."""
        it = self._it

        def draft() -> EntryDraft:
            before = it.desk.store.work(work.id) if work is not None else None
            ended = (done(before, actor, verdict.value, it.now_us),) if before and not before.done_us else ()
            works = (*ended, *asked(before)) if before else ()
            rows = DeskRows(works=works) if works else None
            return desk_act(actor.officer, "mark", about, work=before, reason=reason, content=content, rows=rows)

        await it.desk.pen.write(it.desk.parts.member, about, draft)

    async def compared(self, officer: Officer, search_id: str, peer: str, hit: int) -> str:
        """Return what this officer compared for a hit that they marked as the same; an empty text without a mark."""
        line = await self._held.line(officer, search_id, peer, hit)
        return await asyncio.to_thread(self._compared, officer, MemberId(peer), line.exchange_id, hit)

    def _compared(self, officer: Officer, peer: MemberId, exchange_id: str, hit: int) -> str:
        kept, kind = self._it.desk.kept, events.DESK_ACT.kind
        for log in kept.store.logs():
            for index in reversed(list(kept.store.find(log, peer=peer, exchange_id=exchange_id, kind=kind))):
                with suppress(Unknown):
                    said = kept.at(log, index, peer=peer, exchange_id=exchange_id, kinds=(kind,)).private
                    if (said.get("act"), said.get("officer")) == ("mark", officer.person):
                        content = said.get("content", {})
                        is_same = (content.get("hit"), content.get("verdict")) == (hit, Verdict.SAME.value)
                        return str(said.get("reason", "")) if is_same else ""
        return ""

    async def _tell(
        self, actor: Actor, peer: MemberId, place: RecordPlace, request: Request, reason: str, once: ExchangeId | None
    ) -> ThreadKey:
        """Tell the owner that its hit is another person; under a name that was used before it is not told again."""
        it, officer = self._it, actor.officer
        key = ThreadKey(peer, once or new_exchange_id())
        if await asyncio.to_thread(it.desk.store.thread, key) is not None:
            return key
        post = Post(
            Ask(About.ERROR, reason, topic=NOT_SAME_TOPIC, hit=place),
            Urgency.PRIORITY,
            request.purpose,
            request.offence,
            it.requester(actor, key.peer),
            case=request.case,
            ticket=request.ticket,
            agreement=request.agreement,
            expires_us=it.now_us + _DELIVERED_US,
            by=officer,
            agency=officer.agency,
            office=officer.office,
            officer=officer.person,
        )

        def also(_before: Thread | None, _after: Thread, notice: Notice) -> Effects:
            check_notice(it.desk.parts, notice, notice.issued_us)
            return Effects()

        return await it.desk.author.open(peer, post, also, key.thread_id)
