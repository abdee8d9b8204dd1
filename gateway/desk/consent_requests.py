"""The owner's side of consent: a counterpart asks, in numbered steps; a human decides; the counterpart asks again.

1. rate of this counterpart
2. size, form, sender = TLS peer, recipient = us, signature, of our time (`statements.consent`)
3. the counterpart's trust documents are in their time
4. exchange with it is not suspended for this purpose
5. not replayed: the same id with other bytes is refused, the same bytes get our current answer
6. an agreement in force covers the purpose that is asked for
7. our own log has the exchange: answered by us to this counterpart, with exactly this answer
8. the record stands in that answer, under this hit, signed by an agency of ours, and its time is not over
9. an entry is durable, 10. the request is kept for a human, 11. our signed answer leaves

Exactly one request is kept for each id, however often it is sent. A refusal before step 3 is a bare status, and a later
one is a signed answer with a coarse reason. Each refusal has an entry, except for a rate that is too high (counted): of
requests, or of refused ones, whose entries would fill the disk.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from typing import Any

from gateway.audit.entries.entry import parse_entry
from gateway.audit.reading.kept_answers import KeptAnswers
from gateway.desk.consents import Consent, ConsentBook
from gateway.errors import Forbidden, LiaisonError, Overloaded, Suspended
from gateway.exchange.parts import Parts
from gateway.exchange.stages import as_error, reraise_fatal
from gateway.model.consent import ConsentAnswer, ConsentRequest, ConsentState
from gateway.model.exchange import Refusal, Verified
from gateway.model.names import MemberId
from gateway.ports import events
from gateway.ports.journal import EntryDraft
from gateway.records.verify import SKEW_US, VerifiedRecord, verify_record
from gateway.statements.answer import read_signed
from gateway.statements.consent import CONSENT_ANSWER_KIND, CONSENT_REQUEST_KIND
from gateway.statements.envelope import check_signer
from gateway.storage.log.group_commit import LogWriter
from gateway.throttle import Rates

MAX_OPEN = 500
"""Requests of one counterpart that are kept at a time."""

_PER_SECOND = 10.0

REFUSALS_PER_S, REFUSALS_BURST_S = 0.2, 300.0
"""Refused requests of one counterpart that have an entry, with the whole request."""


class ConsentDesk:
    """Takes counterparts' requests for consent, and writes humans' decisions into the log."""

    def __init__(self, parts: Parts, kept: KeptAnswers, operations: LogWriter) -> None:
        self._parts = parts
        self._kept = kept
        self._operations = operations
        self._book = ConsentBook(parts.documents)
        self._rates = Rates(_PER_SECOND, parts.clock.monotonic)
        self._refusals = Rates(REFUSALS_PER_S, parts.clock.monotonic, REFUSALS_BURST_S)
        self._one_at_a_time = asyncio.Lock()

    async def take(self, peer: MemberId, envelope: bytes) -> bytes:
        """Return our signed answer to the request in `envelope`.

        Raises for a refusal with a bare status (steps 1 and 2).
        """
        parts = self._parts
        self._check_rate(peer)  # 1
        try:
            request = CONSENT_REQUEST_KIND.verify(  # 2
                envelope, keys=parts.trust(), peer=peer, me=parts.member, now_us=parts.clock.now_us()
            )
        except LiaisonError as error:
            self._check_refusals(peer)
            await self._operations.write(_not_taken(peer, "", hashlib.sha256(envelope).digest(), error))
            raise
        try:
            async with self._one_at_a_time:
                consent = await self._accept(request)
            self._check_peer(request)  # anew, since it may have been removed meanwhile
        except Exception as problem:  # noqa: BLE001 - whatever goes wrong in a check is no consent
            reraise_fatal(problem)
            return await self._refuse(request, as_error(problem))
        return self._word(request, consent.state, consent.decision.until_us if consent.decision else 0)  # 11

    async def round(self) -> None:
        """Write an entry for each new decision of a human; the asker is told from then on."""
        for consent in await asyncio.to_thread(self._book.unlogged):
            await self._operations.write(_decided(consent))
            await asyncio.to_thread(self._book.logged, consent)

    def _check_rate(self, peer: MemberId) -> None:
        if not self._rates.admits(peer):
            raise Overloaded("too many requests for consent", code="consent-rate", where=peer)

    def _check_refusals(self, peer: MemberId) -> None:
        if not self._refusals.admits(peer):
            raise Overloaded("too many requests for consent that are refused", code="consent-rate", where=peer)

    async def _accept(self, request: Verified[ConsentRequest]) -> Consent:
        """Take steps 3 to 10; return the request as it is kept."""
        self._check_peer(request)  # 3, 4
        known = await asyncio.to_thread(self._book.known, request)  # 5
        if known is not None:
            return known
        about = await asyncio.to_thread(self._check_record, request)  # 6, 7, 8
        if not await asyncio.to_thread(self._has_entry, request):
            await self._operations.write(_requested(request, about))  # 9
        await asyncio.to_thread(self._book.take, request, about, self._parts.clock.now_us())  # 10
        found = await asyncio.to_thread(self._book.known, request)
        if found is None:
            raise Forbidden("its time was over before it was kept", code="expired")
        return found

    def _check_peer(self, request: Verified[ConsentRequest]) -> None:
        parts, peer, purpose = self._parts, request.signer, request.value.asked.purpose.value
        check_signer(parts.trust(), request, parts.clock.now_us())
        parts.trust().freshness(peer, parts.clock.now_us())
        if (reason := parts.suspensions.suspends(peer=peer, purpose=purpose)) is not None:
            raise Suspended("exchange with `{peer}` is suspended: {reason}", peer=peer, reason=reason)

    def _check_record(self, request: Verified[ConsentRequest]) -> dict[str, Any]:
        """Check steps 6 to 8; return a description of the record for a human to read."""
        parts, peer, value = self._parts, request.signer, request.value
        purpose = value.asked.purpose.value
        if not parts.policy().agreement_for(purpose, peer, parts.clock.now_us()):
            raise Forbidden("no agreement in force covers this purpose", code="purpose-not-covered")
        if self._book.open_of(peer) >= MAX_OPEN:
            raise Overloaded(
                "more than {limit} requests of `{peer}` are kept", code="consent-limit", limit=MAX_OPEN, peer=peer
            )
        record = self._record(request)
        if record.type in parts.suspensions.suspended_types(peer, purpose):
            raise Suspended("`{type}` is suspended with `{peer}`", type=record.type, peer=peer)
        return {"type": record.type, "owner": record.owner, "fields": record.fields, "marking": record.marking}

    def _record(self, request: Verified[ConsentRequest]) -> VerifiedRecord:
        """Return the record, as it left us in the answer that the request names."""
        parts, peer, value = self._parts, request.signer, request.value
        log = f"exchange/{value.log_number}"
        kept = self._kept.at(
            log, value.entry_index, peer=peer, exchange_id=value.exchange_id, kinds=events.kinds(events.ANSWERED)
        )
        if kept.entry.answer_hash != value.answer_hash:
            raise Forbidden("our answer was another one", code="wrong-answer", where="answer_hash")
        answer = read_signed(kept.answer)
        for hit in answer.hits:
            if hit.reference == value.reference and hit.record:
                record = verify_record(
                    hit.record,
                    parts.trust(),
                    member=parts.member,
                    audience=peer,
                    request_hash=kept.entry.request_hash,
                    now_us=parts.clock.now_us(),
                )
                if record.jti == value.record:
                    return record
        raise Forbidden("our answer has no such record", code="wrong-record", where="record_id")

    def _has_entry(self, request: Verified[ConsentRequest]) -> bool:
        """Tell whether the request has its entry, since the node may have stopped before it kept the request."""
        store, log = self._kept.store, "operations"
        names = [name for name in store.logs() if name.partition("/")[0] == log]
        since = max(1, request.value.issued_us - SKEW_US)
        for name in names:
            for index in store.find(
                name,
                peer=request.signer,
                exchange_id=request.value.exchange_id,
                kind=events.CONSENT_REQUESTED.kind,
                since_us=since,
            ):
                bodies = store.bodies(name, index, index + 1)
                if any(parse_entry(body).request_hash == request.payload_hash for _, body, _ in bodies):
                    return True
        return False

    async def _refuse(self, request: Verified[ConsentRequest], error: LiaisonError) -> bytes:
        """Return a signed refusal; its entry is durable before. Raises `Overloaded` for too many."""
        self._check_refusals(request.signer)
        await self._operations.write(
            _not_taken(request.signer, request.value.exchange_id, request.payload_hash, error, request.envelope)
        )
        return self._word(request, ConsentState.NOT_TAKEN, refusal=Refusal(error.reason, error.code))

    def _word(
        self,
        request: Verified[ConsentRequest],
        state: ConsentState,
        until_us: int = 0,
        refusal: Refusal | None = None,
    ) -> bytes:
        parts = self._parts
        answer = ConsentAnswer(
            id=request.value.id,
            sender=parts.member,
            recipient=request.signer,
            request_hash=request.payload_hash,
            issued_us=parts.clock.now_us(),
            state=state,
            until_us=until_us if state is ConsentState.GRANTED else 0,
            refusal=refusal,
        )
        return CONSENT_ANSWER_KIND.build(answer, parts.key).envelope


def _requested(request: Verified[ConsentRequest], about: dict[str, Any]) -> EntryDraft:
    value, requester = request.value, request.value.requester
    return events.CONSENT_REQUESTED.draft(
        peer=request.signer,
        exchange_id=value.exchange_id,
        request_hash=request.payload_hash,
        answer_hash=value.answer_hash,
        **value.asked.as_json(),
        consent=value.id,
        record=value.record,
        hit=value.reference,
        type=about["type"],
        owner=about["owner"],
        case=value.case,
        requester=[requester.role, requester.office, requester.agency, requester.pseudonym],
        justification=value.justification,
        statement=base64.b64encode(request.envelope).decode(),
    )


def _not_taken(
    peer: MemberId, exchange_id: str, statement_hash: bytes, error: LiaisonError, envelope: bytes = b""
) -> EntryDraft:
    private: dict[str, Any] = {"code": error.code, "reason": error.reason.value, "detail": str(error)[:300]}
    if envelope:
        private["statement"] = base64.b64encode(envelope).decode()
    return events.CONSENT_NOT_TAKEN.draft(peer=peer, exchange_id=exchange_id, request_hash=statement_hash, **private)


def _decided(consent: Consent) -> EntryDraft:
    decision, request = consent.decision, consent.request
    assert decision is not None
    return events.CONSENT_DECIDED.draft(
        peer=request.sender,
        exchange_id=request.exchange_id,
        request_hash=consent.request_hash,
        **request.asked.as_json(),
        consent=request.id,
        record=request.record,
        granted=decision.granted,
        by=decision.by,
        reason=decision.reason,
        decided_us=decision.decided_us,
        until_us=decision.until_us,
        role=decision.role,
        office=decision.office,
        proof=decision.proof,
        token=decision.token,
        order=decision.order,
    )
