"""Draw the answer of a finished job (step 10); draft its entry, and the answer of a refusal (step 11)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, cast

import msgspec

from gateway.errors import LiaisonError, Reason, Suspended
from gateway.exchange.answering.inbound import FrameRefusal, Reply
from gateway.exchange.answering.job import ANSWERED, Attributes, Drawn, Findings, Job, SourceNote, sign_findings
from gateway.exchange.ledger import copies_given, copies_in
from gateway.exchange.parts import Parts
from gateway.exchange.stages import as_error, reraise_fatal
from gateway.model.decision import Decision
from gateway.model.exchange import Answer, Outcome, Refusal, Request, searched_of
from gateway.model.hit import Hit, Quality
from gateway.ports.content_keys import Retention
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft, Logged, ReplayClaim, StoredAnswer
from gateway.records.claims import commit_withheld
from gateway.statements.answer import ANSWER_KIND, ANSWER_VERSIONS, in_version
from gateway.statements.envelope import Sealed
from gateway.statements.fields import SKEW_US
from gateway.statements.kind import Kind
from gateway.statements.request import request_reference

_MAX_KEPT = 16 * 1024


class Drafted(msgspec.Struct):
    """A job with its entry's draft, and the answer to be signed.

    `answer` is that of a refusal. `payload` is the written answer; where there is none, no signed answer can be given,
    and `reply` goes out.
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
            self.kind = ANSWER_VERSIONS.numbered(self.job.answer_version())
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
    bare = FrameRefusal(Reason.INTERNAL, "internal")
    if job.refusal is not None or job.drawn is None:
        refusal = job.refusal or Refusal(bare.reason, bare.code)
        answer, private = _refusal(parts, job, refusal)
        return Drafted(job, _entry(job, answer.outcome, private), answer, bare)
    drawn = job.drawn
    entry = _entry(job, drawn.outcome, _told(job, drawn))
    if drawn.copies:
        entry.rows = copies_given(parts.member, job.peer, job.verified.value.exchange_id, drawn.copies)
    return Drafted(job, entry, None, bare, ANSWER_VERSIONS.numbered(job.answer_version()), drawn.payload)


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
        policy_hash=told_policy(job),
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
    off = job.kinds_off() if outcome is Outcome.SUSPENDED else ()
    answer = answer_to(parts, job, outcome, refusal=refusal, withheld_commitment=commitment, missing=off, suspended=off)
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


def answer_to(parts: Parts, job: Job, outcome: Outcome, **rest: Any) -> Answer:
    """Return the answer to a verified request, with `rest` of its fields."""
    request = job.verified.value
    return Answer(
        exchange_id=request.exchange_id,
        sender=parts.member,
        recipient=request.sender,
        request_hash=job.verified.payload_hash,
        issued_us=parts.clock.now_us(),
        outcome=outcome,
        policy_hash=told_policy(job),
        **rest,
    )


def told_policy(job: Job) -> bytes:
    """Return the hash of the policy that decided, for a member that reads it in answers; else nothing."""
    return b"" if job.answer_version() == 1 else job.policy.hash


def _told(job: Job, drawn: Drawn) -> dict[str, Any]:
    """Return the private part of the entry of an answer that was drawn."""
    return _asked(job.verified.value) | {
        "outcome": drawn.outcome.value,
        "missing": drawn.missing,
        "decision": _decision(job.decision, job.decided_us) if job.decision else None,
        "sources": drawn.sources,
        "hits": drawn.hits,
        "withheld": drawn.withheld,
        "withheld_salt": drawn.withheld_salt,
    }


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


def _entry(job: Job, outcome: Outcome, private: dict[str, Any]) -> EntryDraft:
    request = job.verified
    refused = outcome in (Outcome.REFUSED, Outcome.SUSPENDED)
    claim = ReplayClaim(job.peer, request.value.exchange_id, request.payload_hash, expiry_us(request.value))
    replayed = job.refusal is not None and job.refusal.reason is Reason.ALREADY_EXISTS
    return (events.REFUSED if refused else events.ANSWERED).draft_of(
        private,
        peer=job.peer,
        exchange_id=request.value.exchange_id,
        request_hash=request.payload_hash,
        channel=f"in:{job.peer}",
        request=request.envelope,
        retention=Retention.HIT if outcome is Outcome.HIT else Retention.NO_HIT,
        # A refusal of a request that was answered before claims nothing, since it must not lose to the stored answer.
        claim=None if replayed or job.stored is not None else claim,
    )


# ------------------------------------------------------------ drawing the answer


_MAX_RECORDS = 48 * 1024
_MAX_HITS = 20
_ORDER = {quality: place for place, quality in enumerate(Quality)}


def draw_all(parts: Parts, jobs: Sequence[Job]) -> None:
    """Sign the records of a batch together, and draw its answers; one that cannot be drawn becomes a refusal."""
    for job in jobs:
        job.close()
    sign_findings([found for job in jobs for found in job.findings])
    for job in jobs:
        if job.refusal is None:
            try:
                job.drawn = draw(parts, job)
            except Exception as error:  # noqa: BLE001 - one bad record must not cost the batch
                reraise_fatal(error)
                job.refuse(as_error(error))


def draw(parts: Parts, job: Job) -> Drawn:
    """Return the answer of a job. Raises `Suspended` where all that could answer is switched off."""
    findings = job.findings
    commitment, opening = commit_withheld([item for found in findings for item in found.withheld])
    hits, cut = _fit([hit for found in findings for hit in found.hits])
    count = len(opening["withheld"]) if hits and all(found.show_withheld_count for found in findings) else None
    outcome = job.found_outcome(bool(hits))
    if outcome is Outcome.SUSPENDED:
        raise Suspended("all that could answer is suspended: {kinds}", kinds=", ".join(job.kinds_off()))
    whole = answer_to(
        parts,
        job,
        outcome,
        hits=hits,
        missing=_missing(job, findings),
        capped=cut or is_capped(findings),
        withheld_commitment=commitment,
        withheld_count=count,
        searched=searched_of((found.kind, found.as_of_us) for found in findings if found.state in ANSWERED),
        suspended=tuple(sorted({found.kind for found in findings if found.state == "suspended"})),
    )
    answer = in_version(whole, job.answer_version())
    keys = {name: f"{found.source}/{key}" for found in findings for name, key in found.keys.items()}
    return Drawn(
        ANSWER_VERSIONS.numbered(job.answer_version()).payload(answer),
        answer.outcome,
        answer.missing,
        [_note(found) for found in findings],
        [hit.reference for found in findings for hit in found.hits],
        opening["withheld"],
        opening["salt"],
        copies_in(hits, keys),
        [(found.begun, found.ended) for found in findings],
    )


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


def _missing(job: Job, findings: Iterable[Findings]) -> tuple[str, ...]:
    """Return the kinds of sources whose answer is missing, so that a source's silence is not read as no hit."""
    answered = {found.source for found in findings if found.state == "ok"}
    return tuple(sorted({kind for source, kind in job.expected if source not in answered}))


def _note(found: Findings) -> SourceNote:
    note: SourceNote = {
        "id": found.source,
        "state": found.state,
        "hits": len(found.hits),
        "suppressed": found.suppressed,
        "denied": found.denied,
        "policies": sorted(found.policies),
        "attributes": cast("list[Attributes]", found.attributes),
    }
    if found.as_of_us:
        note["as_of_us"] = found.as_of_us
    if found.changed:
        note["changed"] = found.changed
    return note
