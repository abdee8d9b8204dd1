"""The answer statement: built and padded by the side that answers, verified by the side that asked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import msgspec
from liaison.exchange.v1 import statements_pb2 as pb

from gateway.clock import SECOND_US
from gateway.errors import Forbidden, Malformed, Reason
from gateway.model.exchange import Answer, Outcome, Refusal, Searched, Verified
from gateway.model.hit import Hit, Quality
from gateway.model.names import ExchangeId, MemberId, exchange_id, member_id
from gateway.model.values import text_value
from gateway.records.types import RECORD_TYPES
from gateway.records.verify import MAX_COMPACT
from gateway.statements import fields
from gateway.statements.envelope import ANSWER, ANSWER_V2, ANSWER_V3, ANSWER_V4, StatementKeys
from gateway.statements.fields import (
    HASH_SIZE,
    check_hash,
    check_issued,
    is_compact,
    microseconds,
    optional_text,
    timestamp,
)
from gateway.statements.kind import Kind
from gateway.statements.versions import Versions

SIZES = (2048, 4096, 8192, 16_384, 32_768, 65_536)
"""The only lengths in bytes of an answer's payload, so that its length tells little."""

MAX_HITS = 32
MAX_RULES = 16
MAX_MISSING = 16
MAX_SEARCHED = 64

_REFERENCE = re.compile(r"[A-Za-z0-9._~-]{1,256}", re.ASCII)
_CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,63}", re.ASCII)
_TEXT_LIMIT = 256
_POLICY_TAG = bytes((pb.Answer.DESCRIPTOR.fields_by_name["policy_hash"].number << 3 | 2, HASH_SIZE))
"""The tag and length of the field `policy_hash`, the first one after the padding."""

_PADDING_TAG = pb.Answer.DESCRIPTOR.fields_by_name["padding"].number << 3 | 2
_TO_WIRE: Mapping[Outcome, pb.Outcome.ValueType] = {
    Outcome.HIT: pb.OUTCOME_HIT,
    Outcome.NO_HIT: pb.OUTCOME_NO_HIT,
    Outcome.REFUSED: pb.OUTCOME_REFUSED,
    Outcome.SUSPENDED: pb.OUTCOME_SUSPENDED,
    Outcome.NOT_SEARCHED: pb.OUTCOME_NOT_SEARCHED,
    Outcome.PARTIAL: pb.OUTCOME_PARTIAL,
}
_FROM_WIRE: Mapping[pb.Outcome.ValueType, Outcome] = {wire: outcome for outcome, wire in _TO_WIRE.items()}
_NOT_SEARCHED = Refusal(
    Reason.UNAVAILABLE, "not-searched", "no source that could hold this was searched; this does not mean no hit"
)
"""The words of versions 1 and 2 for `NOT_SEARCHED`: no reader of theirs takes a refusal for no hit (decision 0046)."""

LATELY_US = 900 * SECOND_US
"""How long ago what was searched may have been read for an answer that cannot say it, in microseconds."""

_QUALITIES: Mapping[str, Quality] = {quality.value: quality for quality in Quality}
_REASONS: Mapping[str, Reason] = {reason.value: reason for reason in Reason}


def _write(answer: Answer) -> pb.Answer:
    message = pb.Answer(
        exchange_id=answer.exchange_id,
        sender=answer.sender,
        recipient=answer.recipient,
        request_hash=answer.request_hash,
        issued_time=timestamp(answer.issued_us),
        outcome=_TO_WIRE[answer.outcome],
        missing=answer.missing,
        capped=answer.capped,
        withheld_commitment=answer.withheld_commitment,
        withheld_count=answer.withheld_count,
        policy_hash=answer.policy_hash,
    )
    for hit in answer.hits:  # written in its place, since protobuf would copy a finished message
        message.hits.add(
            reference=hit.reference,
            quality=hit.quality.value,
            record_type=hit.record_type,
            rules=hit.rules,
            action=hit.action,
            record=hit.record,
        )
    if answer.refusal is not None:
        refusal = answer.refusal
        message.refusal.CopyFrom(pb.Refusal(reason=refusal.reason.value, code=refusal.code, text=refusal.text))
    return message


def _write_v4(answer: Answer) -> pb.Answer:
    message = _write(answer)
    for one in answer.searched:
        item = message.searched.add(kind=one.kind)
        if one.as_of_us:
            item.as_of_time.CopyFrom(timestamp(one.as_of_us))
    message.suspended.extend(answer.suspended)
    return message


def _write_older(answer: Answer) -> pb.Answer:
    """Write an answer of version 1 or 2, which has no word for `NOT_SEARCHED` either."""
    answer = as_older(answer)
    if answer.outcome is not Outcome.NOT_SEARCHED:
        return _write(answer)
    return _write(msgspec.structs.replace(answer, outcome=Outcome.REFUSED, refusal=_NOT_SEARCHED))


def in_version(answer: Answer, version: int) -> Answer:
    """Return what a version of the answer can say of `answer`, and never more than is true."""
    return answer if version >= ANSWER_V4.version else as_older(answer)


def as_older(answer: Answer) -> Answer:
    """Return what an answer before version 4 says of `answer`: it cannot say `PARTIAL`, nor as of when it searched.

    Who reads `no hit` in it reads that of now. So one that lacks something is `NOT_SEARCHED`, and so is one of sources
    that were read longer ago than `LATELY_US`, whatever their mappings promise.
    """
    old = {one.kind for one in answer.searched if one.as_of_us < answer.issued_us - LATELY_US}
    if answer.outcome is Outcome.PARTIAL or (answer.outcome is Outcome.NO_HIT and (old or answer.missing)):
        missing = tuple(sorted({*answer.missing, *old}))
        answer = msgspec.structs.replace(answer, outcome=Outcome.NOT_SEARCHED, missing=missing)
    if answer.outcome is Outcome.SUSPENDED:
        answer = msgspec.structs.replace(answer, missing=())
    return msgspec.structs.replace(answer, searched=(), suspended=())


def read_answer(message: pb.Answer) -> Answer:
    """Return the answer in a parsed payload, or raise `Malformed`."""
    check_hash(message.blind, "blind")
    outcome, refusal = _read_outcome(message)
    if len(message.hits) > MAX_HITS or len(message.missing) > MAX_MISSING:
        raise Malformed("more hits or missing sources than allowed", code="too-many", where="hits")
    answer = Answer(
        exchange_id=exchange_id(message.exchange_id),
        sender=member_id(message.sender),
        recipient=member_id(message.recipient),
        request_hash=message.request_hash,
        issued_us=microseconds(message.issued_time, "issued_time"),
        outcome=outcome,
        refusal=refusal,
        hits=tuple(map(_read_hit, message.hits)),
        missing=tuple(message.missing),
        capped=message.capped,
        withheld_commitment=message.withheld_commitment,
        withheld_count=message.withheld_count if message.HasField("withheld_count") else None,
        policy_hash=message.policy_hash,
        searched=tuple(map(_read_searched, message.searched)),
        suspended=tuple(message.suspended),
    )
    _check_answer(answer)
    return answer


def _read_searched(message: pb.Searched) -> Searched:
    as_of_us = microseconds(message.as_of_time, "searched.as_of_time") if message.HasField("as_of_time") else 0
    return Searched(message.kind, as_of_us)


def _read_outcome(message: pb.Answer) -> tuple[Outcome, Refusal | None]:
    """Return the outcome and the refusal; what an older version wrote for `NOT_SEARCHED` is read as that."""
    outcome = _FROM_WIRE.get(message.outcome)
    if outcome is None:
        raise Malformed("unknown outcome", code="bad-answer", where="outcome")
    refusal = _read_refusal(message.refusal) if message.HasField("refusal") else None
    told = (refusal.reason, refusal.code) if refusal is not None else None
    if outcome is Outcome.NO_HIT and message.missing:  # before version 4
        return Outcome.PARTIAL, refusal
    if outcome is Outcome.REFUSED and told == (_NOT_SEARCHED.reason, _NOT_SEARCHED.code):
        return Outcome.NOT_SEARCHED, None
    return outcome, refusal


def pad(payload: bytes, rest: bytes = b"") -> bytes:
    """Add the padding field to `payload`, and then `rest`, so that it has exactly one of `SIZES`. Raises `TooLarge`."""
    return fields.pad(payload, _PADDING_TAG, SIZES, rest)


def _pad_v2(payload: bytes, message: pb.Answer) -> bytes:
    rest = payload.rindex(_POLICY_TAG + message.policy_hash)
    return pad(payload[:rest], payload[rest:])


def _check_v1(message: pb.Answer) -> None:
    if message.policy_hash:
        raise _newer("policy_hash")
    _check_older(message, pb.OUTCOME_NOT_SEARCHED)


def _check_v2(message: pb.Answer) -> None:
    check_hash(message.policy_hash, "policy_hash")
    _check_older(message, pb.OUTCOME_NOT_SEARCHED)


def _check_v3(message: pb.Answer) -> None:
    check_hash(message.policy_hash, "policy_hash")
    _check_older(message, pb.OUTCOME_PARTIAL)


def _check_v4(message: pb.Answer) -> None:
    check_hash(message.policy_hash, "policy_hash")
    if message.outcome == pb.OUTCOME_NO_HIT and message.missing:
        raise Malformed("no hit lacks nothing", code="bad-answer", where="missing")


def _check_older(message: pb.Answer, first: int) -> None:
    """Raise `Malformed` for the fields of version 4, and for an outcome of a newer version: `first`, or one after."""
    if message.searched or message.suspended:
        raise _newer("searched" if message.searched else "suspended")
    if message.outcome >= first:
        raise Malformed("an outcome of a newer version", code="bad-answer", where="outcome")


def _newer(field: str) -> Malformed:
    return Malformed("a field of a newer version", code="unknown-field", where=field)


def _check_padding(payload: bytes, message: pb.Answer) -> None:
    fields.check_padding(payload, message.padding, SIZES)


def _check_answer(answer: Answer) -> None:
    check_hash(answer.request_hash, "request_hash")
    check_hash(answer.withheld_commitment, "withheld_commitment")
    if answer.policy_hash:
        check_hash(answer.policy_hash, "policy_hash")
    if len(answer.hits) > MAX_HITS or len(answer.missing) > MAX_MISSING:
        raise Malformed("more hits or missing sources than allowed", code="too-many", where="hits")
    if (answer.refusal is not None) != (answer.outcome in (Outcome.REFUSED, Outcome.SUSPENDED)):
        raise Malformed("a refusal, and only that, gives its reason", code="bad-answer", where="refusal")
    if bool(answer.hits) != (answer.outcome is Outcome.HIT):
        raise Malformed("hits, and only these, make a hit", code="bad-answer", where="hits")
    for kind in answer.missing:
        text_value(kind, "missing", _TEXT_LIMIT)
    if answer.searched:
        _check_searched(answer)
    for hit in answer.hits:
        _check_hit(hit)
    if answer.refusal is not None:
        _check_refusal(answer.refusal)


def _read_v4(message: pb.Answer) -> Answer:
    answer = read_answer(message)
    _check_told(answer)
    return answer


def _check_answer_v4(answer: Answer) -> None:
    _check_answer(answer)
    _check_told(answer)


def _check_told(answer: Answer) -> None:
    """Raise `Malformed` where outcome, what was searched and what is missing do not go together (version 4)."""
    found = answer.outcome in (Outcome.HIT, Outcome.NO_HIT, Outcome.PARTIAL)
    if found and not answer.searched:
        raise Malformed("a finding of what was not searched", code="bad-answer", where="searched")
    if answer.searched and not found:
        raise Malformed("nothing is searched for such an answer", code="bad-answer", where="searched")
    if answer.outcome is (Outcome.NO_HIT if answer.missing else Outcome.PARTIAL):
        raise Malformed("a partial answer lacks something, no hit nothing", code="bad-answer", where="missing")
    off, missing = set(answer.suspended), set(answer.missing)
    if not off <= missing or (answer.outcome is Outcome.SUSPENDED and off != missing):
        raise Malformed("only what is missing is suspended", code="bad-answer", where="suspended")


def _check_searched(answer: Answer) -> None:
    if len(answer.searched) > MAX_SEARCHED or len({one.kind for one in answer.searched}) < len(answer.searched):
        raise Malformed("more kinds than allowed, or one twice", code="too-many", where="searched")
    for one in answer.searched:
        text_value(one.kind, "searched.kind", _TEXT_LIMIT)
        if one.as_of_us % SECOND_US or one.as_of_us > answer.issued_us:
            raise Malformed("no whole second before the answer", code="bad-time", where="searched.as_of_time")


def _check_hit(hit: Hit) -> None:
    if not _REFERENCE.fullmatch(hit.reference):
        raise Malformed("not an opaque reference", code="bad-answer", where="hits.reference")
    if hit.record_type not in RECORD_TYPES:
        raise Malformed("unknown record type", code="unknown-record-type", where="hits.record_type")
    if hit.record and (len(hit.record) > MAX_COMPACT or not is_compact(hit.record)):
        raise Malformed("not a record", code="bad-record", where="hits.record")
    _check_rules(hit.rules)
    optional_text(hit.action, "hits.action", _TEXT_LIMIT)


def _check_rules(rules: Sequence[str]) -> None:
    if len(rules) > MAX_RULES:
        raise Malformed("more than {limit} rules", code="too-many", where="hits.rules", limit=MAX_RULES)
    for rule in rules:
        text_value(rule, "hits.rules", _TEXT_LIMIT)


def _check_refusal(refusal: Refusal) -> None:
    if not _CODE.fullmatch(refusal.code):
        raise Malformed("not a code", code="bad-answer", where="refusal.code")
    optional_text(refusal.text, "refusal.text", _TEXT_LIMIT)


def _read_hit(message: pb.Hit) -> Hit:
    quality = _QUALITIES.get(message.quality)
    if quality is None:
        raise Malformed("unknown quality", code="bad-answer", where="hits.quality")
    if len(message.rules) > MAX_RULES:
        raise Malformed("more than {limit} rules", code="too-many", where="hits.rules", limit=MAX_RULES)
    return Hit(
        reference=message.reference,
        quality=quality,
        record_type=message.record_type,
        rules=tuple(message.rules),
        action=message.action,
        record=message.record,
    )


def _read_refusal(message: pb.Refusal) -> Refusal:
    reason = _REASONS.get(message.reason)
    if reason is None:
        raise Malformed("unknown reason", code="bad-answer", where="refusal.reason")
    return Refusal(reason, message.code, message.text)


ANSWER_KIND = Kind(
    ANSWER,
    pb.Answer,
    "answer",
    _write_older,
    read_answer,
    check_issued,
    check=_check_answer,
    finish=lambda payload, _message: pad(payload),
    check_form=_check_padding,
    check_version=_check_v1,
)
"""An answer to a request, padded; raises `TooLarge` over 64 KiB. It goes to members that read no newer version."""

ANSWER_V2_KIND = replace(ANSWER_KIND, payload_type=ANSWER_V2, finish=_pad_v2, check_version=_check_v2)
"""An answer that names the policy that decided (decision 0043)."""

ANSWER_V3_KIND = replace(
    ANSWER_V2_KIND, payload_type=ANSWER_V3, write=lambda answer: _write(as_older(answer)), check_version=_check_v3
)
"""An answer whose no hit says that something was searched, and that has a word for `NOT_SEARCHED` (decision 0046)."""

ANSWER_V4_KIND = replace(
    ANSWER_V2_KIND,
    payload_type=ANSWER_V4,
    write=_write_v4,
    read=_read_v4,
    check=_check_answer_v4,
    check_version=_check_v4,
)
"""An answer that says as of when each kind of source was searched, and that has a word for `PARTIAL` (0119)."""

ANSWER_VERSIONS = Versions(ANSWER_KIND, ANSWER_V2_KIND, ANSWER_V3_KIND, ANSWER_V4_KIND)


def read_signed(envelope: bytes) -> Answer:
    """Return the answer of any version in an envelope, its signature not verified. Raises like `Kind.open`."""
    return ANSWER_VERSIONS.parse(envelope)


def verify_answer(
    envelope: bytes,
    *,
    keys: StatementKeys,
    member: MemberId,
    me: MemberId,
    request_hash: bytes,
    exchange_id: ExchangeId,
    now_us: int,
) -> Verified[Answer]:
    """Return the answer in `envelope` of the member that we asked, when the checks of `Kind.verify` hold, of which

    5. it answers our request: its hash, and its exchange id
    7. it is padded to one of the sizes

    It has no age limit but 8: 5 binds it to a request that only we could make, and an answer that comes late is
    still evidence. Records inside are verified by `records.verify`. Raises like `Kind.verify`.
    """

    def answers(message: pb.Answer) -> None:
        if message.request_hash != request_hash or message.exchange_id != exchange_id:
            raise Forbidden("the answer is to another request", code="wrong-request", where="request_hash")

    return ANSWER_VERSIONS.verify(envelope, keys=keys, peer=member, me=me, now_us=now_us, answers=answers)
