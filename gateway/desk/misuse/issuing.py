"""Issue, show and withdraw tokens at the owner of a record. Consent is asked for before, and is part of the entry."""

from __future__ import annotations

import asyncio
import dataclasses
import secrets
from collections.abc import Callable, Iterable
from typing import ClassVar

import msgspec
from msgspec.structs import replace

from certs.profile import read_leaf
from gateway.clock import SECOND_US
from gateway.desk.acting.home import OwnKind, home_key, of_node
from gateway.desk.acting.once import part_of
from gateway.desk.acting.parts import Actor, DeskParts
from gateway.desk.acting.persons import check_person
from gateway.desk.acting.step import last_ask
from gateway.desk.acts import Act
from gateway.desk.delivery.authoring import Post
from gateway.desk.entries import desk_act
from gateway.desk.evidence.own_answers import OwnAnswers
from gateway.desk.listing import USUAL_LISTED, Slice
from gateway.desk.misuse.statement import (
    LONGEST_US,
    NotThisPerson,
    document_digest,
    write_token,
)
from gateway.desk.oversight.values import Told
from gateway.desk.own.spread import Spread
from gateway.desk.roles import Matter, may
from gateway.errors import Malformed, Unknown
from gateway.model.desk.codes import ChangeReason
from gateway.model.desk.notices import Change, ChangeCode, NoticeType, Urgency
from gateway.model.desk.threads import ThreadKey, ThreadKind, ThreadState
from gateway.model.desk.work import WorkKind
from gateway.model.handed.tokens import MAX_CONSENT, MAX_DOCUMENTS, IssueToken
from gateway.model.names import ExchangeId, MemberId, new_exchange_id
from gateway.model.purpose import Offence, Purpose
from gateway.model.requester import Officer
from gateway.model.values import text_value
from gateway.ports.desk import DeskRows, Thread
from gateway.ports.journal import EntryDraft
from gateway.records.sdjwt import base64url
from gateway.signing.multi_buffer.batch import Signs

USUAL_US = 180 * 86_400_000_000


class IssuedToken(msgspec.Struct, frozen=True, tag_field="matter", tag="misuse"):
    """A token of ours. `record` is the owner's own name of the record that hit; `withdrawn_us` 0 while it holds.

    `withdrawn_by` tells counterparts why; None where an earlier version withdrew it.
    """

    said: NotThisPerson
    token: str
    record: str
    consent: str
    by: str
    withdrawn_us: int = 0
    withdrawn_by: Officer | None = None
    reason: str = ""


def _unknown(token_id: str) -> Unknown:
    return Unknown(
        "there is no token `{token}` of ours",
        code="no-such-token",
        where="token",
        remedy="`liaison misuse list` shows them",
        token=token_id[:64],
    )


TOKENS = OwnKind(
    kind=ThreadKind.SERVICE,
    value=IssuedToken,
    unknown=_unknown,
    closed_us=lambda token: token.said.expires * SECOND_US,
    see=Act.DISTINGUISH,
    matter=lambda token: Matter(token.said.agency),
)
"""Tokens of ours at home; one may be kept until its time is over."""


class TokenSpread(Spread[IssuedToken, Told]):
    """Tells every counterpart of withdrawn tokens, also one that joins the federation while they would hold."""

    home = TOKENS
    remembers: ClassVar = True

    def to(self, value: IssuedToken) -> Iterable[Told]:
        """Return all counterparts that take changes, for one that was withdrawn and would still hold."""
        if value.withdrawn_by is None or value.said.expires * SECOND_US <= self._now_us:
            return ()
        view, me, name = self._desk.parts.trust(), self._desk.parts.member, ExchangeId(value.said.id)
        others = [MemberId(other) for other in sorted(view.members) if other != me and view.active(MemberId(other))]
        takers = [other for other in others if view.descriptor(other).can_take(NoticeType.CHANGE)]
        return [Told(member, part_of(name, member)) for member in takers]

    def missing(self, value: IssuedToken, to: Told, thread: Thread | None) -> Post | None:
        """Return the withdrawal, where a counterpart was not told of it."""
        if value.withdrawn_by is None or thread is not None:
            return None
        body = Change(ChangeCode.WITHDRAWN, (value.said.id,), reason=value.reason)
        who, why = value.withdrawn_by, (Purpose.PREVENTION, Offence.OTHER)
        post = self.post(to.member, body, who, None, *why, Urgency.PRIORITY)
        name = ExchangeId(value.said.id)
        return dataclasses.replace(post, ticket=name, group_id=name, officer="")


class MisuseDesk:
    """The use cases of the owner.

    They are written by hand (decision 0140): no second person approves a token, and each look at one is an entry.
    """

    def __init__(self, desk: DeskParts, origin: OwnAnswers, spread: TokenSpread) -> None:
        self._desk = desk
        self._origin = origin
        self._spread = spread

    async def issue(self, actor: Actor, command: IssueToken, token_id: ExchangeId | None = None) -> IssuedToken:
        """Return a new token, once its entry with the person's consent is durable. The same `token_id` is issued once.

        Raises `Unknown` for work of another kind, `Forbidden` for a person who may not do it, `Malformed`.
        """
        check_person(actor)
        name = token_id or new_exchange_id()
        key = self._key(name)
        made = await asyncio.to_thread(self._made, actor, command, name)
        if (first := await asyncio.to_thread(self._desk.store.thread, key)) is not None:
            return TOKENS.read(first, name)
        await self._write(name, lambda: self._entry(actor, made))
        return made

    async def show(self, actor: Actor, token_id: ExchangeId) -> IssuedToken:
        """Return a token of the person's own agency, to be printed again, once the entry of the reading is durable."""
        _, found = await asyncio.to_thread(TOKENS.found, self._desk, actor, Act.DISTINGUISH, token_id)
        await self._write(token_id, lambda: desk_act(actor.officer, "read-misuse", self._key(token_id)))
        return found

    async def all(self, actor: Actor, *, limit: int = USUAL_LISTED, after: str = "") -> Slice[IssuedToken]:
        """Return tokens of the person's own agency that are in their time, the newest first, behind a place."""
        self._check(actor, actor.officer.agency)
        agency = actor.officer.agency

        def fits(token: IssuedToken) -> IssuedToken | None:
            return token if token.said.agency == agency else None

        return await asyncio.to_thread(TOKENS.page, self._desk, (ThreadState.OPEN,), fits, limit, after)

    async def withdraw(self, actor: Actor, token_id: ExchangeId, reason: ChangeReason) -> IssuedToken:
        """Withdraw a token: every counterpart is told, and its gates refuse it from then on."""
        await self._write(token_id, lambda: self._withdrawn(actor, token_id, reason))
        await self._spread.bring_up(token_id)
        return TOKENS.read(await asyncio.to_thread(self._desk.store.thread, self._key(token_id)), token_id)

    # ------------------------------------------------------------ parts

    def _key(self, name: ExchangeId) -> ThreadKey:
        return home_key(self._desk.parts.member, name)

    def _check(self, actor: Actor, agency: str) -> None:
        may(actor.person, Act.DISTINGUISH, Matter(agency), self._desk.parts.clock.now_us())

    async def _write(self, name: ExchangeId, make: Callable[[], EntryDraft]) -> None:
        await self._desk.pen.write(self._desk.parts.member, self._key(name), make)

    def _made(self, actor: Actor, command: IssueToken, name: ExchangeId) -> IssuedToken:
        consent = text_value(command.consent, "consent", MAX_CONSENT)
        if not 1 <= len(command.documents) <= MAX_DOCUMENTS:
            raise Malformed("a token is for one to four documents", code="bad-value", where="documents")
        now_us = self._desk.parts.clock.now_us()
        until_us = command.until_us or now_us + USUAL_US
        if not now_us < until_us <= now_us + LONGEST_US - SECOND_US:
            raise Malformed("a token holds for a year at most", code="bad-time", where="until")
        work = self._desk.store.work(command.work)
        if work is None or work.kind is not WorkKind.DISTINGUISH:
            raise Unknown(
                "there is no such work of telling two persons apart",
                code="no-such-work",
                where="work",
                remedy="liaison desk list --kind distinguish",
            )
        _, _, ask = last_ask(self._desk.store.notices(work.key))
        if ask.hit is None:
            raise Unknown("this work is about no record", code="no-such-record", where="work")
        hit = self._origin.find(work.key.peer, ask.hit)
        self._check(actor, hit.agency)
        signs, key_id = self._key_of(hit.agency)
        salt = base64url(secrets.token_bytes(16))
        said = NotThisPerson(
            self._desk.parts.member,
            hit.agency,
            key_id,
            name,
            hit.record_type,
            salt,
            tuple(document_digest(salt, each.number, each.issuer.upper()) for each in command.documents),
            now_us // SECOND_US,
            until_us // SECOND_US,
        )
        return IssuedToken(said, write_token(said, signs), hit.record, consent, actor.officer.person)

    def _key_of(self, agency: str) -> tuple[Signs, str]:
        """Return the agency's key with its id; the node's own where the agency keeps its key elsewhere."""
        parts = self._desk.parts
        issuer = parts.issuers.get(f"{parts.member}.{agency}")
        if issuer is None:
            return parts.key, parts.key.key_id
        return issuer.key, read_leaf(issuer.certificate_der).key_id

    def _entry(self, actor: Actor, made: IssuedToken) -> EntryDraft:
        me, now_us, name = self._desk.parts.member, self._desk.parts.clock.now_us(), ExchangeId(made.said.id)
        home = of_node(ThreadKind.SERVICE, home_key(me, name), Urgency.ROUTINE, now_us)
        thread = TOKENS.moved(home, made, home.state, now_us)
        content = {"token": made.said.id, "record": made.record, "until": made.said.expires}
        rows = DeskRows(thread=thread)
        return desk_act(actor.officer, "issue-token", thread.key, reason=made.consent, content=content, rows=rows)

    def _withdrawn(self, actor: Actor, token_id: ExchangeId, reason: ChangeReason) -> EntryDraft:
        thread, found = TOKENS.found(self._desk, actor, Act.DISTINGUISH, token_id)
        now_us = self._desk.parts.clock.now_us()
        after = replace(found, withdrawn_us=found.withdrawn_us or now_us)
        if found.withdrawn_by is None:
            after = replace(after, withdrawn_by=actor.officer, reason=reason.value)
        rows = DeskRows(thread=TOKENS.moved(thread, after, thread.state, now_us), before=thread.version)
        content = {"token": token_id}
        return desk_act(actor.officer, "withdraw-token", thread.key, reason=reason.value, content=content, rows=rows)


def is_withdrawn(thread: Thread | None) -> bool:
    """Tell whether a thread at home holds a token of ours that was withdrawn; one that is not there was never ours."""
    found = TOKENS.of(thread)
    return found is None or bool(found.withdrawn_us)
