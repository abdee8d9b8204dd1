"""The charter: the list of members. A TUF root document (TUF specification 1.0, 4.3 and 5.3).

The members' authorities sign it, m of n; the member table is a signed extra field.

The root role has one key for each active member, so that no member counts twice. Version N+1 is valid under the
thresholds of N and of N+1. The bytes have one form only (`strict_json.dumps`), and one charter is one line.

The *fingerprint* is SHA-256 of the canonical form of the signed part: further signatures do not change it, so
authorities compare it while signatures are still collected.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.serialization import load_der_public_key
from securesystemslib.signer import Signature, SSlibKey  # type: ignore[attr-defined]  # public, but not re-exported by name
from tuf.api.metadata import Metadata, Root  # type: ignore[attr-defined]  # the same
from tuf.api.serialization.json import CanonicalJSONSerializer

from gateway.clock import from_us, to_us
from gateway.errors import BadSignature, Contradicted, Malformed, Stale
from gateway.model.names import identifier
from gateway.signing import strict_json
from gateway.signing.keys import SigningKey, VerifyKey
from gateway.trust.documents.fields import format_time, parse_time
from gateway.trust.documents.members import CharterMember, MemberStatus, format_members, parse_members

MAX_CHARTER = 8 * 1024 * 1024
"""Bytes of one charter; a thousand members need 1 MB."""

_MAX_TEXT = 64 * 1024

MAX_DAYS = 366
"""A charter is valid for 12 months at most."""

FEDERATION = "x-liaison-federation"
ISSUED = "x-liaison-issued"
MEMBERS = "x-liaison-members"


@dataclass(frozen=True, slots=True)
class Charter:
    """A charter whose signatures were verified; only `verify_charter_chain` makes one.

    `hash` is the fingerprint as 32 bytes; `data` are the exact bytes; times are microseconds since 1970.
    """

    version: int
    federation: str
    issued_us: int
    expires_us: int
    threshold: int
    members: Mapping[str, CharterMember]
    hash: bytes
    data: bytes

    @property
    def fingerprint(self) -> str:
        """The fingerprint for people to compare: 64 hexadecimal digits."""
        return self.hash.hex()

    def active(self, member: str) -> bool:
        """Tell whether `member` is in the federation and not suspended."""
        found = self.members.get(member)
        return found is not None and found.status is MemberStatus.ACTIVE


@dataclass(frozen=True, slots=True)
class Draft:
    """A charter that parses, with its signatures so far; none is verified yet."""

    charter: Charter
    metadata: Metadata[Root]

    @property
    def signed_by(self) -> tuple[str, ...]:
        """The ids of the keys under whose names there are signatures."""
        return tuple(self.metadata.signatures)


def draft_charter(
    federation: str,
    members: Mapping[str, CharterMember],
    threshold: int,
    *,
    version: int,
    issued: datetime,
    days: int = 365,
) -> bytes:
    """Return an unsigned charter. The root role gets the first authority key of each active member."""
    root = Root(version=version, expires=_whole(issued + timedelta(days=days)), consistent_snapshot=True)
    root.roles[Root.type].threshold = threshold
    for member in members.values():
        if member.status is MemberStatus.ACTIVE:
            root.add_key(_root_key(member.authority_keys[0]), Root.type)
    root.unrecognized_fields = {
        FEDERATION: identifier(federation, "federation"),
        ISSUED: format_time(to_us(issued)),
        MEMBERS: format_members(members),
    }
    data = strict_json.dumps(Metadata(root).to_dict())
    parse_charter(data)
    return data


def parse_charter(data: bytes) -> Draft:
    """Return a charter in its only form, its signatures not yet verified. Raises `Malformed`, `BadSignature`."""
    data = data.rstrip(b"\n")
    check_shape(data)
    value = strict_json.loads(data, MAX_CHARTER)
    if not isinstance(value, dict) or value.keys() != {"signatures", "signed"} or strict_json.dumps(value) != data:
        raise _bad("a charter is `signed` and `signatures`, in the form in which it was drafted")
    try:
        # `from_dict` empties its argument.
        metadata: Metadata[Root] = Metadata.from_dict(copy.deepcopy(value))
        if not isinstance(metadata.signed, Root) or metadata.unrecognized_fields:
            raise ValueError("it is no root document")
        signed = CanonicalJSONSerializer().serialize(metadata.signed)
    except Exception as error:  # a library that reads foreign bytes may raise anything; the answer is no
        raise _bad(f"this is not a charter: {error}") from error
    return Draft(_read(metadata.signed, signed, data), metadata)


def check_shape(data: bytes) -> None:
    """Raise `Malformed` for bytes that no charter has: very many items, or one very long text."""
    strict_json.check_items(data)
    at = 0
    while (end := data.find(b'"', at, at + _MAX_TEXT)) >= 0:
        at = end + 1
    if len(data) - at > _MAX_TEXT:
        raise _bad(f"a charter has no text of more than {_MAX_TEXT} bytes")


def sign_charter(data: bytes, key: SigningKey) -> bytes:
    """Return the charter with the signature of one more authority; an earlier one of the same key is replaced.

    Raises `BadSignature` when no member of the charter, of any status, has this key.
    """
    draft = parse_charter(data)
    known = {item.key_id for member in draft.charter.members.values() for item in member.authority_keys}
    if key.key_id not in known:
        raise BadSignature(
            "this authority is not in the charter", code="not-a-member", remedy="draft it with this member's card"
        )
    signature = Signature(key.key_id, key.sign_der(draft.metadata.signed_bytes).hex())
    draft.metadata.signatures[key.key_id] = signature
    return strict_json.dumps(draft.metadata.to_dict())


def charter_fingerprint(data: bytes) -> str:
    """Return the fingerprint of a charter, signed or not: 64 hexadecimal digits."""
    return parse_charter(data).charter.fingerprint


def verify_charter_chain(
    versions: Sequence[bytes], now: datetime, fingerprint: str | None = None, *, allow_expired: bool = False
) -> Charter:
    """Return the newest charter of a chain:

    1. the first one has `fingerprint`, when given, and is signed as it demands itself;
    2. each next one is exactly one version on, of the same federation, not issued before the one before;
    3. and signed under the thresholds of both;
    4. the last one has not expired (unless `allow_expired`: then the caller must check, CASE-J5).

    Raises `Malformed`, `BadSignature`, `Contradicted` (other bytes than the fingerprint says), `Stale`.
    """
    if not versions:
        raise _bad("there is no charter")
    first = parse_charter(versions[0])
    if fingerprint is not None:
        check_fingerprint(first.charter, fingerprint)
    check_signatures(first, None)
    last = first
    for data in versions[1:]:
        following = parse_charter(data)
        check_successor(last, following)
        last = following
    if not allow_expired:
        check_expiry(last.charter, to_us(now))
    return last.charter


def check_fingerprint(first: Charter, fingerprint: str) -> None:
    """Raise `Contradicted` unless `first` has this fingerprint."""
    if first.fingerprint != normal_fingerprint(fingerprint):
        raise Contradicted(
            "the charter has the fingerprint `{fingerprint}`, which is not the expected one",
            code="other-fingerprint",
            remedy="compare it with the authorities by voice or in person",
            fingerprint=first.fingerprint,
        )


def check_successor(before: Draft, after: Draft) -> None:
    """Check steps 2 and 3 for one pair of versions."""
    old, new = before.charter, after.charter
    if new.version != old.version + 1:
        raise Malformed(
            "version {version} does not follow version {old_version}",
            code="version-gap",
            version=new.version,
            old_version=old.version,
        )
    if new.federation != old.federation:
        raise BadSignature(
            "this is the charter of another federation, `{federation}`",
            code="other-federation",
            federation=new.federation,
        )
    if new.issued_us < old.issued_us:
        raise Stale("the charter was issued before the one that it follows")
    check_signatures(after, before)


def check_signatures(draft: Draft, before: Draft | None) -> None:
    """Raise `BadSignature` unless enough authorities signed, under the charter itself and under the one before."""
    new, signatures = draft.metadata.signed, draft.metadata.signatures
    try:
        payload = draft.metadata.signed_bytes
        results = [new.get_verification_result(Root.type, payload, signatures)]
        if before:
            results.append(before.metadata.signed.get_verification_result(Root.type, payload, signatures))
    except Exception as error:  # unexpected in a verification: refused (CASE-C14)
        raise BadSignature("the signatures of the charter cannot be verified") from error
    for result in results:
        if not result.verified:
            raise BadSignature(
                "the charter has {count} of the {threshold} signatures that it needs",
                code="below-threshold",
                where="the old authorities" if result is not results[0] else "",
                remedy="more authorities must run `liaison trust sign`",
                count=len(result.signed),
                threshold=result.threshold,
            )


def check_expiry(charter: Charter, now_us: int) -> None:
    """Raise `Stale` for a charter that has expired."""
    if now_us >= charter.expires_us:
        raise Stale(
            "charter {version} expired at {format_time}",
            code="charter-expired",
            remedy="the authorities must sign the next one",
            version=charter.version,
            format_time=format_time(charter.expires_us),
        )


def normal_fingerprint(text: str) -> str:
    """Return a fingerprint as people type it (capitals, spaces, colons) in its normal form."""
    return "".join(character for character in text.lower() if character not in " :-\n")


def _read(root: Root, signed: bytes, data: bytes) -> Charter:
    """Return the charter in the signed part, with no other fields than the known ones."""
    extra = root.unrecognized_fields
    if extra.keys() != {FEDERATION, ISSUED, MEMBERS}:
        raise _bad(f"a charter has the fields `{FEDERATION}`, `{ISSUED}` and `{MEMBERS}`, and no other extra ones")
    charter = Charter(
        version=root.version,
        federation=identifier(_text(extra[FEDERATION]), FEDERATION),
        issued_us=parse_time(extra[ISSUED], ISSUED),
        expires_us=to_us(_utc(root.expires)),
        threshold=root.roles[Root.type].threshold,
        members=parse_members(extra[MEMBERS]),
        hash=hashlib.sha256(signed).digest(),
        data=data,
    )
    if not charter.issued_us < charter.expires_us <= to_us(from_us(charter.issued_us) + timedelta(days=MAX_DAYS)):
        raise _bad("a charter is valid for up to 12 months")
    _check_root_keys(root, charter.members, charter.threshold)
    return charter


def _check_root_keys(root: Root, members: Mapping[str, CharterMember], threshold: int) -> None:
    """Check that the root role has one key for each active member: a threshold of keys is one of members (CASE-J2)."""
    expected = {
        key.key_id: key.spki
        for member in members.values()
        if member.status is MemberStatus.ACTIVE
        for key in member.authority_keys[:1]
    }
    if set(root.roles[Root.type].keyids) != set(expected) or root.keys.keys() != expected.keys():
        raise _bad("the keys of the charter are not those of the active members' authorities")
    for key_id, key in root.keys.items():
        if key.to_dict() != _root_key(VerifyKey.admit(expected[key_id])).to_dict():
            raise _bad(f"the key `{key_id[:16]}` is not what its id says")
    if not len(expected) >= threshold > len(expected) / 2:
        raise Malformed(
            "the threshold is more than half of the active members, and not more than all of them",
            code="bad-charter",
            remedy="with {count} active members it is at least {least}",
            count=len(expected),
            least=len(expected) // 2 + 1,
        )


def _root_key(key: VerifyKey) -> SSlibKey:
    public = load_der_public_key(key.spki)
    return SSlibKey.from_crypto(public, keyid=key.key_id)


def _whole(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=from_us(0).tzinfo)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _bad("the federation has an id")
    return value


def _bad(message: str) -> Malformed:
    return Malformed(message, code="bad-charter")
