"""Keys of which a next descriptor says that they prove nothing: removed ones, and those of a replaced authority."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from gateway.errors import BadSignature
from gateway.trust.ceremony.listing import removed_keys
from gateway.trust.ceremony.removal_notes import compromised_times
from gateway.trust.documents.charter import Charter
from gateway.trust.documents.descriptor import Descriptor, ListedKey, verify_descriptor
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


def noted_removals(documents: TrustDocuments, before: Descriptor | None, restored: Collection[str]) -> dict[str, int]:
    """Return the listed keys that the status removed, each with the time from which it proves nothing.

    That is the time that the home noted, else that of the status.
    """
    if before is None:
        return {}
    noted = compromised_times(documents.folder)
    gone = removed_keys(before, documents.status(before), restored)
    return {key_id: noted.get(key_id, since_us) for key_id, since_us in gone.items()}
