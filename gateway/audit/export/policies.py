"""The policies that an export carries: documents that approvers signed, or, in trials, the files of a folder.

A policy is named by the SHA-256 over its files, as in entries.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gateway.errors import LiaisonError, Malformed
from gateway.signing import strict_json
from gateway.signing.dsse import decode64
from gateway.trust.documents.policy_approval import parse_policy
from policy.bundle.bundle import File, hash_files

_MAX = 64 * 1024 * 1024


@dataclass(slots=True)
class KeptPolicies:
    """Hashes of the policies that have the hash in their names, and names of the others."""

    good: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)


def kept_policies(documents: Iterable[tuple[str, bytes]]) -> KeptPolicies:
    """Hash policies again. `documents` are pairs of the hash in the name and the file's bytes."""
    kept = KeptPolicies()
    for name, data in documents:
        try:
            found = policy_hash(data)
        except LiaisonError:
            found = ""
        if found == name:
            kept.good.add(name)
        else:
            kept.wrong.append(name)
    return kept


def policy_hash(data: bytes) -> str:
    """Return the hash of the policy in a document, in hexadecimal. Raises `LiaisonError` where there is none in it."""
    return hash_files({name: File(Path(name), content) for name, content in policy_contents(data).items()}).hex()


def policy_contents(data: bytes) -> Mapping[str, bytes]:
    """Return the files of a policy document, by path. Raises `LiaisonError`."""
    value = strict_json.loads(data, _MAX)
    if not isinstance(value, dict):
        raise Malformed("this is no policy", code="bad-policy-document")
    if "payload" in value:
        return parse_policy(data.rstrip(b"\n"))[0].files
    return {name: decode64(content) for name, content in value.items()}
