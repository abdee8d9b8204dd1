"""Onward use of a record from abroad by an officer, under the owner's marking, in numbered steps.

1. the search is this officer's, and the record is still kept
2. our own log has the answer that it came in, and the record verifies now as it did then
3. the marking says yes, no, or that the owner must consent (`onward_rules.rule`)
4. consent: a decision of the owner for exactly this use counts; else the owner is asked
5. an entry is durable, then the officer is told, and then the request leaves

Every call has exactly one entry: `onward-allowed`, `onward-refused` or `consent-asked`.
"""

from __future__ import annotations

import asyncio
import base64
import re
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from gateway.audit.entries.entry import parse_entry
from gateway.audit.reading.kept_answers import KeptAnswer, KeptAnswers
from gateway.clock import to_us
from gateway.desk.consent_outbox import WAITING, ConsentOutbox, OutgoingConsent, outgoing_key
from gateway.desk.onward_rules import Ruling, Verdict, read_release, rule
from gateway.errors import Forbidden, Refused, Stale, Unknown
from gateway.exchange.parts import Parts
from gateway.exchange.stages import as_error, reraise_fatal
from gateway.model.consent import ConsentRequest, ConsentState, OnwardAnswer, OnwardCommand, Place
from gateway.model.marking import ReleaseMarking
from gateway.model.names import ExchangeId, MemberId
from gateway.model.requester import Officer, Requester
from gateway.model.search import Line, Search, ShownHit
from gateway.ports import events
from gateway.ports.journal import Event
from gateway.ports.officers import Searches
from gateway.records.verify import VerifiedRecord, verify_record
from gateway.statements.consent import CONSENT_REQUEST_KIND, MAX_VALIDITY_US
from gateway.storage.log.group_commit import LogWriter

_FIRST_TRY_S = 2.5
_ORIGIN = re.compile(r"[a-z]{2}\.liaison\.internal/exchange/([1-9][0-9]{0,8})", re.ASCII)


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
    """`gateway.ports.officers.OnwardUses` over the searches, our log and the requests that are under way.

    `log` is the name of our exchange log, `pseudonym` makes the name under which a counterpart knows an officer.
    """

    def __init__(
        self,
        parts: Parts,
        searches: Searches,
        kept: KeptAnswers,
        outbox: ConsentOutbox,
        operations: LogWriter,
        log: str,
        pseudonym: Callable[[str, str], str],
    ) -> None:
        self._parts = parts
        self._searches = searches
        self._kept = kept
        self._outbox = outbox
        self._operations = operations
        self._log = log
        self._pseudonym = pseudonym
        self._one_at_a_time = asyncio.Lock()

    async def use(self, officer: Officer, command: OnwardCommand) -> OnwardAnswer:
        """Run steps 1 to 5; a refusal has its entry before it is raised."""
        held: _Held | None = None
        try:
            held = await self._held(officer, command)  # 1, 2
            wanted = command.wanted
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

    async def _held(self, officer: Officer, command: OnwardCommand) -> _Held:
        search = await self._searches.get(officer, command.search_id)
        line = next((line for line in search.lines if line.exchange_id == command.exchange_id), None)
        if line is None or not 0 <= command.hit < len(line.hits) or line.entry_index is None:
            raise Unknown("this search has no such hit", code="no-such-hit", where="hit")
        hit = line.hits[command.hit]
        if hit.record is None:
            raise Forbidden(
                "the record is not kept any more, or never came", code="record-gone", where="hit", remedy="ask again"
            )
        return await asyncio.to_thread(self._proved, search, line, hit, hit.record.compact)

    def _proved(self, search: Search, line: Line, hit: ShownHit, compact: str) -> _Held:
        """Return the record with the answer that our log kept, verified under the trust of now."""
        parts, index = self._parts, line.entry_index if line.entry_index is not None else -1
        try:
            kept = self._kept.up_to(
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

    async def _with_consent(
        self, officer: Officer, command: OnwardCommand, held: _Held, ruling: Ruling
    ) -> OnwardAnswer:
        """Return the owner's decision on exactly this use; where there is none, ask the owner, or wait on."""
        key = outgoing_key(held.line.member, officer.person, held.search.id, held.record.jti, command.wanted)
        async with self._one_at_a_time:
            outgoing = await asyncio.to_thread(self._outbox.get, key)
            if outgoing is None:
                outgoing = self._outgoing(officer, command, held, key)
                told = self._asked(held, ruling, outgoing, again=False)
                told["statement"] = base64.b64encode(outgoing.envelope).decode()
                await self._write(events.CONSENT_ASKED, officer, command, told, outgoing.request_hash)  # 5
                await self._outbox.put(outgoing)
                again = False
            else:
                again = True
        outgoing = await self._newest(key, outgoing)
        if again:
            if (found := await self._decided(officer, command, held, outgoing)) is not None:
                return found
            told = self._asked(held, ruling, outgoing, again=True)
            await self._write(events.CONSENT_ASKED, officer, command, told, outgoing.request_hash)  # 5
        return OnwardAnswer(
            False, ruling.text, outgoing.request.expires_us, outgoing.request.id, outgoing.state, outgoing.problem
        )

    async def _newest(self, key: str, outgoing: OutgoingConsent) -> OutgoingConsent:
        """Ask the owner now, and return the request after that; wait no longer than an officer does."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_FIRST_TRY_S):
                await asyncio.shield(self._outbox.begin(key))
        return await asyncio.to_thread(self._outbox.get, key) or outgoing

    def _asked(self, held: _Held, ruling: Ruling, outgoing: OutgoingConsent, *, again: bool) -> dict[str, Any]:
        return _about(held) | {"consent": outgoing.request.id, "needs": list(ruling.needs), "again": again}

    async def _decided(
        self, officer: Officer, command: OnwardCommand, held: _Held, outgoing: OutgoingConsent
    ) -> OnwardAnswer | None:
        """Return the answer under the owner's decision on exactly this use; None while it has not decided.

        Raises `Forbidden` where the owner refused, did not take the request, or its consent has ended.
        """
        if outgoing.state in (WAITING, ConsentState.TAKEN):
            return None
        if outgoing.state == ConsentState.REFUSED:
            raise Forbidden("the owner refused its consent", code="consent-refused", where=held.line.member)
        if outgoing.state == ConsentState.NOT_TAKEN:
            raise Forbidden(
                "the owner did not take the request: {problem}",
                code="consent-not-taken",
                where=held.line.member,
                problem=outgoing.problem,
            )
        until_us = min(outgoing.until_us, to_us(held.marking.not_after))
        if self._parts.clock.now_us() >= until_us:
            raise Forbidden("the owner's consent has ended", code="consent-ended", where=held.line.member)
        told = _about(held) | {"consent": outgoing.request.id, "until_us": until_us}
        await self._write(events.ONWARD_ALLOWED, officer, command, told, outgoing.request_hash)
        return OnwardAnswer(True, "the owner has consented", until_us, outgoing.request.id, outgoing.state)

    def _outgoing(self, officer: Officer, command: OnwardCommand, held: _Held, key: str) -> OutgoingConsent:
        parts, line, now_us = self._parts, held.line, self._parts.clock.now_us()
        if not parts.policy().agreement_for(command.wanted.purpose.value, line.member, now_us):
            raise Forbidden(
                "no agreement with `{member}` covers this purpose",
                code="purpose-not-covered",
                where="purpose",
                member=line.member,
            )
        theirs = parse_entry(str(held.kept.private.get("their_entry", "")).encode())
        origin = _ORIGIN.fullmatch(theirs.log)
        if origin is None:
            raise Unknown("the owner's entry is not known", code="no-such-exchange", where="exchange_id")
        request = ConsentRequest(
            id=secrets.token_hex(16),
            sender=parts.member,
            recipient=MemberId(line.member),
            issued_us=now_us,
            expires_us=min(to_us(held.marking.not_after), held.search.started_us + MAX_VALIDITY_US),
            exchange_id=ExchangeId(line.exchange_id),
            answer_hash=held.kept.entry.answer_hash,
            reference=held.hit.reference,
            record=held.record.jti,
            asked=command.wanted,
            requester=Requester(
                officer.role, officer.office, officer.agency, self._pseudonym(officer.person, line.member)
            ),
            case=str(held.kept.private.get("case", "")),
            justification=command.reason,
            log_number=int(origin[1]),
            entry_index=theirs.index,
        )
        sealed = CONSENT_REQUEST_KIND.build(request, parts.key)
        return OutgoingConsent(key, officer.person, held.search.id, request, sealed.payload_hash, sealed.envelope)

    # ------------------------------------------------------------ entries

    async def _write(
        self, event: Event, officer: Officer, command: OnwardCommand, more: dict[str, Any], statement: bytes = b""
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
