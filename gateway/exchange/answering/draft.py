"""Draft the signed answer of a finished job, and its entry (step 10)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import msgspec

from gateway.errors import LiaisonError, Reason
from gateway.exchange.answering.inbound import FrameRefusal, Reply
from gateway.exchange.answering.job import Findings, Job
from gateway.exchange.ledger import copies_given
from gateway.exchange.parts import Parts
from gateway.model.decision import Decision
from gateway.model.exchange import Answer, Outcome, Refusal, Request
from gateway.model.hit import Hit, Quality
from gateway.ports import events
from gateway.ports.content_keys import Retention
from gateway.ports.journal import EntryDraft, Logged, ReplayClaim, StoredAnswer
from gateway.records.withheld import commit_withheld
from gateway.statements.answer import ANSWER_KIND, ANSWER_V2_KIND, ANSWER_V3_KIND
from gateway.statements.envelope import Sealed
from gateway.statements.fields import SKEW_US
from gateway.statements.kind import Kind
from gateway.statements.request import request_reference
from gateway.trust.documents.descriptor import Reads

_MAX_KEPT = 16 * 1024
_MAX_RECORDS = 48 * 1024
_MAX_HITS = 20
_ORDER = {quality: place for place, quality in enumerate(Quality)}


class Drafted(msgspec.Struct):
    """A job with its entry's draft, and the answer to be signed.

    `answer` is None where no signed answer can be given; `reply` then goes out. `payload` is the written answer.
    """

    job: Job
    entry: EntryDraft
    answer: Answer | None
    reply: Reply
    kind: Kind[Any, Answer] = ANSWER_KIND
    payload: bytes = b""
    envelope: bytes = b""

    def write(self) -> None:
        """Write the answer's payload, which will be signed. Raises like `Kind.payload`."""
        if self.answer is not None:
            self.kind = _kind(self.job)
            self.payload = self.kind.payload(self.answer)

    def seal(self, sealed: Sealed) -> None:
        """Take the signed answer, and note it in the entry."""
        self.envelope = self.entry.answer = sealed.envelope
        self.entry.answer_hash = sealed.payload_hash


def draft_answer(parts: Parts, job: Job) -> Drafted:
    """Return the answer of a job and its entry, or the entry of a refusal that cannot be signed."""
    if job.request is None:
        return _unaccepted(parts, job)
    if job.stored is not None and job.refusal is None:
        return _duplicate(job)
    refusal = job.refusal or _all_suspended(job)
    answer, private = _refusal(parts, job, refusal) if refusal is not None else _findings(parts, job)
    entry = _entry(job, answer, private)
    if answer.hits:
        keys = {name: f"{found.source}/{key}" for found in job.findings for name, key in found.keys.items()}
        entry.rows = copies_given(parts.member, job.peer, answer.exchange_id, answer.hits, keys)
    return Drafted(job, entry, answer, FrameRefusal(Reason.INTERNAL, "internal"))


def _all_suspended(job: Job) -> Refusal | None:
    """Return a refusal when every source that could serve is switched off: a suspension, not a partial answer."""
    states = [found.state for found in job.findings]
    if states and len(states) == len(job.expected) and all(state == "suspended" for state in states):
        return Refusal(Reason.SUSPENDED, "suspended")
    return None


def _unaccepted(parts: Parts, job: Job) -> Drafted:
    """Draft for a request that was not accepted: a signed refusal when it names its exchange, else a bare status."""
    refusal = job.refusal or Refusal(Reason.INTERNAL, "internal")
    inbound = job.inbound
    size = len(inbound.envelope)
    entry = events.REFUSED.draft_of(
        {
            "code": refusal.code,
            "reason": refusal.reason.value,
            "detail": str(job.why or "")[:300],
            "policy_hash": job.policy.hash.hex(),
            "size": size,
        },
        peer=job.peer,
        request_hash=hashlib.sha256(inbound.envelope).digest(),
        request=inbound.envelope if job.is_kept and size <= _MAX_KEPT else b"",
    )
    bare = FrameRefusal(refusal.reason, refusal.code)
    reference = request_reference(inbound.envelope) if refusal.reason is not Reason.UNAUTHENTICATED else None
    if reference is None:
        return Drafted(job, entry, None, bare)
    commitment, _ = commit_withheld([])
    answer = Answer(
        exchange_id=reference.exchange_id,
        sender=parts.member,
        recipient=job.peer,
        request_hash=reference.request_hash,
        issued_us=parts.clock.now_us(),
        outcome=Outcome.REFUSED,
        refusal=refusal,
        withheld_commitment=commitment,
        policy_hash=_told_policy(job),
    )
    entry.exchange_id, entry.request_hash = reference.exchange_id, reference.request_hash
    entry.channel = f"in:{job.peer}"
    return Drafted(job, entry, answer, bare)


def _duplicate(job: Job) -> Drafted:
    request = job.verified
    entry = events.DUPLICATE.draft(
        peer=job.peer,
        exchange_id=request.value.exchange_id,
        request_hash=request.payload_hash,
        first_index=job.stored.index if job.stored else None,
    )
    return Drafted(job, entry, None, FrameRefusal(Reason.INTERNAL, "internal"))


def draft_loser(job: Job, place: Logged | StoredAnswer) -> EntryDraft:
    """Draft the entry of a request whose exchange was answered while it was being served."""
    request = job.verified
    same = isinstance(place, StoredAnswer) and place.request_hash == request.payload_hash
    replayed = {"code": "replayed", "reason": Reason.ALREADY_EXISTS.value}
    return (events.DUPLICATE if same else events.REFUSED).draft_of(
        {"first_index": place.index} if same else replayed,
        peer=job.peer,
        exchange_id=request.value.exchange_id,
        request_hash=request.payload_hash,
        request=b"" if same else request.envelope,
    )


def draft_kept_back(item: Drafted, error: LiaisonError, index: int) -> EntryDraft:
    """Draft the entry of an answer that was committed as entry `index` and does not leave."""
    job = item.job
    stored = job.stored.index if job.stored is not None and job.refusal is None else index
    detail = {"code": error.code, "detail": str(error)[:300], "kept_index": stored}
    return events.KEPT_BACK.draft_of(detail, peer=job.peer, exchange_id=item.entry.exchange_id)


def _refusal(parts: Parts, job: Job, refusal: Refusal) -> tuple[Answer, dict[str, Any]]:
    outcome = Outcome.SUSPENDED if refusal.reason is Reason.SUSPENDED else Outcome.REFUSED
    commitment, _ = commit_withheld([])
    answer = _answer(parts, job, outcome, refusal=refusal, withheld_commitment=commitment)
    private = _asked(job.verified.value) | {
        "code": refusal.code,
        "reason": refusal.reason.value,
        "policy_hash": job.policy.hash.hex(),
    }
    if job.why is not None:
        private["detail"] = str(job.why)[:300]
    if job.decision is not None:
        private["decision"] = _decision(job.decision, job.decided_us)
    return answer, private


def _findings(parts: Parts, job: Job) -> tuple[Answer, dict[str, Any]]:
    findings = job.findings
    commitment, opening = commit_withheld([item for found in findings for item in found.withheld])
    hits, cut = _fit([hit for found in findings for hit in found.hits])
    count = len(opening["withheld"]) if hits and all(found.show_withheld_count for found in findings) else None
    answer = _answer(
        parts,
        job,
        job.found_outcome(bool(hits)),
        hits=hits,
        missing=_missing(job, findings),
        capped=cut or is_capped(findings),
        withheld_commitment=commitment,
        withheld_count=count,
    )
    return answer, _asked(job.verified.value) | _private(job, answer, findings) | {
        "withheld": opening["withheld"],
        "withheld_salt": opening["salt"],
    }


def is_capped(findings: Iterable[Findings]) -> bool:
    """Tell whether to say that there was more.

    Where hidden records helped to reach the cap, it would give them away.
    """
    return any(found.capped and found.hits and not found.suppressed for found in findings)


def _fit(hits: list[Hit]) -> tuple[tuple[Hit, ...], bool]:
    """Return the surest hits, as many as an answer can hold, and whether some did not fit."""
    kept: list[Hit] = []
    room = _MAX_RECORDS
    for hit in sorted(hits, key=lambda item: _ORDER[item.quality]) if len(hits) > 1 else hits:
        room -= len(hit.record)
        if room < 0 or len(kept) == _MAX_HITS:
            return tuple(kept), True
        kept.append(hit)
    return tuple(kept), False


def _answer(parts: Parts, job: Job, outcome: Outcome, **rest: Any) -> Answer:
    request = job.verified.value
    return Answer(
        exchange_id=request.exchange_id,
        sender=parts.member,
        recipient=request.sender,
        request_hash=job.verified.payload_hash,
        issued_us=parts.clock.now_us(),
        outcome=outcome,
        policy_hash=_told_policy(job),
        **rest,
    )


def _told_policy(job: Job) -> bytes:
    """Return the hash of the policy that decided, for a member that reads it in answers; else nothing."""
    return b"" if _kind(job) is ANSWER_KIND else job.policy.hash


def _kind(job: Job) -> Kind[Any, Answer]:
    """Return the newest version of answers that the asker reads, by its descriptor."""
    reads = job.view.descriptor(job.peer).reads if job.view is not None else ()
    if Reads.ANSWER_V3 in reads:
        return ANSWER_V3_KIND
    return ANSWER_V2_KIND if Reads.ANSWER_V2 in reads else ANSWER_KIND


def _missing(job: Job, findings: Iterable[Findings]) -> tuple[str, ...]:
    """Return the kinds of sources whose answer is missing, so that a source's silence is not read as no hit."""
    answered = {found.source for found in findings if found.state == "ok"}
    return tuple(sorted({kind for source, kind in job.expected if source not in answered}))


def _asked(request: Request) -> dict[str, Any]:
    requester = request.requester
    return {
        "purpose": request.purpose.value,
        "offence": request.offence.value,
        "case": request.case,
        "ticket": request.ticket,
        "agreement": request.agreement,
        "requester": [requester.role, requester.office, requester.agency, requester.pseudonym],
        "query": request.query.kind.value,
    }


def _private(job: Job, answer: Answer, findings: Iterable[Findings]) -> dict[str, Any]:
    return {
        "outcome": answer.outcome.value,
        "missing": list(answer.missing),
        "decision": _decision(job.decision, job.decided_us) if job.decision else None,
        "sources": [
            {
                "id": found.source,
                "state": found.state,
                "hits": len(found.hits),
                "suppressed": found.suppressed,
                "denied": found.denied,
                "policies": sorted(found.policies),
                "attributes": found.attributes,
            }
            | ({"changed": found.changed} if found.changed else {})
            for found in findings
        ],
        "hits": [hit.reference for found in findings for hit in found.hits],
    }


def _decision(decision: Decision, at_us: int) -> dict[str, Any]:
    """Return a decision for the entry; `at_us` is its time, and that of the decisions on the records."""
    return {
        "policies": decision.policies,
        "hash": decision.policy_hash,
        "attributes": decision.attributes,
        "at_us": at_us,
    }


def expiry_us(request: Request) -> int:
    """Return when the claim of a request expires: twice the skew after the request itself."""
    return request.expires_us + 2 * SKEW_US


def _entry(job: Job, answer: Answer, private: dict[str, Any]) -> EntryDraft:
    request = job.verified
    refused = answer.outcome in (Outcome.REFUSED, Outcome.SUSPENDED)
    claim = ReplayClaim(job.peer, request.value.exchange_id, request.payload_hash, expiry_us(request.value))
    replayed = job.refusal is not None and job.refusal.reason is Reason.ALREADY_EXISTS
    return (events.REFUSED if refused else events.ANSWERED).draft_of(
        private,
        peer=job.peer,
        exchange_id=request.value.exchange_id,
        request_hash=request.payload_hash,
        channel=f"in:{job.peer}",
        request=request.envelope,
        retention=Retention.HIT if answer.outcome is Outcome.HIT else Retention.NO_HIT,
        # A refusal of a request that was answered before claims nothing, since it must not lose to the stored answer.
        claim=None if replayed or job.stored is not None else claim,
    )
