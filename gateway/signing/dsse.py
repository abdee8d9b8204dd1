"""DSSE (https://github.com/secure-systems-lab/dsse, protocol 1.0.2): the bytes that are signed, and the JSON form.

Signatures cover the exact payload bytes and their type; a payload is never serialised again to verify it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.errors import BadSignature, Malformed
from gateway.signing import strict_json
from gateway.signing.keys import SIGNATURE_BYTES, SigningKey, VerifyKey

MAX_SIGNATURES = 64
MAX_DOCUMENT = 4 * 1024 * 1024
"""Bytes of one document."""


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed document, not yet verified. `signatures` are pairs of key id and signature."""

    payload_type: str
    payload: bytes
    signatures: tuple[tuple[str, bytes], ...]


def pae(payload_type: str, payload: bytes) -> bytes:
    """Return the pre-authentication encoding: the bytes that are signed."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sign_document(payload_type: str, payload: bytes, keys: Sequence[SigningKey]) -> bytes:
    """Return a document with one signature of each of `keys`."""
    signed = pae(payload_type, payload)
    return _write(Document(payload_type, payload, tuple((key.key_id, key.sign(signed)) for key in keys)))


def add_signature(document: Document, key: SigningKey) -> bytes:
    """Return the document with the signature of one more key; an earlier one of the same key is replaced."""
    others = tuple(pair for pair in document.signatures if pair[0] != key.key_id)
    signature = key.sign(pae(document.payload_type, document.payload))
    return _write(Document(document.payload_type, document.payload, (*others, (key.key_id, signature))))


def parse_document(data: bytes, payload_type: str) -> Document:
    """Return the document in `data`, in its only form and of this type. Raises `Malformed`, `TooLarge`."""
    strict_json.check_items(data)
    value = strict_json.loads(data, MAX_DOCUMENT)
    if not isinstance(value, dict) or set(value) != {"payload", "payloadType", "signatures"}:
        raise _bad("a signed document has `payload`, `payloadType` and `signatures`, and nothing else")
    if value["payloadType"] != payload_type:
        raise _bad(f"this is not a document of type `{payload_type}`")
    signatures = value["signatures"]
    if not isinstance(signatures, list) or not 1 <= len(signatures) <= MAX_SIGNATURES:
        raise _bad(f"a document has 1 to {MAX_SIGNATURES} signatures")
    document = Document(payload_type, decode64(value["payload"]), tuple(_signature(item) for item in signatures))
    strict_json.check_items(document.payload)
    if _write(document) != data:
        raise _bad("the document is not in its only form")
    return document


def verify_threshold(document: Document, keys: Iterable[VerifyKey], threshold: int) -> None:
    """Raise `BadSignature` unless at least `threshold` different keys of `keys` signed.

    Signatures of unknown keys and further signatures of a key do not count (CASE-J1, CASE-J2).
    """
    if threshold < 1:
        raise BadSignature("a threshold is at least 1", code="bad-threshold")
    known = {key.key_id: key for key in keys}
    signed = pae(document.payload_type, document.payload)
    valid: set[str] = set()
    for identifier, signature in document.signatures:
        if identifier in known and _fits(known[identifier], signature, signed):
            valid.add(identifier)
    if len(valid) < threshold:
        raise BadSignature(
            "{count} of the {threshold} needed signatures are there",
            code="below-threshold",
            count=len(valid),
            threshold=threshold,
        )


def is_signed_by(document: Document, key: VerifyKey) -> bool:
    """Tell whether a key signed a document."""
    try:
        verify_threshold(document, [key], 1)
    except BadSignature:
        return False
    return True


def _fits(key: VerifyKey, signature: bytes, signed: bytes) -> bool:
    """Tell whether a signature fits, for counting: one that does not fit takes nothing from the others."""
    try:
        key.verify(signature, signed)
    except BadSignature:
        return False
    return True


def encode64(data: bytes) -> str:
    """Return base64 (RFC 4648, section 4) with padding."""
    return base64.b64encode(data).decode("ascii")


def decode64(text: Any) -> bytes:
    """Return the bytes of base64 text in its only form, or raise `Malformed`."""
    if not isinstance(text, str):
        raise _bad("base64 text is missing")
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _bad("this is not base64") from error
    if encode64(data) != text:
        raise _bad("this base64 text is not in its only form")
    return data


def _signature(item: Any) -> tuple[str, bytes]:
    if not isinstance(item, dict) or set(item) != {"keyid", "sig"} or not isinstance(item["keyid"], str):
        raise _bad("a signature has `keyid` and `sig`, and nothing else")
    signature = decode64(item["sig"])
    if len(signature) != SIGNATURE_BYTES:
        raise BadSignature(
            "a signature has {signature_bytes} bytes, not {count}",
            signature_bytes=SIGNATURE_BYTES,
            count=len(signature),
        )
    return item["keyid"], signature


def _write(document: Document) -> bytes:
    return strict_json.dumps(
        {
            "payload": encode64(document.payload),
            "payloadType": document.payload_type,
            "signatures": [{"keyid": key, "sig": encode64(sig)} for key, sig in document.signatures],
        }
    )


def _bad(message: str) -> Malformed:
    return Malformed(message, code="bad-document")
