"""The status: a member's short proof that its documents are fresh.

An online key signs it, which can only renew and remove (docs/decisions/0003-status-key-use.md).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from gateway.clock import from_us, to_us
from gateway.errors import BadSignature, Malformed
from gateway.model.names import MemberId, identifier, member_id
from gateway.signing import strict_json
from gateway.signing.dsse import Document, parse_document, sign_document, verify_threshold
from gateway.signing.keys import SigningKey, VerifyKey
from gateway.trust.documents.descriptor import MAX_KEYS, Descriptor, KeyUse
from gateway.trust.documents.fields import Fields, format_time

STATUS_TYPE = "application/vnd.liaison.status.v1+json"

MAX_LIFE = timedelta(hours=72)
"""A status is valid for 72 hours at most: the time that members get on without each other (design, section 11)."""

ANOTHER_DESCRIPTOR = "another-descriptor"
"""The code of a status whose signature another descriptor of its member decides about than the one that is held."""

_REQUIRED = (
    "descriptor_hash",
    "descriptor_version",
    "expires",
    "federation",
    "issued",
    "member",
    "removed",
    "sequence",
)
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Status:
    """A status. `removed` are ids of keys of the descriptor that must not be used any more.

    `gained` are those of them that the document itself does not name: another status removed them (`removals`).
    `hash` is SHA-256 of the exact payload, `data` the signed document; times are microseconds since 1970.
    """

    member: MemberId
    federation: str
    sequence: int
    issued_us: int
    expires_us: int
    descriptor_version: int
    descriptor_hash: str
    removed: tuple[str, ...] = ()
    hash: bytes = b""
    data: bytes = b""
    gained: tuple[str, ...] = ()


def sign_status(status: Status, key: SigningKey) -> bytes:
    """Return the signed document of a status, after reading it back."""
    payload = {
        "descriptor_hash": status.descriptor_hash,
        "descriptor_version": status.descriptor_version,
        "expires": format_time(status.expires_us),
        "federation": status.federation,
        "issued": format_time(status.issued_us),
        "member": status.member,
        "removed": sorted(status.removed),
        "sequence": status.sequence,
    }
    data = sign_document(STATUS_TYPE, strict_json.dumps(payload), [key])
    parse_status(data)
    return data


def parse_status(data: bytes) -> tuple[Status, Document]:
    """Return a status with closed fields, its signature not yet verified. Raises `Malformed`, `BadSignature`."""
    data = data.rstrip(b"\n")
    document = parse_document(data, STATUS_TYPE)
    fields = Fields(strict_json.loads(document.payload, len(document.payload)), "status", _REQUIRED)
    status = Status(
        member=member_id(fields.text("member")),
        federation=identifier(fields.text("federation"), "status.federation"),
        sequence=fields.number("sequence"),
        issued_us=fields.time_us("issued"),
        expires_us=fields.time_us("expires"),
        descriptor_version=fields.number("descriptor_version"),
        descriptor_hash=fields.text("descriptor_hash"),
        removed=fields.texts("removed", MAX_KEYS),
        hash=hashlib.sha256(document.payload).digest(),
        data=data,
    )
    if not all(_HASH.fullmatch(text) for text in (*status.removed, status.descriptor_hash)):
        raise Malformed("hashes have 64 hexadecimal digits", code="bad-status")
    if not status.issued_us < status.expires_us <= to_us(from_us(status.issued_us) + MAX_LIFE):
        raise Malformed("a status is valid for up to 72 hours", code="bad-status")
    return status, document


def verify_status(data: bytes, descriptor: Descriptor, removed: Collection[str] = ()) -> Status:
    """Return a status that a status key of the member's descriptor signed:

    1. it parses, with closed fields;
    2. it is this member's, of this federation, and names the same descriptor where the version is the same;
    3. exactly one signature, of a key listed for `status`, valid when it was issued, not removed by the status itself
       or before (`removed`), and not compromised.
    """
    status, document = parse_status(data)
    if status.member != descriptor.member or status.federation != descriptor.federation:
        raise BadSignature("a status of another member or federation", code="other-member")
    if status.descriptor_version == descriptor.version and status.descriptor_hash != descriptor.hash.hex():
        raise BadSignature("the status speaks of another descriptor of the same version", code="other-descriptor")
    if len(document.signatures) != 1:
        raise BadSignature("a status has one signature")
    keys = [
        VerifyKey.admit(key.spki)
        for key in descriptor.keys
        if key.use == KeyUse.STATUS
        and key.key_id not in status.removed
        and key.key_id not in removed
        and key.start_us <= status.issued_us < key.stop_us
        and (key.compromised_us is None or status.issued_us < key.compromised_us)
    ]
    try:
        verify_threshold(document, keys, 1)
    except BadSignature as error:
        if status.descriptor_version == descriptor.version:
            raise
        raise BadSignature(
            "the status speaks of descriptor {found}, and the keys of descriptor {held} did not sign it",
            code=ANOTHER_DESCRIPTOR,
            remedy="descriptor {found} comes first: liaison trust accept",
            found=status.descriptor_version,
            held=descriptor.version,
        ) from error
    return status
