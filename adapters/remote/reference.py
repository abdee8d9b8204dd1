"""The node's signed reference to an exchange: without one, a source process serves nothing.

It is a DSSE statement of the node's `statement` key with a payload type of its own. It names the source, the
exchange, the recipient of the answer, the purpose, and the counterpart's request and the query by their hashes. It
is valid for one minute, for one search with exactly this query, and for records which that search found.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from typing import Protocol

import msgspec
from google.protobuf.timestamp_pb2 import Timestamp
from liaison.exchange.v1 import envelope_pb2
from liaison.source.v1 import source_pb2 as pb

from gateway.errors import BadSignature, Forbidden, Malformed, Stale, TooLarge
from gateway.model.names import MemberId, exchange_id, member_id
from gateway.model.purpose import Purpose
from gateway.ports.sources import Occasion
from gateway.rpc.strict import parse
from gateway.signing.dsse import pae
from gateway.signing.keys import SIGNATURE_BYTES, SigningKey, VerifyKey

PAYLOAD_TYPE = "application/vnd.liaison.source-reference.v1+protobuf"
MAX_REFERENCE = 2 * 1024
"""Bytes of the envelope."""

LIFETIME_US = 60_000_000
SKEW_US = 30_000_000
"""The largest difference between the clocks of node and source, in microseconds."""

_HASH = 32
_LAST_SECOND = 253_402_300_799
_PURPOSES: Mapping[str, Purpose] = {purpose.value: purpose for purpose in Purpose}


class StatementKeys(Protocol):
    """The keys whose references a source accepts."""

    def statement_key(self, key_id: str) -> VerifyKey:
        """Return the key. Raises `BadSignature` unless it is one of our node's and valid now."""


class Reference(msgspec.Struct, frozen=True):
    """A verified reference. `hash` is SHA-256 of its payload, `data` its exact envelope."""

    occasion: Occasion
    query_hash: bytes
    expires_us: int
    hash: bytes
    key_id: str
    data: bytes


def build_reference(
    occasion: Occasion, *, member: MemberId, source: str, query: bytes, key: SigningKey, now_us: int
) -> bytes:
    """Return the envelope of a fresh reference of `member` to `source` for exactly this query."""
    payload = pb.Reference(
        blind=os.urandom(_HASH),
        member=member,
        source=source,
        exchange_id=occasion.id,
        audience=occasion.asker,
        purpose=occasion.purpose.value,
        request_hash=occasion.request_hash,
        query_hash=hashlib.sha256(query).digest(),
        issued_time=_timestamp(now_us),
        expires_time=_timestamp(now_us + LIFETIME_US),
    ).SerializeToString()
    signature = envelope_pb2.Signature(sig=key.sign(pae(PAYLOAD_TYPE, payload)), keyid=key.key_id)
    return envelope_pb2.Envelope(payload=payload, payload_type=PAYLOAD_TYPE, signatures=[signature]).SerializeToString()


def verify_reference(data: bytes, *, keys: StatementKeys, member: MemberId, source: str, now_us: int) -> Reference:
    """Return the reference in the envelope `data`, when every check holds:

    1. it is there, of bounded size, and an envelope of our payload type with exactly one signature
    2. a key that we accept signed exactly these bytes
    3. it is of our member, for this source
    4. its content is complete and well-formed
    5. it is valid now, and for one minute at most

    Nothing of the content is used before 2. Raises `Forbidden`, `TooLarge`, `Malformed`, `BadSignature`, `Stale`.
    """
    if not data:
        raise Forbidden("there is no reference to an exchange", code="no-reference", where="reference")
    payload, key_id = _unseal(data, keys)  # 1, 2
    message = parse(pb.Reference, payload, "reference")
    if message.member != member or message.source != source:  # 3
        raise Forbidden("the reference is to another source", code="wrong-audience", where="reference")
    occasion = _occasion(message)  # 4
    if len(message.blind) != _HASH or len(message.query_hash) != _HASH:
        raise Malformed("a hash has 32 bytes", code="bad-hash", where="reference")
    issued, expires = _microseconds(message.issued_time), _microseconds(message.expires_time)
    _check_fresh(issued, expires, now_us)  # 5
    return Reference(occasion, message.query_hash, expires, hashlib.sha256(payload).digest(), key_id, data)


def _unseal(data: bytes, keys: StatementKeys) -> tuple[bytes, str]:
    if len(data) > MAX_REFERENCE:
        raise TooLarge("more than {limit} bytes", code="reference-too-large", where="reference", limit=MAX_REFERENCE)
    envelope = parse(envelope_pb2.Envelope, data, "reference")
    if envelope.payload_type != PAYLOAD_TYPE:
        raise BadSignature("another kind of statement", code="wrong-payload-type", where="reference")
    if len(envelope.signatures) != 1 or len(envelope.signatures[0].sig) != SIGNATURE_BYTES:
        raise BadSignature("not exactly one signature of r and s", code="not-one-signature", where="reference")
    signature = envelope.signatures[0]
    keys.statement_key(signature.keyid).verify(signature.sig, pae(PAYLOAD_TYPE, envelope.payload))
    return envelope.payload, signature.keyid


def _occasion(message: pb.Reference) -> Occasion:
    purpose = _PURPOSES.get(message.purpose)
    if purpose is None or len(message.request_hash) not in (0, _HASH):
        raise Malformed("an unknown purpose, or no hash of a request", code="malformed", where="reference")
    return Occasion(exchange_id(message.exchange_id), member_id(message.audience), purpose, message.request_hash)


def _check_fresh(issued_us: int, expires_us: int, now_us: int) -> None:
    if not 0 < expires_us - issued_us <= LIFETIME_US:
        raise Stale("a reference is good for one minute at most", code="bad-validity", where="reference")
    if issued_us > now_us + SKEW_US:
        raise Stale("the reference is from the future", code="from-the-future", where="reference")
    if now_us >= expires_us:
        raise Stale("the reference is expired", code="expired", where="reference")


def _timestamp(us: int) -> Timestamp:
    seconds, micros = divmod(us, 1_000_000)
    return Timestamp(seconds=seconds, nanos=micros * 1_000)


def _microseconds(moment: Timestamp) -> int:
    if not 0 < moment.seconds <= _LAST_SECOND or not 0 <= moment.nanos < 1_000_000_000:
        raise Malformed("not a time", code="bad-time", where="reference")
    return moment.seconds * 1_000_000 + moment.nanos // 1_000
