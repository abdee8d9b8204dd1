"""The member table of a charter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from certs.keyfiles import Algorithm
from certs.profile import ca_key_id, read_ca
from gateway.errors import Malformed
from gateway.model.names import MemberId, member_id
from gateway.signing.dsse import decode64, encode64
from gateway.signing.keys import VerifyKey
from gateway.trust.documents.fields import Fields

MAX_MEMBERS = 2_000
MAX_KEYS = 8
"""The most CA certificates and authority keys of one member."""


class MemberStatus(StrEnum):
    """The status of a member; the node exchanges with `active` members only."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class CharterMember:
    """A member in the charter. `ca_certificates` are PEM, one each.

    The first of `authority_keys` signs charters. All of them sign descriptors, of which `authority_threshold` must
    agree.
    """

    member: MemberId
    status: MemberStatus
    ca_certificates: tuple[bytes, ...]
    authority_keys: tuple[VerifyKey, ...]
    authority_threshold: int = 1

    @property
    def ca_pem(self) -> bytes:
        """All CA certificates as one PEM file."""
        return b"".join(self.ca_certificates)

    @property
    def offline_keys(self) -> frozenset[str]:
        """The ids of the keys of authority and CA, which a descriptor lists for no use."""
        return frozenset(map(ca_key_id, self.ca_certificates)) | {key.key_id for key in self.authority_keys}


def format_members(members: Mapping[str, CharterMember]) -> dict[str, Any]:
    """Return the table's JSON value."""
    return {
        member.member: {
            "authority": {
                "keys": [encode64(key.spki) for key in member.authority_keys],
                "threshold": member.authority_threshold,
            },
            "ca": [pem.decode("ascii") for pem in member.ca_certificates],
            "status": member.status.value,
        }
        for member in members.values()
    }


def parse_members(value: Any) -> Mapping[str, CharterMember]:
    """Return the table, with keys admitted and CA certificates read. Raises `Malformed`, `BadSignature`.

    A key or CA that belongs to two members is refused.
    """
    if not isinstance(value, dict) or not 1 <= len(value) <= MAX_MEMBERS:
        raise Malformed("a charter has 1 to {limit} members", code="bad-charter", limit=MAX_MEMBERS)
    members = {name: _member(name, entry) for name, entry in value.items()}
    keys = [key.key_id for member in members.values() for key in member.authority_keys]
    authorities = [read_ca(pem).public_key() for member in members.values() for pem in member.ca_certificates]
    numbers = [key.public_numbers() for key in authorities if hasattr(key, "public_numbers")]
    if len(set(keys)) != len(keys) or len(set(numbers)) != len(numbers):
        raise Malformed("a key belongs to one member, and stands in the table once", code="bad-charter")
    return MappingProxyType(members)


def _member(name: str, value: Any) -> CharterMember:
    fields = Fields(value, f"member `{name[:10]!a}`", ("authority", "ca", "status"))
    authority = Fields(value["authority"], f"authority of `{name[:10]!a}`", ("keys", "threshold"))
    keys = tuple(_authority_key(text) for text in authority.texts("keys", MAX_KEYS))
    pems = tuple(text.encode("ascii", "replace") for text in fields.texts("ca", MAX_KEYS))
    threshold = authority.number("threshold")
    if not keys or not pems or threshold > len(keys):
        raise Malformed("a CA, a key, or enough keys for the threshold are missing", code="bad-charter", where=name)
    try:
        status = MemberStatus(fields.text("status"))
    except ValueError as error:
        raise Malformed("a member is active, suspended or left", code="bad-charter", where=name) from error
    return CharterMember(member_id(name), status, pems, keys, threshold)


def _authority_key(text: str) -> VerifyKey:
    key = VerifyKey.admit(decode64(text))
    if key.algorithm is not Algorithm.P256:
        raise Malformed("an authority's key is ECDSA P-256", code="key-not-admitted")
    return key
