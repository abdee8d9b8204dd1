"""The one hash over all documents that a view is made of."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from gateway.trust.documents.charter import Charter
from gateway.trust.documents.descriptor import Descriptor
from gateway.trust.documents.status import Status


def hash_of_versions(
    charter: Charter | None, descriptors: Mapping[str, Descriptor], statuses: Mapping[str, Status]
) -> bytes:
    """Return SHA-256 over one line for each document held: kind, member, version, hash.

    The line of a status that stands beside others ends with the keys that those remove.
    """
    lines = [f"charter {charter.version} {charter.fingerprint}"] if charter else []
    lines += [f"descriptor {name} {item.version} {item.hash.hex()}" for name, item in sorted(descriptors.items())]
    lines += [
        " ".join(("status", name, str(item.sequence), item.hash.hex(), *item.gained))
        for name, item in sorted(statuses.items())
    ]
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).digest()
