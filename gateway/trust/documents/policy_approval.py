"""The policy of a member as one signed document, approved by two of its approvers (design, section 6).

A DSSE document over JSON with closed fields. It holds the exact bytes of base and national policy, so that the approved
policy, the deciding one and the one that an auditor fetches by its hash are the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.errors import BadSignature, Forbidden, Malformed
from gateway.model.names import MemberId, member_id
from gateway.signing import strict_json
from gateway.signing.dsse import (
    Document,
    decode64,
    encode64,
    is_signed_by,
    parse_document,
    sign_document,
    verify_threshold,
)
from gateway.signing.keys import SigningKey
from gateway.trust.documents.descriptor import Descriptor, KeyUse
from gateway.trust.documents.persons import count_different, listed_persons

POLICY_TYPE = "application/vnd.liaison.policy.v1+json"
APPROVALS = 2
"""Different approvers that must sign."""
MAX_FILES = 1_000
_FIELDS = {"files", "member", "version"}


@dataclass(frozen=True, slots=True)
class ApprovedPolicy:
    """A policy document. `files` are by path (`base/release.cedar`, `national/records.cedar`).

    `signers` are ids of the keys that signed, verified or not; `hash` is SHA-256 of the payload, `data` the document.
    """

    member: MemberId
    version: int
    files: Mapping[str, bytes]
    signers: tuple[str, ...]
    hash: bytes
    data: bytes


def seal_policy(member: MemberId, version: int, files: Mapping[str, bytes], keys: Sequence[SigningKey]) -> bytes:
    """Return the document of these files with a signature of each of `keys`, after reading it back."""
    value = {
        "member": member,
        "version": version,
        "files": {name: encode64(data) for name, data in files.items()},
    }
    data = sign_document(POLICY_TYPE, strict_json.dumps(value), keys)
    parse_policy(data)
    return data


def parse_policy(data: bytes) -> tuple[ApprovedPolicy, Document]:
    """Return a policy document with closed fields, its signatures not yet verified. Raises `Malformed`, `TooLarge`."""
    document = parse_document(data, POLICY_TYPE)
    value = strict_json.loads(document.payload, len(document.payload))
    if not isinstance(value, dict) or set(value) != _FIELDS or type(value["version"]) is not int:
        raise _bad("a policy document has `files`, `member` and `version`, and nothing else")
    if value["version"] < 1 or not isinstance(value["member"], str):
        raise _bad("the version is at least 1, and the member is named")
    signers = tuple(sorted({name for name, _ in document.signatures}))
    digest = hashlib.sha256(document.payload).digest()
    policy = ApprovedPolicy(member_id(value["member"]), value["version"], _files(value["files"]), signers, digest, data)
    return policy, document


def verify_policy(
    data: bytes, descriptor: Descriptor, now_us: int | None, removed: Collection[str] = ()
) -> ApprovedPolicy:
    """Return a policy that may be put in force:

    1. it parses, with closed fields;
    2. it is this member's;
    3. two different approvers signed, whose keys the member's descriptor lists and that are neither compromised nor
       `removed` by its status;
    4. their keys are within their time; with `now_us` None, for a policy that was accepted before, this is not checked.

    Raises `Malformed`, `TooLarge`, `Forbidden`, `BadSignature`.
    """
    policy, document = parse_policy(data)  # 1
    if policy.member != descriptor.member:  # 2
        raise Forbidden("this is the policy of `{member}`", code="other-member", member=policy.member)
    approvers = listed_persons(descriptor, (KeyUse.APPROVER,), now_us, removed)
    verify_threshold(document, [person.key for person in approvers], APPROVALS)  # 3, 4
    signed = [person for person in approvers if is_signed_by(document, person.key)]
    if count_different(signed) < APPROVALS:
        raise BadSignature(
            "two keys that signed may be one person's, who rotates: another approver signs, too",
            code="below-threshold",
            where=", ".join(person.key.key_id[:16] for person in signed),
        )
    return policy


def _files(value: Any) -> dict[str, bytes]:
    if not isinstance(value, dict) or not 1 <= len(value) <= MAX_FILES:
        raise _bad(f"a policy has 1 to {MAX_FILES} files")
    for name in value:
        layer, _, path = name.partition("/")
        if layer not in ("base", "national") or not path or ".." in path or path.startswith("/"):
            raise _bad(f"`{name[:60]!a}` is no file of a policy")
    return {name: decode64(data) for name, data in value.items()}


def _bad(message: str) -> Malformed:
    return Malformed(message, code="bad-policy-document")
