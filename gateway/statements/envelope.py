"""The envelope of a statement: DSSE in protobuf, exactly one ECDSA P-256 signature.

The payload's exact received bytes are verified, hashed and logged, and then parsed; nothing is ever serialised
anew to be verified. `parse` accepts a message only in the one length that a proto3 serialiser gives it: that
finds unknown fields at any depth, a field that comes twice, and over-long numbers, for half a microsecond.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Protocol, TypeVar

import msgspec
from google.protobuf.message import DecodeError, Message
from liaison.exchange.v1 import envelope_pb2

from gateway.errors import BadSignature, Forbidden, LiaisonError, Malformed, TooLarge
from gateway.model.names import MemberId
from gateway.signing.batch import Check, Signs, Verifies, sign_batch, verify_batch
from gateway.signing.dsse import pae

REQUEST = "application/vnd.liaison.request.v1+protobuf"
ANSWER = "application/vnd.liaison.answer.v1+protobuf"
RECEIPT = "application/vnd.liaison.receipt.v1+protobuf"
CONSENT_REQUEST = "application/vnd.liaison.consent-request.v1+protobuf"
CONSENT_ANSWER = "application/vnd.liaison.consent-answer.v1+protobuf"
DAY_ACCOUNT = "application/vnd.liaison.day-account.v1+protobuf"
DAY_ACCOUNT_ANSWER = "application/vnd.liaison.day-account-answer.v1+protobuf"

PAYLOAD_TYPES: Mapping[str, int] = MappingProxyType(
    {
        REQUEST: 16 * 1024,
        ANSWER: 64 * 1024,
        RECEIPT: 16 * 1024,
        CONSENT_REQUEST: 8 * 1024,
        CONSENT_ANSWER: 2 * 1024,
        DAY_ACCOUNT: 24 * 1024,
        DAY_ACCOUNT_ANSWER: 24 * 1024,
    }
)
"""Payload type of each kind of statement, with the largest payload in bytes."""

ENVELOPE_OVERHEAD = 512
"""Bytes that payload type, key id, signature and framing may add to a payload."""

MAX_ENVELOPE = max(PAYLOAD_TYPES.values()) + ENVELOPE_OVERHEAD
"""The largest envelope of any kind, in bytes."""

SIGNATURE_SIZE = 64
"""Bytes of r and s."""

_KEY_ID_SIZE = 64
_Message = TypeVar("_Message", bound=Message)


class SigningKey(Signs, Protocol):
    """A P-256 key that signs; `gateway.signing.keys.SigningKey` is one."""

    @property
    def key_id(self) -> str:
        """SHA-256 of the public key, hexadecimal."""


class StatementKeys(Protocol):
    """Which keys members have listed; `gateway.trust.view.TrustView` answers it."""

    def verify_key(self, member: MemberId, key_id: str, use: str, at_us: int) -> Verifies:
        """The key, when `member` listed it for `use` and it was valid at `at_us`, else `BadSignature`."""


class Sealed(msgspec.Struct, frozen=True):
    """A statement of ours, signed: the bytes to send and log, and SHA-256 of the exact payload."""

    envelope: bytes
    payload_hash: bytes


class Unsealed(msgspec.Struct, frozen=True):
    """An envelope taken apart; its signature is *not* verified yet. `data` are the exact bytes received."""

    payload_type: str
    payload: bytes
    signature: bytes
    key_id: str
    data: bytes

    @property
    def payload_hash(self) -> bytes:
        """SHA-256 of the exact payload."""
        return hashlib.sha256(self.payload).digest()


def seal(payload_type: str, payload: bytes, key: SigningKey) -> bytes:
    """`payload` in a signed envelope. `TooLarge` when the other side would have to refuse it."""
    _check_size(payload_type, payload)
    return _envelope(payload_type, payload, key, key.sign(pae(payload_type, payload)))


def sealed(payload_type: str, payload: bytes, key: SigningKey) -> Sealed:
    """Like `seal`, with the payload's hash."""
    return Sealed(seal(payload_type, payload, key), hashlib.sha256(payload).digest())


def sealed_together(payload_type: str, payloads: Sequence[bytes], key: SigningKey) -> list[Sealed | Exception]:
    """Like `sealed` for a batch; where one cannot be sealed, why."""
    signatures = sign_batch([(key, pae(payload_type, payload)) for payload in payloads])
    return [
        _sealed_with(payload_type, payload, key, signature)
        for payload, signature in zip(payloads, signatures, strict=True)
    ]


def _sealed_with(
    payload_type: str, payload: bytes, key: SigningKey, signature: bytes | Exception
) -> Sealed | Exception:
    if isinstance(signature, Exception):
        return signature
    try:
        _check_size(payload_type, payload)
    except TooLarge as error:
        return error
    return Sealed(_envelope(payload_type, payload, key, signature), hashlib.sha256(payload).digest())


def _check_size(payload_type: str, payload: bytes) -> None:
    if len(payload) > PAYLOAD_TYPES[payload_type]:
        raise TooLarge(f"more than {PAYLOAD_TYPES[payload_type]} bytes", code="statement-too-large", where=payload_type)


def _envelope(payload_type: str, payload: bytes, key: SigningKey, signature: bytes) -> bytes:
    envelope = envelope_pb2.Envelope(payload=payload, payload_type=payload_type)
    envelope.signatures.add(sig=signature, keyid=key.key_id)
    return envelope.SerializeToString()


def unseal(data: bytes, payload_type: str) -> Unsealed:
    """The parts of an envelope of `payload_type`.

    Raises `TooLarge` over the size of that type, `Malformed` when it does not parse, `BadSignature` when it is of
    another type or has not exactly one signature of 64 bytes with a key id.
    """
    largest = PAYLOAD_TYPES[payload_type]
    if len(data) > largest + ENVELOPE_OVERHEAD:
        raise TooLarge(f"more than {largest + ENVELOPE_OVERHEAD} bytes", code="statement-too-large", where="envelope")
    message = parse(envelope_pb2.Envelope, data, "envelope")
    if message.payload_type != payload_type:
        raise BadSignature("another kind of statement", code="wrong-payload-type", where="envelope.payload_type")
    if len(message.signatures) != 1:
        raise BadSignature("not exactly one signature", code="not-one-signature", where="envelope.signatures")
    signature = message.signatures[0]
    key_id, raw, payload = signature.keyid, signature.sig, message.payload
    if len(raw) != SIGNATURE_SIZE or len(key_id) != _KEY_ID_SIZE:
        raise BadSignature("not a raw P-256 signature with a key id", where="envelope.signatures")
    if len(payload) > largest:
        raise TooLarge(f"more than {largest} bytes", code="statement-too-large", where="envelope.payload")
    return Unsealed(payload_type, payload, raw, key_id, data)


def signer_of(data: bytes) -> str:
    """The id of the key that an envelope of any kind names, unverified; empty where it is no envelope."""
    message = envelope_pb2.Envelope()
    try:
        message.ParseFromString(data)
    except DecodeError:
        return ""
    return message.signatures[0].keyid if len(message.signatures) == 1 else ""


def parse(kind: type[_Message], data: bytes, where: str) -> _Message:
    """`data` as a message of `kind`, or `Malformed` naming `where`."""
    try:
        message = kind.FromString(data)
    except (DecodeError, RecursionError) as error:
        raise Malformed("the bytes do not parse", code="malformed", where=where) from error
    message.DiscardUnknownFields()
    if message.ByteSize() != len(data):
        raise Malformed(
            "unknown, repeated or over-long fields", code="unknown-field", where=where, remedy="a newer payload type"
        )
    return message


def check_signature(unsealed: Unsealed, keys: StatementKeys, member: MemberId, at_us: int) -> None:
    """Return when a `statement` key of `member`, valid at `at_us`, signed exactly these bytes, else `BadSignature`."""
    for refusal in check_signatures([(unsealed, member, at_us)], keys):
        if refusal is not None:
            raise refusal


def check_signatures(
    signed: Sequence[tuple[Unsealed, MemberId, int]], keys: StatementKeys
) -> list[LiaisonError | None]:
    """`check_signature` for a batch: None where it would return, else what it would raise."""
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


def check_parties(sender: str, recipient: str, peer: MemberId, me: MemberId) -> None:
    """Return when the payload names `peer` as its sender and `me` as its only recipient, else `Forbidden`."""
    if sender != peer:
        raise BadSignature("the sender is not the peer", code="wrong-sender", where="sender")
    if recipient != me:
        raise Forbidden("the statement is for somebody else", code="wrong-audience", where="recipient")
