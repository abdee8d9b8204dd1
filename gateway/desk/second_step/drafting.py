"""Draft asks: follow-ups to hits, and requests without one. Nothing leaves before a second human has approved it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from msgspec.structs import replace

from gateway.desk.acting.parts import Actor
from gateway.desk.acting.persons import check_person
from gateway.desk.acting.step import StepParts, own_matter
from gateway.desk.acts import Act
from gateway.desk.delivery.authoring import check_notice
from gateway.desk.entries import desk_act
from gateway.desk.evidence.own_answers import HeldAnswers
from gateway.desk.forms.catalogue import form_named, topic_named
from gateway.desk.forms.values import check_values
from gateway.desk.raising import from_draft
from gateway.desk.roles import Matter, check_purpose, may
from gateway.desk.second_step.approval import URGENCY_REASON, Draft, lapses_us
from gateway.desk.watches.values import hit_id
from gateway.errors import Malformed, Stale, Unknown
from gateway.model.desk.notices import About, Ask, Notice, RecordPlace, Reply, Urgency
from gateway.model.desk.threads import ThreadKey, ThreadKind, ThreadState
from gateway.model.desk.work import Role, WorkKind
from gateway.model.handed.asks import FollowUp, FollowWatch, Question, Reasons
from gateway.model.hit import Hit
from gateway.model.names import ExchangeId, MemberId, identifier, new_exchange_id, reference
from gateway.model.purpose import Purpose
from gateway.ports.desk import DeskRows, Thread, Work, WorkFilter
from gateway.ports.journal import EntryDraft
from gateway.records.types import record_type
from gateway.statements.notices.notice import parse_notice

MAX_HELD_US = 31 * 86_400_000_000
"""A person who is held for longer than this is not asked about at a desk."""


class Drafted:
    """The thread of a new draft, and the approval that it waits for."""

    __slots__ = ("key", "work")

    def __init__(self, key: ThreadKey, work: Work) -> None:
        self.key = key
        self.work = work


class Drafting:
    """Writes drafts of asks for officers."""

    def __init__(self, it: StepParts, held: HeldAnswers) -> None:
        self._it = it
        self._held = held

    async def follow_up(self, actor: Actor, command: FollowUp, thread_id: ExchangeId | None = None) -> Drafted:
        """Draft a follow-up to a hit that this officer was shown. Raises `Refused`; nothing is written then.

        Of a `thread_id` that this officer has used the first draft is returned.
        """
        peer = MemberId(command.peer)
        line = await self._held.line(actor.officer, command.search_id, peer, command.hit)
        held = await asyncio.to_thread(self._held.find, line, command.hit)
        request = held.request
        _check_fields(held.hit.record_type, command.fields)
        ask = with_reasons(command.reasons, Ask(About.HIT, "", hit=held.place, fields=command.fields))
        made = Draft(
            ask=ask,
            urgency=command.reasons.urgency,
            purpose=command.purpose or request.purpose,
            offence=command.offence or request.offence,
            case=reference(command.case, "case") if command.case else request.case,
            ticket=request.ticket,
            agreement=identifier(command.agreement, "agreement") if command.agreement else request.agreement,
            to_office=command.to_office,
            officer=actor.officer,
            requester=self._it.requester(actor, peer),
            lapses_us=0,
            attachments=command.reasons.attachments,
        )
        return await self.draft(actor, peer, made, thread_id)

    async def follow_watch(self, actor: Actor, command: FollowWatch, thread_id: ExchangeId | None = None) -> Drafted:
        """Draft a follow-up to a hit that a watch of ours was told of. Raises as `follow_up` does."""
        key = ThreadKey(MemberId(command.peer), command.watch)
        found = await asyncio.to_thread(self._told, actor, key, command.notice_id, command.hit)
        notice_hash, asked, hit = found
        _check_fields(hit.record_type, command.fields)
        place = RecordPlace(command.notice_id, notice_hash, 0, 0, hit.reference)
        ask = with_reasons(command.reasons, Ask(About.HIT, "", hit=place, fields=command.fields))
        head = asked.head
        made = Draft(
            ask=ask,
            urgency=command.reasons.urgency,
            purpose=head.purpose,
            offence=head.offence,
            case=head.case,
            ticket=head.ticket,
            agreement=head.agreement,
            to_office=command.to_office,
            officer=actor.officer,
            requester=self._it.requester(actor, key.peer),
            lapses_us=0,
            attachments=command.reasons.attachments,
        )
        return await self.draft(actor, key.peer, made, thread_id)

    def _told(self, actor: Actor, key: ThreadKey, notice_id: ExchangeId, number: int) -> tuple[bytes, Notice, Hit]:
        """Return the hash of the notice that told of a hit, the watch, and the hit."""
        thread = self._it.thread(key)
        may(actor.person, Act.SEE, own_matter(thread), self._it.now_us)
        row = self._it.desk.store.notice(key.peer, notice_id)
        asked = self._it.desk.store.notice(key.peer, key.thread_id)
        reply = parse_notice(row.envelope).body if row is not None and row.key == key and row.envelope else None
        if row is None or asked is None or not asked.envelope or not isinstance(reply, Reply):
            raise Unknown("this watch was told of no such hit", code="no-such-hit", where="hit")
        if not 0 <= number < len(reply.hits):
            raise Unknown("this watch was told of no such hit", code="no-such-hit", where="hit")
        hit = reply.hits[number]
        self._it.desk.ledger.check(key.peer, hit_id(key.thread_id, hit.reference), actor.officer.office)
        return row.payload_hash, parse_notice(asked.envelope), hit

    async def question(self, actor: Actor, command: Question, thread_id: ExchangeId | None = None) -> Drafted:
        """Draft a question with a coded topic, or a form. Raises `Refused`; nothing is written then."""
        peer = MemberId(command.peer)
        ask, urgency = _form_ask(command) if command.form else _question_ask(command)
        made = Draft(
            ask=ask,
            urgency=urgency,
            purpose=command.purpose,
            offence=command.offence,
            case=reference(command.case, "case") if command.case else "",
            ticket=reference(command.ticket, "ticket") if command.ticket else "",
            agreement=command.agreement or self._agreement(peer, command.purpose),
            to_office=command.to_office,
            officer=actor.officer,
            requester=self._it.requester(actor, peer),
            lapses_us=0,
            attachments=command.reasons.attachments,
        )
        return await self.draft(actor, peer, made, thread_id)

    def _agreement(self, peer: MemberId, purpose: Purpose) -> str:
        return self._it.desk.parts.policy().agreement_for(purpose.value, peer, self._it.now_us)

    async def draft(self, actor: Actor, peer: MemberId, draft: Draft, thread_id: ExchangeId | None = None) -> Drafted:
        """Write a draft with the work of its approval, once its entry is durable.

        Raises `Forbidden` where the role, the token or policy does not allow it, `Malformed` for its content.
        """
        check_person(actor)
        now_us = self._it.now_us
        grounded = draft.ask.hit is not None or bool(draft.case)
        act = Act.ASK_FORM if draft.ask.about is About.FORM else Act.ASK
        officer = actor.officer
        may(
            actor.person, act, Matter(officer.agency, officer.office, officer=officer.person, grounded=grounded), now_us
        )
        check_purpose(actor.officer, draft.purpose)
        _check_held(draft.ask.held_until_us, now_us)
        key = ThreadKey(peer, thread_id or new_exchange_id())
        if (first := await asyncio.to_thread(self._first, actor, key)) is not None:
            return first
        clocks = self._it.raising(draft.agreement, True).clocks
        until_us = lapses_us(draft.urgency, draft.ask.about, draft.ask.held_until_us, now_us, clocks)
        ready = replace(draft, lapses_us=until_us)
        await asyncio.to_thread(self._check_content, key, ready, now_us)
        rows = self._rows(key, ready, now_us)
        (work,) = rows.works
        await self._it.desk.pen.write(self._it.desk.parts.member, key, _entry(actor, key, ready, work, rows))
        return Drafted(key, work)

    def _first(self, actor: Actor, key: ThreadKey) -> Drafted | None:
        """Return the draft that the same call has made before, if it has."""
        desk = self._it.desk
        thread = desk.store.thread(key)
        if thread is None or thread.officer != actor.officer.person:
            return None
        works = desk.store.works(WorkFilter(key=key, kinds=(WorkKind.APPROVE,), open_only=False))
        return Drafted(key, works[0]) if works else None

    def _check_content(self, key: ThreadKey, draft: Draft, now_us: int) -> None:
        """Raise what the counterpart would raise for the content, and what our policy says of it."""
        clocks = self._it.raising(draft.agreement, True).clocks
        written = self._it.desk.author.prepare(key, draft.post(now_us, clocks))
        check_notice(self._it.desk.parts, written.notice, now_us)

    def _rows(self, key: ThreadKey, draft: Draft, now_us: int) -> DeskRows:
        officer = draft.officer
        thread = Thread(
            key,
            ThreadKind.ASK,
            True,
            ThreadState.NEW,
            draft.urgency,
            1,
            now_us,
            office=officer.office,
            agency=officer.agency,
            officer=officer.person,
            draft=draft.encoded(),
        )
        here = self._it.on_duty(officer.agency, officer.office, Role.SUPERVISOR, now_us)
        given = self._it.raising(draft.agreement, here)
        work = from_draft(thread, key.thread_id, now_us, about=draft.ask.about, given=given)
        return DeskRows(thread=thread, works=(work,))


def _question_ask(command: Question) -> tuple[Ask, Urgency]:
    topic = topic_named(command.topic)
    ask = Ask(About.QUESTION, "", topic=topic.id, values=command.values)
    return with_reasons(command.reasons, ask), command.reasons.urgency


def _form_ask(command: Question) -> tuple[Ask, Urgency]:
    """Return a form with its values; its clock is the form's own."""
    form = form_named(command.form)
    check_values(form, command.values)
    reasons = replace(command.reasons, urgency_reason="")
    return with_reasons(reasons, Ask(About.FORM, "", topic=form.id, values=command.values)), form.clock


def _entry(actor: Actor, key: ThreadKey, draft: Draft, work: Work, rows: DeskRows) -> Callable[[], EntryDraft]:
    content = {
        "about": draft.ask.about.value,
        "urgency": draft.urgency.value,
        "purpose": draft.purpose.value,
        "case": draft.case or draft.ticket,
        "fields": list(draft.ask.fields),
        "files": [each.root.hex() for each in draft.attachments],
    }
    return lambda: desk_act(actor.officer, "draft", key, work=work, content=content, rows=rows)


def with_reasons(reasons: Reasons, ask: Ask) -> Ask:
    """Return an ask with its reasons."""
    why = ((URGENCY_REASON, reasons.urgency_reason),) if reasons.urgency_reason else ()
    return replace(
        ask,
        facts=reasons.facts,
        why_you=reasons.why_you,
        link=reasons.link,
        category=reasons.category,
        held_until_us=reasons.held_until_us,
        values=ask.values + why,
    )


def _check_fields(type_name: str, fields: tuple[str, ...]) -> None:
    known = record_type(type_name).by_name
    unknown = [name for name in fields if name not in known]
    if unknown:
        raise Malformed(
            "`{field}` is no field of {type}",
            code="unknown-field",
            where="fields",
            remedy="one or more of: {fields}",
            field=unknown[0][:40],
            type=type_name,
            fields=", ".join(known),
        )


def _check_held(held_until_us: int, now_us: int) -> None:
    if held_until_us and held_until_us <= now_us:
        raise Stale("the person is not held any more at that time", code="held-over", where="held_until")
    if held_until_us > now_us + MAX_HELD_US:
        raise Malformed("a person is held for 31 days at most", code="bad-time", where="held_until")
