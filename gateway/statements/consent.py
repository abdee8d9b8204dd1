"""The two statements about consent: the request of a record's recipient to its owner, and the owner's answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from liaison.exchange.v1 import consent_pb2 as pb
from liaison.exchange.v1 import statements_pb2

from gateway.errors import Forbidden, Malformed, Reason, Stale
from gateway.model.desk.consent import ConsentAnswer, ConsentRequest, ConsentState, OnwardUse, Place, Use
from gateway.model.exchange import Refusal, Verified
from gateway.model.names import MemberId, exchange_id, identifier, member_id, reference
from gateway.model.purpose import Purpose
from gateway.model.requester import Requester
from gateway.model.values import text_value
from gateway.statements.envelope import PayloadType, StatementKeys, unseal
from gateway.statements.fields import (
    check_hash,
    check_issued,
    microseconds,
    optional_text,
    requester_message,
    timestamp,
)
from gateway.statements.kind import Kind

CONSENT_REQUEST = PayloadType("consent-request", 1, 8 * 1024)
CONSENT_ANSWER = PayloadType("consent-answer", 1, 2 * 1024)

MAX_VALIDITY_US = 48 * 3600 * 1_000_000
"""The longest time between `issued` and `expires`: a copy is kept for 48 hours at most (DUTY-L16)."""

MAX_JUSTIFICATION = 500
"""The most characters of an officer's justification."""

_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_REFERENCE = re.compile(r"[A-Za-z0-9._~-]{1,256}", re.ASCII)
_CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,63}", re.ASCII)
_TO_WIRE: Mapping[ConsentState, pb.ConsentState.ValueType] = {
    ConsentState.TAKEN: pb.CONSENT_STATE_TAKEN,
    ConsentState.GRANTED: pb.CONSENT_STATE_GRANTED,
    ConsentState.REFUSED: pb.CONSENT_STATE_REFUSED,
    ConsentState.NOT_TAKEN: pb.CONSENT_STATE_NOT_TAKEN,
}
_FROM_WIRE = {number: state for state, number in _TO_WIRE.items()}
_Code = TypeVar("_Code", bound=StrEnum)


def _write_request(request: ConsentRequest) -> pb.ConsentRequest:
    return pb.ConsentRequest(
        consent_id=request.id,
        sender=request.sender,
        recipient=request.recipient,
        issued_time=timestamp(request.issued_us),
        expires_time=timestamp(request.expires_us),
        exchange_id=request.exchange_id,
        answer_hash=request.answer_hash,
        hit_reference=request.reference,
        record_id=request.record,
        asked=use_message(request.asked),
        requester=requester_message(request.requester),
        case_number=request.case,
        justification=request.justification,
        log_number=request.log_number,
        entry_index=request.entry_index,
    )


def _check_time(request: ConsentRequest, now_us: int) -> None:
    check_issued(request, now_us)
    if now_us >= request.expires_us:
        raise Stale("the request for consent is expired", code="expired", where="expires_time")


def read_consent_request(message: pb.ConsentRequest) -> ConsentRequest:
    """Return the request in a parsed payload, or raise `Malformed`."""
    check_hash(message.blind, "blind")
    issued, expires = (
        microseconds(message.issued_time, "issued_time"),
        microseconds(message.expires_time, "expires_time"),
    )
    if not 0 < expires - issued <= MAX_VALIDITY_US:
        raise Stale("a request for consent is valid for at most 48 h", code="bad-validity", where="expires_time")
    return ConsentRequest(
        id=_matched(_ID, message.consent_id, "consent_id"),
        sender=member_id(message.sender),
        recipient=member_id(message.recipient),
        issued_us=issued,
        expires_us=expires,
        exchange_id=exchange_id(message.exchange_id),
        answer_hash=check_hash(message.answer_hash, "answer_hash"),
        reference=_matched(_REFERENCE, message.hit_reference, "hit_reference"),
        record=_matched(_ID, message.record_id, "record_id"),
        asked=read_use(message.asked),
        requester=_read_requester(message.requester),
        case=reference(message.case_number, "case_number"),
        justification=text_value(message.justification, "justification", MAX_JUSTIFICATION),
        log_number=message.log_number,
        entry_index=message.entry_index,
    )


def use_message(use: OnwardUse) -> pb.OnwardUse:
    """Return a wanted use for a payload."""
    return pb.OnwardUse(
        member=use.to.member,
        agency=use.to.agency,
        office=use.to.office,
        purpose=use.purpose.value,
        use=use.use.value,
    )


def read_use(message: pb.OnwardUse) -> OnwardUse:
    """Return the use in a parsed payload, or raise `Malformed`."""
    place = Place(
        member_id(message.member),
        identifier(message.agency, "asked.agency") if message.agency else "",
        identifier(message.office, "asked.office") if message.office else "",
    )
    return OnwardUse(place, _listed(Purpose, message.purpose, "purpose"), _listed(Use, message.use, "use"))


def _read_requester(message: statements_pb2.Requester) -> Requester:
    return Requester(
        role=identifier(message.role, "requester.role"),
        office=identifier(message.office, "requester.office"),
        agency=identifier(message.agency, "requester.agency"),
        pseudonym=identifier(message.pseudonym, "requester.pseudonym"),
    )


def _write_answer(answer: ConsentAnswer) -> pb.ConsentAnswer:
    message = pb.ConsentAnswer(
        consent_id=answer.id,
        sender=answer.sender,
        recipient=answer.recipient,
        request_hash=answer.request_hash,
        issued_time=timestamp(answer.issued_us),
        state=_TO_WIRE[answer.state],
    )
    if answer.state is ConsentState.GRANTED:
        message.until_time.CopyFrom(timestamp(answer.until_us))
    if answer.refusal is not None:
        refusal = answer.refusal
        message.refusal.CopyFrom(statements_pb2.Refusal(reason=refusal.reason.value, code=refusal.code))
    return message


def read_consent_answer(message: pb.ConsentAnswer) -> ConsentAnswer:
    """Return the owner's answer in a parsed payload, or raise `Malformed`."""
    check_hash(message.blind, "blind")
    state = _FROM_WIRE.get(message.state)
    if state is None:
        raise Malformed("unknown state", code="unknown-state", where="state")
    if message.HasField("until_time") != (state is ConsentState.GRANTED):
        raise Malformed("a time stands with a grant only", code="bad-time", where="until_time")
    if message.HasField("refusal") != (state is ConsentState.NOT_TAKEN):
        raise Malformed("a refusal stands with what was not taken only", code="bad-refusal", where="refusal")
    return ConsentAnswer(
        id=_matched(_ID, message.consent_id, "consent_id"),
        sender=member_id(message.sender),
        recipient=member_id(message.recipient),
        request_hash=check_hash(message.request_hash, "request_hash"),
        issued_us=microseconds(message.issued_time, "issued_time"),
        state=state,
        until_us=microseconds(message.until_time, "until_time") if state is ConsentState.GRANTED else 0,
        refusal=_read_refusal(message.refusal) if state is ConsentState.NOT_TAKEN else None,
    )


def _read_refusal(message: statements_pb2.Refusal) -> Refusal:
    optional_text(message.text, "refusal.text", MAX_JUSTIFICATION)
    return Refusal(_listed(Reason, message.reason, "reason"), _matched(_CODE, message.code, "refusal.code"))


def _matched(pattern: re.Pattern[str], value: str, where: str) -> str:
    if not pattern.fullmatch(value):
        raise Malformed("a value is missing or has another form", code="bad-value", where=where)
    return value


def _listed(kind: type[_Code], value: str, where: str) -> _Code:
    try:
        return kind(value)
    except ValueError:
        raise Malformed("the {place} is unknown", code=f"unknown-{where}", where=where, place=where) from None


CONSENT_REQUEST_KIND = Kind(
    CONSENT_REQUEST, pb.ConsentRequest, "consent", _write_request, read_consent_request, _check_time
)
"""A request for consent.

`desk.consent_requests` checks it against our own log and documents: it is not replayed, and the exchange and the record
are ours.
"""

CONSENT_ANSWER_KIND = Kind(
    CONSENT_ANSWER, pb.ConsentAnswer, "consent-answer", _write_answer, read_consent_answer, check_issued
)
"""The owner's answer to it."""


def parse_consent_request(envelope: bytes) -> ConsentRequest:
    """Return the request in an envelope of our own store: its content is checked, its signature is not."""
    return CONSENT_REQUEST_KIND.parse(unseal(envelope, CONSENT_REQUEST).payload)


def verify_consent_answer(
    envelope: bytes,
    *,
    keys: StatementKeys,
    member: MemberId,
    me: MemberId,
    request: ConsentRequest,
    request_hash: bytes,
    now_us: int,
) -> Verified[ConsentAnswer]:
    """Return the word in `envelope` of the owner that we asked, when the checks of `Kind.verify` hold, of which

    5. it answers our request: its hash, and its id
    7. it grants nothing beyond the time that we asked for

    Raises like `Kind.verify`.
    """

    def answers(message: pb.ConsentAnswer) -> None:
        if message.request_hash != request_hash or message.consent_id != request.id:
            raise Forbidden("the word is on another request", code="wrong-request", where="request_hash")

    def within(answer: ConsentAnswer) -> None:
        if answer.until_us > request.expires_us:
            raise Malformed("more than was asked for", code="bad-validity", where="until_time")

    return CONSENT_ANSWER_KIND.verify(
        envelope, keys=keys, peer=member, me=me, now_us=now_us, answers=answers, within=within
    )
