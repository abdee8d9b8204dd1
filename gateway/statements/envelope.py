"""The envelope of a statement: DSSE in protobuf, exactly one ECDSA P-256 signature.

The payload's exact received bytes are verified, hashed and logged, and then parsed; nothing is serialised again to be
verified. `parse` accepts a message only in the bytes that a proto3 serialiser gives it. That check finds unknown fields
at any depth, repeated and misplaced fields, and over-long numbers, in a microsecond.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar

import msgspec
from google.protobuf.message import DecodeError, Message
from liaison.exchange.v1 import envelope_pb2

from gateway.errors import BadSignature, Forbidden, LiaisonError, TooLarge
from gateway.model.desk.notices import NoticeType
from gateway.model.exchange import Verified
from gateway.model.names import MemberId
from gateway.rpc import strict
from gateway.signing.dsse import pae
from gateway.signing.multi_buffer.batch import Check, Signs, Verifies, sign_batch, verify_batch
from gateway.trust.documents.statement_versions import NOTICE, READ


class PayloadType(str):
    """The payload type of one version of a kind of statement.

    `kind` and `version` are those of `trust.statement_versions`; `largest` is the size of its largest payload in bytes.
    """

    __slots__ = ("kind", "largest", "version")
    kind: str
    version: int
    largest: int

    def __new__(cls, kind: str, version: int, largest: int) -> PayloadType:
        """Return the type of this version."""
        made = super().__new__(cls, f"application/vnd.liaison.{kind}.v{version}+protobuf")
        made.kind, made.version, made.largest = kind, version, largest
        return made


def payload_types(kind: str, largest: int) -> tuple[PayloadType, ...]:
    """Return the payload types of all versions of a statement that this program reads, the oldest first."""
    return tuple(PayloadType(kind, version, largest) for version in READ[kind])


# Each kind names its type in its own module. These are here because the audit opens their envelopes, and must not
# load all record types for it.
REQUESTS = payload_types("request", 16 * 1024)
REQUEST = REQUESTS[0]
ANSWERS = payload_types("answer", 64 * 1024)
"""The payload types of answers, the oldest first (decisions 0043, 0046 and 0119)."""
ANSWER, ANSWER_V2, ANSWER_V3, ANSWER_V4 = ANSWERS
NOTICES: Mapping[NoticeType, PayloadType] = {
    each: payload_types(f"{NOTICE}{each}", 240 * 1024)[0] for each in NoticeType
}
"""The payload type of each type of notice."""
NOTICE_RECEIPTS = payload_types("notice-receipt", 2 * 1024)
NOTICE_RECEIPT = NOTICE_RECEIPTS[0]
FETCHES = payload_types("fetch", 1024)
QUESTIONS = (*REQUESTS, *NOTICES.values())
"""The payload types of what opens an exchange: a request, or a notice."""
ASKED = (*QUESTIONS, *FETCHES)
"""The payload types of all that asks for something, as entries keep it."""
ENDINGS = (*ANSWERS, *NOTICE_RECEIPTS)
"""The payload types of what ends an exchange: an answer, or the receipt of a notice."""

ENVELOPE_OVERHEAD = 512
"""Bytes that payload type, key id, signature and framing may add to a payload."""

SIGNATURE_SIZE = 64
"""Bytes of r and s."""

_KEY_ID_SIZE = 64
_VERSIONED = re.compile(r"application/vnd\.liaison\.([a-z.-]{1,64})\.v([1-9][0-9]{0,3})\+protobuf", re.ASCII)
_Message = TypeVar("_Message", bound=Message)


class SigningKey(Signs, Protocol):
    """A P-256 key that signs; `gateway.signing.keys.SigningKey` is one."""

    @property
    def key_id(self) -> str:
        """SHA-256 of the public key, hexadecimal."""


class StatementKeys(Protocol):
    """The keys that members have listed; `gateway.trust.view.TrustView` is one."""

    def verify_key(self, member: MemberId, key_id: str, use: str, at_us: int) -> Verifies:
        """Return the key that `member` listed for `use` and that was valid at `at_us`, else raise `BadSignature`."""


class Sealed(msgspec.Struct, frozen=True):
    """A signed statement of ours: the bytes to send and log, and SHA-256 of the exact payload."""

    envelope: bytes
    payload_hash: bytes


class Unsealed(msgspec.Struct, frozen=True):
    """The parts of an envelope; its signature is *not* verified yet. `data` are the exact bytes received."""

    payload_type: PayloadType
    payload: bytes
    signature: bytes
    key_id: str
    data: bytes

    @property
    def payload_hash(self) -> bytes:
        """SHA-256 of the exact payload."""
        return hashlib.sha256(self.payload).digest()


def seal(payload_type: PayloadType, payload: bytes, key: SigningKey) -> bytes:
    """Return `payload` in a signed envelope; raise `TooLarge` when the other side would have to refuse it."""
    _check_size(payload_type, payload)
    return _envelope(payload_type, payload, key, key.sign(pae(payload_type, payload)))


def sealed(payload_type: PayloadType, payload: bytes, key: SigningKey) -> Sealed:
    """Sign like `seal`, and return the payload's hash, too."""
    return Sealed(seal(payload_type, payload, key), hashlib.sha256(payload).digest())


def sealed_together(payloads: Sequence[tuple[PayloadType, bytes]], key: SigningKey) -> list[Sealed | Exception]:
    """Sign a batch like `sealed`; the list has an exception in the place of each payload that cannot be signed."""
    signatures = sign_batch([(key, pae(payload_type, payload)) for payload_type, payload in payloads])
    return [
        _sealed_with(payload_type, payload, key, signature)
        for (payload_type, payload), signature in zip(payloads, signatures, strict=True)
    ]


def _sealed_with(
    payload_type: PayloadType, payload: bytes, key: SigningKey, signature: bytes | Exception
) -> Sealed | Exception:
    if isinstance(signature, Exception):
        return signature
    try:
        _check_size(payload_type, payload)
    except TooLarge as error:
        return error
    return Sealed(_envelope(payload_type, payload, key, signature), hashlib.sha256(payload).digest())


def _check_size(payload_type: PayloadType, payload: bytes) -> None:
    if len(payload) > payload_type.largest:
        raise TooLarge(
            "more than {largest} bytes", code="statement-too-large", where=payload_type, largest=payload_type.largest
        )


def _envelope(payload_type: PayloadType, payload: bytes, key: SigningKey, signature: bytes) -> bytes:
    envelope = envelope_pb2.Envelope(payload=payload, payload_type=payload_type)
    envelope.signatures.add(sig=signature, keyid=key.key_id)
    return envelope.SerializeToString()


def unseal(data: bytes, *payload_types: PayloadType) -> Unsealed:
    """Return the parts of an envelope of one of `payload_types`.

    Raises `TooLarge` over the size of its type, `Malformed` when it does not parse, `BadSignature` when it is of
    another type or has not exactly one signature of 64 bytes with a key id.
    """
    largest = max([payload_type.largest for payload_type in payload_types])
    if len(data) > largest + ENVELOPE_OVERHEAD:
        raise TooLarge(
            "more than {largest} bytes",
            code="statement-too-large",
            where="envelope",
            largest=largest + ENVELOPE_OVERHEAD,
        )
    message = parse(envelope_pb2.Envelope, data, "envelope")
    if message.payload_type not in payload_types:
        raise BadSignature("another kind of statement", code="wrong-payload-type", where="envelope.payload_type")
    payload_type = payload_types[payload_types.index(message.payload_type)]
    if len(message.signatures) != 1:
        raise BadSignature("not exactly one signature", code="not-one-signature", where="envelope.signatures")
    signature = message.signatures[0]
    key_id, raw, payload = signature.keyid, signature.sig, message.payload
    if len(raw) != SIGNATURE_SIZE or len(key_id) != _KEY_ID_SIZE:
        raise BadSignature("not a raw P-256 signature with a key id", where="envelope.signatures")
    if len(payload) > payload_type.largest:
        raise TooLarge(
            "more than {largest} bytes",
            code="statement-too-large",
            where="envelope.payload",
            largest=payload_type.largest,
        )
    return Unsealed(payload_type, payload, raw, key_id, data)


def unseal_evidence(data: bytes, *payload_types: PayloadType) -> Unsealed:
    """Return like `unseal` the parts of an envelope in a log; it may be of a newer version of these statements, too.

    Hash and signature of such a one can be checked, and its content cannot be read.
    """
    try:
        return unseal(data, *payload_types)
    except BadSignature:
        newer = _newer(parse(envelope_pb2.Envelope, data, "envelope").payload_type, payload_types)
        if newer is None:
            raise
        return unseal(data, newer)


def _newer(name: str, payload_types: Sequence[PayloadType]) -> PayloadType | None:
    """Return a payload type that is a newer version of one of `payload_types`, or None."""
    found = _VERSIONED.fullmatch(name)
    known = [each for each in payload_types if found and each.kind == found[1]]
    if not found or not known or int(found[2]) <= known[-1].version:
        return None
    return PayloadType(found[1], int(found[2]), known[-1].largest)


def contents(data: bytes) -> tuple[str, bytes]:
    """Return payload type and payload of an envelope of any kind, unverified. Raises `Malformed`."""
    message = parse(envelope_pb2.Envelope, data, "envelope")
    return message.payload_type, message.payload


def signer_of(data: bytes) -> str:
    """Return the key id that an envelope of any kind names, unverified; empty for bytes that are not an envelope."""
    message = envelope_pb2.Envelope()
    try:
        message.ParseFromString(data)
    except DecodeError:
        return ""
    return message.signatures[0].keyid if len(message.signatures) == 1 else ""


def parse(kind: type[_Message], data: bytes, where: str) -> _Message:
    """Return `data` as a message of `kind`, or raise `Malformed` naming `where`."""
    return strict.parse(kind, data, where, "a newer payload type")


def check_signature(unsealed: Unsealed, keys: StatementKeys, member: MemberId, at_us: int) -> None:
    """Check that a `statement` key of `member`, valid at `at_us`, signed exactly these bytes; else `BadSignature`."""
    for refusal in check_signatures([(unsealed, member, at_us)], keys):
        if refusal is not None:
            raise refusal


def check_signatures(
    signed: Sequence[tuple[Unsealed, MemberId, int]], keys: StatementKeys
) -> list[LiaisonError | None]:
    """Check a batch like `check_signature`; return None for each good signature, else the error."""
    checks = [_check(unsealed, keys, member, at_us) for unsealed, member, at_us in signed]
    outcomes = iter(verify_batch([check for check in checks if not isinstance(check, LiaisonError)]))
    return [check if isinstance(check, LiaisonError) else next(outcomes) for check in checks]


def _check(unsealed: Unsealed, keys: StatementKeys, member: MemberId, at_us: int) -> Check | LiaisonError:
    try:
        key = keys.verify_key(member, unsealed.key_id, "statement", at_us)
    except LiaisonError as error:
        return error
    except Exception as error:  # noqa: BLE001 - whatever goes wrong in a verification, the answer is no
        refusal = BadSignature("the key could not be found", where="envelope")
        refusal.__cause__ = error
        return refusal
    return key, unsealed.signature, pae(unsealed.payload_type, unsealed.payload)


def check_signer(keys: StatementKeys, verified: Verified[object], at_us: int) -> None:
    """Check anew that the key of a verified statement counts, else raise `BadSignature`: it may have been removed."""
    keys.verify_key(verified.signer, verified.key_id, "statement", at_us)


def check_parties(sender: str, recipient: str, peer: MemberId, me: MemberId) -> None:
    """Check that the payload names `peer` as its sender (`BadSignature`) and `me` as its recipient (`Forbidden`)."""
    if sender != peer:
        raise BadSignature("the sender is not the peer", code="wrong-sender", where="sender")
    if recipient != me:
        raise Forbidden("the statement is for somebody else", code="wrong-audience", where="recipient")
