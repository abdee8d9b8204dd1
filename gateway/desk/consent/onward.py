"""Onward use of a record from abroad by an officer, under the owner's marking, in numbered steps.

1. the search is this officer's, and the record is still kept
2. our own log has the answer that it came in, the record verifies now as it did then, and its owner has not changed it
3. the marking says yes, no, or that the owner must consent (`onward_rules.rule`)
4. consent: a decision of the owner for exactly this use counts; else the owner is asked, in a thread of the desk
5. an entry is durable, then the officer is told

Every call has exactly one entry: `onward-allowed`, `onward-refused` or `consent-asked`.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from gateway.audit.reading.kept_answers import KeptAnswer
from gateway.clock import to_us
from gateway.desk.acting.parts import DeskParts
from gateway.desk.consent.asked import WAITING, AskedConsent, consent_thread, find_asked
from gateway.desk.delivery.authoring import Post, check_notice
from gateway.desk.delivery.effects import Effects
from gateway.desk.delivery.offices import check_offices
from gateway.desk.evidence.own_answers import HeldAnswers
from gateway.desk.onward_rules import Ruling, Verdict, read_release, rule
from gateway.errors import Forbidden, Refused, Stale, Unknown
from gateway.exchange.stages import as_error, reraise_fatal
from gateway.model.desk.consent import ConsentState, OnwardAnswer, Place
from gateway.model.desk.notices import About, Ask, Notice, NoticeType, Urgency
from gateway.model.desk.threads import ThreadKey
from gateway.model.handed.onward import UseOnward
from gateway.model.marking import ReleaseMarking
from gateway.model.names import MemberId
from gateway.model.requester import Officer
from gateway.model.search import Line, Search, ShownHit
from gateway.ports.desk import Thread
from gateway.ports.entries import events
from gateway.ports.journal import Event
from gateway.records.verify import VerifiedRecord, verify_record
from gateway.statements.consent import MAX_VALIDITY_US
from gateway.storage.log.group_commit import LogWriter

_FIRST_TRY_S = 2.5
_LOOK_S = 0.05


@dataclass(frozen=True, slots=True)
class _Held:
    """A record that an officer holds, and the evidence of where it came from."""

    search: Search
    line: Line
    hit: ShownHit
    kept: KeptAnswer
    record: VerifiedRecord
    marking: ReleaseMarking


class OnwardDesk:
    """`gateway.ports.officers.OnwardUses` over the searches, our log and the desk; `log` names our exchange log."""

    def __init__(self, desk: DeskParts, operations: LogWriter, log: str) -> None:
        self._desk = desk
        self._parts = desk.parts
        self._operations = operations
        self._log = log
        self._one_at_a_time = asyncio.Lock()

    async def use(self, officer: Officer, command: UseOnward) -> OnwardAnswer:
        """Run steps 1 to 5; a refusal has its entry before it is raised."""
        held: _Held | None = None
        try:
            held = await self._held(officer, command)  # 1, 2
            wanted = command.wanted
            trust, abroad = self._parts.trust(), wanted.to.member
            if wanted.to.office and abroad in trust.members and abroad != self._parts.member:
                check_offices(trust.descriptor(abroad), (wanted.to.office,), "to")
            place = Place(self._parts.member, officer.agency, officer.office)
            ruling = rule(held.marking, place, wanted, self._parts.clock.now_us())  # 3
            if ruling.verdict is Verdict.REFUSED:
                raise Forbidden(ruling.text, code=ruling.code, where=held.line.member, remedy=ruling.remedy)
            if ruling.verdict is Verdict.CONSENT:
                return await self._with_consent(officer, command, held, ruling)  # 4
        except Exception as problem:
            reraise_fatal(problem)
            error = as_error(problem)
            about = _about(held) if held is not None else {}
            await self._write(events.ONWARD_REFUSED, officer, command, about | {"code": error.code})
            if error is problem:
                raise
            raise error from problem
        await self._write(events.ONWARD_ALLOWED, officer, command, _about(held))  # 5
        return OnwardAnswer(True, "its marking allows it", to_us(held.marking.not_after))

    async def _held(self, officer: Officer, command: UseOnward) -> _Held:
        search = await self._desk.searches.get(officer, command.search_id)
        line = next((line for line in search.lines if line.exchange_id == command.exchange_id), None)
        if line is None or not 0 <= command.hit < len(line.hits) or line.entry_index is None:
            raise Unknown("this search has no such hit", code="no-such-hit", where="hit")
        hit = line.hits[command.hit]
        if hit.record is None:
            raise Forbidden(
                "the record is not kept any more, or never came", code="record-gone", where="hit", remedy="ask again"
            )
        held = await asyncio.to_thread(self._proved, search, line, hit, hit.record.compact)
        await asyncio.to_thread(self._desk.ledger.check, MemberId(line.member), held.record.jti, officer.office)
        return held

    def _proved(self, search: Search, line: Line, hit: ShownHit, compact: str) -> _Held:
        """Return the record with the answer that our log kept, verified under the trust of now."""
        parts, index = self._parts, line.entry_index if line.entry_index is not None else -1
        try:
            kept = self._desk.kept.up_to(
                self._log, index, peer=line.member, exchange_id=line.exchange_id, kinds=events.ARRIVALS
            )
            record = verify_record(
                compact,
                parts.trust(),
                member=line.member,
                audience=parts.member,
                request_hash=kept.entry.request_hash,
                now_us=parts.clock.now_us(),
            )
        except Stale as error:
            raise Forbidden(
                "the owner's time for this record is over", code="record-expired", where="hit", remedy="ask again"
            ) from error
        except Refused as error:
            raise Forbidden(
                "the record does not verify any more", code="record-not-verified", where="hit", remedy="ask again"
            ) from error
        return _Held(search, line, hit, kept, record, read_release(record.marking))

    # ------------------------------------------------------------ consent

    async def _with_consent(self, officer: Officer, command: UseOnward, held: _Held, ruling: Ruling) -> OnwardAnswer:
        """Return the owner's decision on exactly this use; where there is none, ask the owner, or wait on."""
        key = consent_thread(
            MemberId(held.line.member), officer.person, held.search.id, held.record.jti, command.wanted
        )
        async with self._one_at_a_time:
            again = await asyncio.to_thread(find_asked, self._desk.store, key) is not None
            if not again:
                await self._ask(officer, command, held, key)
        asked = await self._newest(key)
        if again and (found := await self._decided(officer, command, held, asked)) is not None:
            return found
        told = _about(held) | {"consent": asked.id, "needs": list(ruling.needs), "again": again}
        await self._write(events.CONSENT_ASKED, officer, command, told, asked.request_hash)  # 5
        return OnwardAnswer(False, ruling.text, asked.expires_us, asked.id, asked.state, asked.problem)

    async def _ask(self, officer: Officer, command: UseOnward, held: _Held, key: ThreadKey) -> None:
        """Write the ask; another process of this node may have written it meanwhile."""

        def first_only(before: Thread | None, _after: Thread, notice: Notice) -> Effects:
            if before is not None:
                raise Stale("the owner is asked already", code="not-now", where="thread")
            check_notice(self._parts, notice, notice.issued_us)
            return Effects()

        try:
            await self._desk.author.post(
                key, await asyncio.to_thread(self._question, officer, command, held), first_only
            )
        except Stale as error:
            if error.code != "not-now":
                raise

    async def _newest(self, key: ThreadKey) -> AskedConsent:
        """Return the ask as it stands; while it is new, wait for the owner's node, no longer than an officer does."""
        until = self._parts.clock.monotonic() + _FIRST_TRY_S
        while True:
            asked = await asyncio.to_thread(find_asked, self._desk.store, key)
            if asked is None:
                raise Unknown("the request for consent is not kept any more", code="no-such-thread", where="thread")
            if asked.state != WAITING or asked.problem or self._parts.clock.monotonic() >= until:
                return asked
            await asyncio.sleep(_LOOK_S)

    async def _decided(
        self, officer: Officer, command: UseOnward, held: _Held, asked: AskedConsent
    ) -> OnwardAnswer | None:
        """Return the answer under the owner's decision on exactly this use; None while it has not decided.

        Raises `Forbidden` where the owner refused, did not take the request, or its consent has ended.
        """
        if asked.state in (WAITING, ConsentState.TAKEN):
            return None
        if asked.state == ConsentState.REFUSED:
            raise Forbidden("the owner refused its consent", code="consent-refused", where=held.line.member)
        if asked.state == ConsentState.NOT_TAKEN:
            raise Forbidden(
                "the owner did not take the request: {problem}",
                code="consent-not-taken",
                where=held.line.member,
                problem=asked.problem,
            )
        until_us = min(asked.until_us, to_us(held.marking.not_after))
        if self._parts.clock.now_us() >= until_us:
            raise Forbidden("the owner's consent has ended", code="consent-ended", where=held.line.member)
        told = _about(held) | {"consent": asked.id, "until_us": until_us}
        await self._write(events.ONWARD_ALLOWED, officer, command, told, asked.request_hash)
        return OnwardAnswer(True, "the owner has consented", until_us, asked.id, asked.state)

    def _question(self, officer: Officer, command: UseOnward, held: _Held) -> Post:
        parts, line, now_us = self._parts, held.line, self._parts.clock.now_us()
        purpose, member = command.wanted.purpose, MemberId(line.member)
        agreements = parts.policy().agreement_for(purpose.value, member, now_us)
        if not agreements:
            raise Forbidden(
                "no agreement with `{member}` covers this purpose",
                code="purpose-not-covered",
                where="purpose",
                member=line.member,
            )
        if not parts.trust().descriptor(member).can_take(NoticeType.ASK):
            raise Forbidden(
                "the node of `{member}` takes no questions to its officers, so no consent can be asked for",
                code="notices-not-taken",
                where=line.member,
                remedy="telephone its duty desk; what its node takes stands in its descriptor: `liaison trust show`",
                member=line.member,
            )
        found = HeldAnswers(self._desk.kept, self._desk.searches, self._log).find(line, command.hit)
        place, question = replace(found.place, record=held.record.jti), found.request
        return Post(
            Ask(About.CONSENT, command.reason, hit=place, use=command.wanted),
            Urgency.URGENT if purpose in parts.urgent else Urgency.PRIORITY,
            purpose,
            question.offence,
            officer.as_requester(self._desk.pseudonym(officer.person, member)),
            case=question.case,
            ticket=question.ticket,
            agreement=agreements,
            expires_us=min(to_us(held.marking.not_after), held.search.started_us + MAX_VALIDITY_US),
            by=officer,
            agency=officer.agency,
            office=officer.office,
            officer=officer.person,
        )

    # ------------------------------------------------------------ entries

    async def _write(
        self, event: Event, officer: Officer, command: UseOnward, more: dict[str, Any], statement: bytes = b""
    ) -> None:
        owner = str(more.pop("peer", ""))
        private = {
            **officer.as_json(),
            "search": command.search_id,
            "hit": command.hit,
            **command.wanted.as_json(),
            "reason": command.reason,
            **more,
        }
        await self._operations.write(
            event.draft(peer=owner, exchange_id=command.exchange_id, request_hash=statement, **private)
        )


def _about(held: _Held) -> dict[str, Any]:
    """Return the identity of the record: peer, id, type and owner."""
    record = held.record
    return {"peer": held.line.member, "record": record.jti, "type": record.type, "owner": record.owner}
