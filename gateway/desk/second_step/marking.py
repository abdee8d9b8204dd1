"""Mark a hit: the officer says whether it is the same person or thing. Another person is told to the owner of the hit,
which then must tell the two apart."""

from __future__ import annotations

import asyncio
from enum import StrEnum

import msgspec

from gateway.desk.delivery.authoring import Post
from gateway.desk.delivery.effects import Effects
from gateway.desk.delivery.permission import check_notice
from gateway.desk.entries import desk_act
from gateway.desk.parts import Actor
from gateway.desk.raising import NOT_SAME_TOPIC
from gateway.desk.roles import Act, Matter, may
from gateway.desk.second_step.answers import HeldAnswers, HeldHit
from gateway.desk.second_step.parts import StepParts, check_person
from gateway.model.desk.notices import About, Ask, Notice, Urgency
from gateway.model.desk.threads import ThreadKey
from gateway.model.names import ExchangeId, MemberId
from gateway.model.values import text_value
from gateway.ports.desk import Thread

_MAX_REASON = 300
_DELIVERED_US = 7 * 86_400_000_000


class Verdict(StrEnum):
    """The verdict of an officer on a hit, after a second identifier was compared."""

    SAME = "SAME"
    NOT_SAME = "NOT_SAME"
    CANNOT_TELL = "CANNOT_TELL"


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """A mark on hit number `hit` of counterpart `peer` in a search of the officer; `reason` says what was compared."""

    search_id: str
    peer: str
    hit: int
    verdict: Verdict
    reason: str


class Marks:
    """Marks of officers on hits that they were shown."""

    def __init__(self, it: StepParts, held: HeldAnswers) -> None:
        self._it = it
        self._held = held

    async def mark(self, actor: Actor, command: Mark) -> ThreadKey | None:
        """Write the mark; return the thread in which the owner is told of another person, else None.

        Raises `Unknown` for a hit that this officer was not shown, and `Forbidden` for a role that marks none.
        """
        check_person(actor)
        text_value(command.reason, "reason", _MAX_REASON)
        officer, it = actor.officer, self._it
        may(actor.person, Act.CONFIRM, Matter(officer.agency, officer.office, officer=officer.person), it.now_us)
        peer = MemberId(command.peer)
        line = await self._held.line(officer, command.search_id, peer, command.hit)
        held = await asyncio.to_thread(self._held.find, line, command.hit)
        about = ThreadKey(peer, ExchangeId(line.exchange_id))
        content = {"hit": command.hit, "reference": held.hit.reference, "verdict": command.verdict.value}
        await it.desk.pen.write(
            it.desk.parts.member,
            about,
            lambda: desk_act(officer, "mark", about, reason=command.reason, content=content),
        )
        if command.verdict is not Verdict.NOT_SAME:
            return None
        return await self._tell(actor, peer, held, command.reason)

    async def _tell(self, actor: Actor, peer: MemberId, held: HeldHit, reason: str) -> ThreadKey:
        """Tell the owner that its hit is another person."""
        it, request, officer = self._it, held.request, actor.officer
        post = Post(
            Ask(About.ERROR, reason, topic=NOT_SAME_TOPIC, hit=held.place),
            Urgency.PRIORITY,
            request.purpose,
            request.offence,
            it.requester(actor, peer),
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

        return await it.desk.author.open(peer, post, also)
