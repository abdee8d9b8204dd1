"""Decide on an ask, at the owner: a human of the owning agency says what is answered, and a human can only narrow.

1. the work is open, and this person may do it: on duty, trained, of the agency that owns the record, and not the author
2. the hit is our own answer to this very counterpart, and the record is read anew from its source
3. policy says which fields a human may let out, and whether two persons must; the human may leave some out. What a
   release of the record would take, a consent to its onward use takes, too
4. the record is signed for this ask, and the reply is written: these bytes are what humans decide on
5. each human proves the decision: token and reason, and a passkey where one is enrolled or demanded
6. entry, reply, work and ledger of copies are durable in one transaction; then the reply leaves
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Collection
from typing import Any

import msgspec
from msgspec.structs import replace

from gateway.desk.acting.parts import Actor
from gateway.desk.acting.persons import done
from gateway.desk.acting.step import StepParts, last_ask
from gateway.desk.clocks import clarified, paused
from gateway.desk.delivery.authoring import Also, Post, check_notice
from gateway.desk.delivery.effects import Effects
from gateway.desk.entries import desk_act
from gateway.desk.evidence.deciders import Decider
from gateway.desk.evidence.own_answers import OwnAnswers, OwnHit
from gateway.desk.raising import from_first_decision
from gateway.desk.second_step.proposals import Proposal, evidence, given, proposal_of
from gateway.desk.second_step.release import AskedFor, Consents, Fresh, Released, Releases
from gateway.errors import Forbidden, Malformed, Stale
from gateway.model.desk.attachments import Attachment
from gateway.model.desk.notices import About, Ask, Notice, Reply, ReplyCode
from gateway.model.desk.threads import ThreadKey
from gateway.model.desk.work import Direction, HoldingState, WorkKind
from gateway.model.handed.asks import Decide
from gateway.model.names import ExchangeId
from gateway.ports.desk import DeskRows, Holding, NoticeRow, Thread, Work, WorkFilter
from gateway.ports.journal import EntryDraft
from gateway.records.verify import read_own_record
from gateway.signing.passkeys.assertion import Assertion

_RELEASES = (ReplyCode.RELEASED, ReplyCode.PARTLY)
_SAID = frozenset(ReplyCode) - {ReplyCode.HIT}
_DECISIONS = (WorkKind.DECIDE, WorkKind.CORRECT, WorkKind.DISTINGUISH)


class Matter(msgspec.Struct, frozen=True):
    """The ask that some work is about. `hit` is set for an ask about a hit of ours."""

    work: Work
    thread: Thread
    asked: AskedFor
    ask: Ask
    hit: OwnHit | None
    rows: list[NoticeRow]


class Decided(msgspec.Struct, frozen=True):
    """The state of a decision: `sent`, or waiting (`second` person, or a `passkey` over `options`)."""

    key: ThreadKey
    state: str
    answer: ReplyCode
    fields: tuple[str, ...] = ()
    work: str = ""
    options: dict[str, Any] | None = None


class Choice(msgspec.Struct, frozen=True):
    """The choice of a human before the decision: the record, the fields wanted and those that may be released.

    `two` are those that take two persons. `code` says why there are none. `marking` are the rules for the asker.
    """

    matter: Matter
    fresh: Fresh
    wanted: tuple[str, ...]
    default: tuple[str, ...]
    two: tuple[str, ...]
    code: str
    marking: dict[str, Any]


class Waiting(msgspec.Struct, frozen=True):
    """A reply that waits: its records and files, whose work it is now, and what its humans have said so far.

    `first` has decided already, where a second person decides now; `options` are for this person's passkey, if needed.
    """

    matter: Matter
    reply: Reply
    records: tuple[dict[str, Any], ...]
    attachments: tuple[Attachment, ...]
    author: str
    first: str
    reason: str
    options: dict[str, Any] | None


class Decisions:
    """Humans' decisions on asks of counterparts."""

    def __init__(self, it: StepParts, origin: OwnAnswers, releases: Releases, consents: Consents) -> None:
        self._it = it
        self._origin = origin
        self._releases = releases
        self._consents = consents

    async def choice(self, actor: Actor, work_id: str) -> Choice:
        """Return what this person may decide on: of a record of the person's own agency only.

        Raises like `decide`.
        """
        matter = await asyncio.to_thread(self._matter, actor, work_id)
        fresh = await self._fresh(matter)
        wanted = matter.ask.fields
        default = _default(fresh, wanted)
        two = tuple(name for name in fresh.fields if fresh.persons((name,)) > 1)
        record = fresh.record
        marking = self._releases.marking(record.marking, record.record_type, matter.asked).as_json()
        return Choice(matter, fresh, wanted, default, two, fresh.allowed.code, marking)

    async def matter(self, actor: Actor, work_id: str) -> Matter:
        """Return the ask that this person may decide on, without a record. Raises like `decide`."""
        return await asyncio.to_thread(self._matter, actor, work_id)

    async def waiting(self, actor: Actor, work_id: str) -> Waiting:
        """Return the reply that waits for this person's passkey, or for a second person. Raises like `sign`."""
        matter = await asyncio.to_thread(self._matter, actor, work_id)
        proposal = proposal_of(matter.thread, self._it.desk.parts.policy().hash, self._it.now_us)
        reply = _reply(proposal)
        first = proposal.given[0] if proposal.given else None
        return Waiting(
            matter,
            reply,
            tuple(read_own_record(compact) for compact in reply.records),
            proposal.written.notice.head.attachments,
            proposal.author,
            first.officer.person if first is not None else "",
            first.reason if first is not None else proposal.reason,
            self._to_sign(actor, proposal, ()).options if self._it.humans.needs_passkey(actor.officer.person) else None,
        )

    async def decide(self, actor: Actor, command: Decide) -> Decided:
        """Decide on an ask (steps 1 to 6).

        Raises `Forbidden` for a person who may not, for fields that policy keeps back, and where evidence is missing;
        `Stale` for what was decided before.
        """
        if command.answer not in _SAID:
            raise Malformed("this is no answer to an ask", code="bad-answer", where="answer")
        matter = await asyncio.to_thread(self._matter, actor, command.work)
        if command.answer in _RELEASES and matter.ask.about is About.HIT:
            proposal, fields = await self._release(actor, matter, command)
        else:
            reply, persons = _in_words(matter, command), 1
            if matter.ask.about is About.CONSENT and reply.code is ReplyCode.RELEASED:
                persons = await self._consents.needed(matter.asked)
            proposal, fields = await asyncio.to_thread(self._propose, actor, matter, reply, command, persons, {}), ()
        decider = Decider(actor.officer, command.reason)
        if command.challenge and self._it.humans.needs_passkey(actor.officer.person):
            proposal = replace(proposal, reason=command.reason)
            await self._keep(actor, proposal, matter, "propose", command.reason)
            return self._to_sign(actor, proposal, fields)
        return await self._add(actor, proposal, matter, decider, fields)

    async def sign(self, actor: Actor, work_id: str, reason: str, assertion: Assertion | None = None) -> Decided:
        """Give a decision to a reply that waits for it: with a passkey, or as the second person. Raises like `decide`.

        The work is that of the decision, or that of the second person.
        """
        matter = await asyncio.to_thread(self._matter, actor, work_id)
        proposal = proposal_of(matter.thread, self._it.desk.parts.policy().hash, self._it.now_us)
        if proposal.given and matter.work.id == proposal.work:
            raise Stale("a second person decides now", code="already-decided", where="work", remedy="liaison desk list")
        if not proposal.given and actor.officer.person != proposal.author:
            raise Forbidden(
                "another person proposed this, whose passkey is waited for",
                code="another-person",
                where="work",
                remedy="decide anew: `liaison desk decide`",
            )
        decider = Decider(actor.officer, reason, assertion)
        return await self._add(actor, proposal, matter, decider, ())

    async def challenge(self, actor: Actor, work_id: str) -> Decided:
        """Return the challenge of a reply that waits for this person, as the second one. Raises like `decide`."""
        matter = await asyncio.to_thread(self._matter, actor, work_id)
        proposal = proposal_of(matter.thread, self._it.desk.parts.policy().hash, self._it.now_us)
        return self._to_sign(actor, proposal, ())

    # ------------------------------------------------------------ 1 to 4

    def _matter(self, actor: Actor, work_id: str) -> Matter:
        it = self._it
        work = it.open_work(work_id, *_DECISIONS)
        thread = it.thread(work.key)
        rows = it.desk.store.notices(work.key)
        row, notice, ask = last_ask(rows)
        hit = self._origin.find(work.key.peer, ask.hit) if ask.hit is not None else None
        it.check(actor, work, thread, owner=hit.agency if hit is not None else "")
        return Matter(work, thread, AskedFor(notice, row.payload_hash), ask, hit, rows)

    async def _fresh(self, matter: Matter) -> Fresh:
        if matter.hit is None:
            raise Malformed(
                "records are released in answer to a hit", code="bad-answer", where="answer", remedy="answer in words"
            )
        return await self._releases.read(matter.hit, matter.asked)

    async def _release(self, actor: Actor, matter: Matter, command: Decide) -> tuple[Proposal, tuple[str, ...]]:
        fresh = await self._fresh(matter)
        fields = _narrowed(fresh, matter.ask.fields, command.fields)
        persons = fresh.persons(fields)
        return await asyncio.to_thread(self._released, actor, matter, fresh, fields, persons, command)

    def _released(
        self, actor: Actor, matter: Matter, fresh: Fresh, fields: Collection[str], persons: int, command: Decide
    ) -> tuple[Proposal, tuple[str, ...]]:
        made = self._releases.issue(fresh, matter.asked, fields)
        wanted = set(matter.ask.fields or fresh.record.fields) & set(fresh.record.fields)
        whole = wanted <= set(made.fields)
        code = ReplyCode.RELEASED if whole else ReplyCode.PARTLY
        reply = Reply(code, command.code, command.text, (made.compact,), made.commitment)
        decision = fresh.allowed.decision
        told = {
            "withheld": made.opening["withheld"],
            "withheld_salt": made.opening["salt"],
            "decision": {
                "policies": list(decision.policies),
                "hash": decision.policy_hash,
                "attributes": decision.attributes,
                "at_us": self._it.now_us,
            },
        }
        proposal = self._propose(actor, matter, reply, command, persons, told)
        notice_id = proposal.written.notice.head.notice_id
        return replace(proposal, holding=_copy(matter, fresh, made, notice_id)), made.fields

    def _propose(
        self, actor: Actor, matter: Matter, reply: Reply, command: Decide, persons: int, told: dict[str, Any]
    ) -> Proposal:
        post = dataclasses.replace(self._post(actor, matter, reply), attachments=command.attachments)
        written = self._it.desk.author.prepare(matter.thread.key, post)
        policy = self._it.desk.parts.policy().hash
        work = matter.work.id
        return Proposal(work, actor.officer.person, written, persons, self._it.now_us, policy, told)

    def _post(self, actor: Actor, matter: Matter, reply: Reply) -> Post:
        who = self._it.requester(actor, matter.thread.key.peer)
        post = Post.under(matter.asked.notice.head, reply, who, actor.officer)
        return dataclasses.replace(post, urgency=matter.thread.urgency)

    # ------------------------------------------------------------ 5, 6

    async def _add(
        self, actor: Actor, proposal: Proposal, matter: Matter, decider: Decider, fields: tuple[str, ...]
    ) -> Decided:
        """Take one more human's decision; send the reply with the last one."""
        it, written = self._it, proposal.written
        humans = [*proposal.deciders(), decider]
        if len(humans) < proposal.persons:
            await asyncio.to_thread(it.humans.check, written.payload_type, written.payload, decider)
            waiting = replace(proposal, given=(*proposal.given, given(decider)))
            second = from_first_decision(matter.thread, matter.work, actor.officer.person, it.now_us)
            await self._keep(actor, waiting, matter, "first-decision", decider.reason, (second,))
            return Decided(matter.thread.key, "second", _answer(proposal), fields, second.id)
        found = await asyncio.to_thread(
            it.humans.prove, written.payload_type, written.payload, humans, proposal.persons
        )
        post = self._post(actor, matter, _reply(proposal))
        post = dataclasses.replace(post, by=humans[0].officer, told=proposal.told | evidence(found))
        await it.desk.author.post(matter.thread.key, post, self._ends(actor, proposal, matter), written)
        return Decided(matter.thread.key, "sent", _answer(proposal), fields)

    def _to_sign(self, actor: Actor, proposal: Proposal, fields: tuple[str, ...]) -> Decided:
        written, notice = proposal.written, proposal.written.notice
        options = self._it.humans.options(written.payload_type, written.payload, actor.officer.person)
        key = ThreadKey(notice.recipient, notice.head.thread_id)
        return Decided(key, "passkey", _answer(proposal), fields, proposal.work, options)

    async def _keep(
        self,
        actor: Actor,
        proposal: Proposal,
        matter: Matter,
        act: str,
        reason: str,
        works: tuple[Work, ...] = (),
    ) -> None:
        """Keep a reply that waits, once its entry is durable. Raises `Stale` where the thread has moved on."""
        it, key = self._it, matter.thread.key
        content = {"answer": _answer(proposal).value, "payload": proposal.written.payload_hash.hex()}

        def draft() -> EntryDraft:
            thread = it.thread(key)
            it.open_work(matter.work.id, matter.work.kind)
            # The numbers of notices and not the version, which the end of a delivery changes as well.
            if (thread.ours, thread.theirs) != (matter.thread.ours, matter.thread.theirs):
                raise Stale("the thread has changed meanwhile", code="thread-moved", where="thread")
            kept = replace(thread, draft=proposal.encoded(), version=thread.version + 1)
            rows = DeskRows(thread=kept, before=thread.version, works=works)
            return desk_act(actor.officer, act, key, work=matter.work, reason=reason, content=content, rows=rows)

        await it.desk.pen.write(it.desk.parts.member, key, draft)

    def _ends(self, actor: Actor, proposal: Proposal, matter: Matter) -> Also:
        """Return what ends the work of an ask with our reply; a question back stops its clock."""
        it, answer = self._it, _answer(proposal)

        def also(_before: Thread | None, _after: Thread, notice: Notice) -> Effects:
            # Once more, in the writer: another person may have decided since it was read.
            it.open_work(matter.work.id, matter.work.kind)
            check_notice(it.desk.parts, notice, notice.issued_us)
            now_us, waiting = notice.issued_us, it.desk.store.works(WorkFilter(key=matter.thread.key))
            mine = [each for each in waiting if each.kind in _DECISIONS]
            if answer is ReplyCode.CLARIFY:
                asked_back = clarified(it.desk.store.placed(matter.thread.key))
                works = tuple(paused(each, now_us, asked_back) for each in mine)
            else:
                works = tuple(done(each, actor, answer.value, now_us) for each in mine)
            return Effects(works=works, holdings=(proposal.holding,) if proposal.holding is not None else ())

        return also


def _in_words(matter: Matter, command: Decide) -> Reply:
    """Return a reply without a record. A consent is for exactly what was asked, and for as long as was asked.

    Raises where an answer in words has none: to a question, and in each question back.
    """
    gives, is_consent = command.answer in _RELEASES, matter.ask.about is About.CONSENT
    if command.fields and matter.ask.about is not About.HIT:
        raise Malformed("records are released in answer to a hit only", code="bad-answer", where="fields")
    if is_consent and gives and command.answer is not ReplyCode.RELEASED:
        raise Malformed("a consent is given whole, or refused", code="bad-answer", where="answer")
    if ((gives and not is_consent) or command.answer is ReplyCode.CLARIFY) and not command.text:
        raise Malformed("this answer needs a text", code="text-missing", where="text", remedy="say it in words")
    until_us = matter.asked.notice.head.expires_us if gives and is_consent else 0
    return Reply(command.answer, command.code, command.text, until_us=until_us)


def _answer(proposal: Proposal) -> ReplyCode:
    return _reply(proposal).code


def _reply(proposal: Proposal) -> Reply:
    body = proposal.written.notice.body
    assert isinstance(body, Reply)
    return body


def _default(fresh: Fresh, wanted: Collection[str]) -> tuple[str, ...]:
    """Return the default release: the wanted fields that policy allows."""
    return tuple(name for name in fresh.fields if not wanted or name in wanted)


def _narrowed(fresh: Fresh, wanted: Collection[str], chosen: Collection[str] | None) -> tuple[str, ...]:
    """Return the fields to be released. Raises `Forbidden` for one that policy gives to no human."""
    if not fresh.fields:
        raise Forbidden(
            "policy lets a human release nothing of this record",
            code=fresh.allowed.code or "policy-denies",
            where="fields",
            remedy="answer NEEDS_COURT or REFUSED",
        )
    if chosen is not None and (beyond := sorted(set(chosen) - set(fresh.fields))):
        raise Forbidden(
            "a human can only narrow what policy allows: `{field}` is not among it",
            code="not-releasable",
            where="fields",
            remedy="of these: {fields}",
            field=beyond[0][:40],
            fields=", ".join(fresh.fields),
        )
    fields = _default(fresh, wanted) if chosen is None else tuple(name for name in fresh.fields if name in chosen)
    if not fields:
        raise Forbidden(
            "nothing is released like this", code="nothing-released", where="fields", remedy="answer REFUSED"
        )
    return fields


def _copy(matter: Matter, fresh: Fresh, made: Released, notice_id: ExchangeId) -> Holding:
    """Return the asker's copy, for our ledger."""
    peer, record = matter.thread.key.peer, made.record
    return Holding(
        record.jti,
        Direction.OUT,
        peer,
        record.member,
        notice_id,
        HoldingState.HELD,
        record=fresh.hit.record,
        type=record.type,
        expires_us=record.exp * 1_000_000,
    )
