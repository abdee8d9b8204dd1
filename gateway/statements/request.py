"""The request statement: building it at home, verifying it abroad."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from liaison.exchange.v1 import statements_pb2 as pb

from gateway.errors import LiaisonError, Malformed, Stale
from gateway.model.exchange import Request, Verified
from gateway.model.names import ExchangeId, MemberId, exchange_id, identifier, member_id, reference
from gateway.model.purpose import Offence, Purpose
from gateway.model.requester import Requester
from gateway.statements.envelope import (
    REQUEST,
    Sealed,
    SigningKey,
    StatementKeys,
    Unsealed,
    check_parties,
    check_signatures,
    parse,
    sealed,
    unseal,
)
from gateway.statements.fields import HASH_SIZE, SKEW_US, check_hash, microseconds, timestamp
from gateway.statements.queries import fill_query, read_query

MAX_VALIDITY_US = 60_000_000
"""The longest time between `issued` and `expires`, in microseconds."""

_PURPOSES: Mapping[str, Purpose] = {purpose.value: purpose for purpose in Purpose}
_OFFENCES: Mapping[str, Offence] = {offence.value: offence for offence in Offence}


class OpenRequest(msgspec.Struct, frozen=True):
    """A request whose form is right and whose signature is *not* verified: good for routing, nothing else."""

    unsealed: Unsealed
    message: pb.Request


class SignedRequest(msgspec.Struct, frozen=True):
    """A request whose sender and signature were checked (`check_sender` makes it); its content is not."""

    opened: OpenRequest
    signer: MemberId


class RequestReference(msgspec.Struct, frozen=True):
    """What a signed refusal refers to when the request itself was not accepted."""

    exchange_id: ExchangeId
    request_hash: bytes


def build_request(request: Request, key: SigningKey) -> Sealed:
    """`request`, signed. Raises what a counterpart would: we send nothing that we would refuse."""
    message = pb.Request(
        blind=os.urandom(HASH_SIZE),
        exchange_id=request.exchange_id,
        sender=request.sender,
        recipient=request.recipient,
        issued_time=timestamp(request.issued_us),
        expires_time=timestamp(request.expires_us),
        purpose=request.purpose.value,
        offence=request.offence.value,
        case_number=request.case,
        ticket=request.ticket,
        agreement=request.agreement,
        requester=_requester_message(request.requester),
        token_commitment=request.token_commitment,
        trust_hash=request.trust_hash,
        policy_hash=request.policy_hash,
    )
    fill_query(message, request.query)
    read_request(message)
    return sealed(REQUEST, message.SerializeToString(), key)


def verify_request(
    envelope: bytes, *, keys: StatementKeys, peer: MemberId, me: MemberId, now_us: int
) -> Verified[Request]:
    """The request in `envelope`, when every check holds:

    1. size, form, payload type, and exactly one signature
    2. the payload parses, without unknown fields
    3. the sender is the TLS peer
    4. the recipient is us
    5. a key that the sender lists for statements now signed exactly these bytes
    6. the content is complete and well-formed
    7. it is fresh: issued within the skew of our time, not expired, and valid for at most 60 s

    Nothing of the content but its addresses is used before 5. The key must be valid now, not when the request says
    that it was issued: whoever holds a withdrawn key could write any time. Raises `TooLarge`, `Malformed`,
    `BadSignature`, `Forbidden` or `Stale`.
    """
    opened = open_request(envelope)  # 1, 2
    signed = check_sender(opened, keys=keys, peer=peer, me=me, now_us=now_us)  # 3, 4, 5
    return accept_request(signed, now_us)  # 6, 7


def open_request(envelope: bytes) -> OpenRequest:
    """Checks 1 and 2 of `verify_request`."""
    unsealed = unseal(envelope, REQUEST)
    return OpenRequest(unsealed, parse(pb.Request, unsealed.payload, "request"))


def check_sender(
    opened: OpenRequest, *, keys: StatementKeys, peer: MemberId, me: MemberId, now_us: int
) -> SignedRequest:
    """Checks 3 to 5 of `verify_request`."""
    (outcome,) = check_senders([(opened, peer)], keys=keys, me=me, now_us=now_us)
    if isinstance(outcome, LiaisonError):
        raise outcome
    return outcome


def check_senders(
    batch: Sequence[tuple[OpenRequest, MemberId]], *, keys: StatementKeys, me: MemberId, now_us: int
) -> list[SignedRequest | LiaisonError]:
    """`check_sender` for a batch of requests and their peers: what it would return or raise."""
    outcomes = [_addressed(opened, peer, me) for opened, peer in batch]
    signed = [item for item in outcomes if isinstance(item, SignedRequest)]
    refusals = iter(check_signatures([(item.opened.unsealed, item.signer, now_us) for item in signed], keys))
    return [item if isinstance(item, LiaisonError) else next(refusals) or item for item in outcomes]


def _addressed(opened: OpenRequest, peer: MemberId, me: MemberId) -> SignedRequest | LiaisonError:
    """What is signed if the signature fits; it is not verified here."""
    try:
        check_parties(opened.message.sender, opened.message.recipient, peer, me)
    except LiaisonError as error:
        return error
    return SignedRequest(opened, peer)


def accept_request(signed: SignedRequest, now_us: int) -> Verified[Request]:
    """Checks 6 and 7 of `verify_request`."""
    unsealed = signed.opened.unsealed
    request = read_request(signed.opened.message)
    check_fresh(request, now_us)
    return Verified(request, unsealed.payload_hash, unsealed.data, signed.signer, unsealed.key_id)


def check_fresh(request: Request, now_us: int) -> None:
    """Check 7 of `verify_request`: `Stale` unless the request is of our time (threats.md, E7 and E11)."""
    if abs(now_us - request.issued_us) > SKEW_US:
        raise Stale(
            "the request was not issued at our time", code="not-fresh", where="issued_time", remedy="compare the clocks"
        )
    if now_us >= request.expires_us:
        raise Stale("the request is expired", code="expired", where="expires_time")
    if not 0 < request.expires_us - request.issued_us <= MAX_VALIDITY_US:
        raise Stale("a request is valid for 1 µs to 60 s", code="bad-validity", where="expires_time")


def parse_request(payload: bytes) -> Request:
    """The request in exact payload bytes, checked for content (2 and 6), not for signature or time."""
    return read_request(parse(pb.Request, payload, "request"))


def read_request(message: pb.Request) -> Request:
    """The request that a parsed payload says; `Malformed` with a code of its own for what is missing."""
    check_hash(message.blind, "blind")
    case, ticket = message.case_number, message.ticket
    if not case and not ticket:
        raise Malformed("neither case nor ticket", code="missing-case", where="case_number")
    return Request(
        exchange_id=exchange_id(message.exchange_id),
        sender=member_id(message.sender),
        recipient=member_id(message.recipient),
        issued_us=microseconds(message.issued_time, "issued_time"),
        expires_us=microseconds(message.expires_time, "expires_time"),
        purpose=_listed(_PURPOSES, message.purpose, "purpose"),
        offence=_listed(_OFFENCES, message.offence, "offence"),
        case=reference(case, "case_number") if case else "",
        ticket=reference(ticket, "ticket") if ticket else "",
        agreement=_present(message.agreement, "agreement"),
        requester=_read_requester(message.requester),
        token_commitment=check_hash(message.token_commitment, "token_commitment"),
        query=read_query(message),
        trust_hash=check_hash(message.trust_hash, "trust_hash"),
        policy_hash=check_hash(message.policy_hash, "policy_hash"),
    )


def request_reference(envelope: bytes) -> RequestReference | None:
    """Id and hash of a request that was refused, for the refusal that we sign; None when it says no id.

    Unverified: whoever sent it is told what they sent, and nothing is done with it.
    """
    try:
        opened = open_request(envelope)
        return RequestReference(exchange_id(opened.message.exchange_id), opened.unsealed.payload_hash)
    except LiaisonError:
        return None


def _requester_message(requester: Requester) -> pb.Requester:
    return pb.Requester(
        role=requester.role, office=requester.office, agency=requester.agency, pseudonym=requester.pseudonym
    )


def _read_requester(message: pb.Requester) -> Requester:
    return Requester(
        role=_present(message.role, "requester.role", "role"),
        office=_present(message.office, "requester.office", "office"),
        agency=_present(message.agency, "requester.agency", "agency"),
        pseudonym=_present(message.pseudonym, "requester.pseudonym", "officer"),
    )


def _present(value: str, where: str, name: str = "") -> str:
    if not value:
        raise Malformed("a value is missing", code=f"missing-{name or where}", where=where)
    return identifier(value, where)


def _listed(known: Mapping[str, Any], value: str, where: str) -> Any:
    code = known.get(value)
    if code is None:
        state = "unknown" if value else "missing"
        raise Malformed(f"the {where} is {state}", code=f"{state}-{where}", where=where)
    return code
