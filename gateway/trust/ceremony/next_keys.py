"""The keys of a member's next descriptor: those listed before, the new ones, and from when some prove nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from gateway.errors import BadSignature, Unknown
from gateway.trust.ceremony.removal_notes import compromised_times
from gateway.trust.documents.charter import Charter
from gateway.trust.documents.descriptor import Descriptor, ListedKey, mark_compromised, verify_descriptor
from gateway.trust.documents.folder import TrustDocuments


def replaced_keys(before: Descriptor | None, charter: Charter, mine: Sequence[ListedKey]) -> dict[str, int]:
    """Return the keys that only a replaced authority listed, each with the time from which it proves nothing.

    A thief of that authority's key may have listed them. The home holds none of them.
    """
    if before is None:
        return {}
    try:
        verify_descriptor(before.data, charter.members[before.member], charter.federation)
    except BadSignature:
        held = {key.key_id for key in mine}
        return {key.key_id: before.issued_us for key in before.keys if key.key_id not in held}
    return {}


def removed_keys(documents: TrustDocuments, before: Descriptor | None, restored: Collection[str]) -> dict[str, int]:
    """Return the listed keys that the status removed, each with the time from which it proves nothing."""
    status = documents.status(before) if before else None
    if before is None or status is None:
        return {}
    gone, noted = frozenset(status.removed) - frozenset(restored), compromised_times(documents.folder)
    return {key.key_id: noted.get(key.key_id, status.issued_us) for key in before.keys if key.key_id in gone}


def next_keys(
    mine: Sequence[ListedKey], before: Descriptor | None, compromised: Mapping[str, int]
) -> tuple[ListedKey, ...]:
    """Return the keys listed before, then the home's new ones, with the times of compromised ones."""
    listed = {key.key_id: key for key in before.keys} if before else {}
    for key in mine:
        # A key keeps the times of its first listing.
        listed.setdefault(key.key_id, key)
    for key_id, since_us in compromised.items():
        if key_id not in listed:
            raise Unknown("the key `{key_id!a}` is not listed", code="unknown-key", key_id=key_id[:16])
        listed[key_id] = mark_compromised(listed[key_id], since_us)
    return tuple(listed.values())
