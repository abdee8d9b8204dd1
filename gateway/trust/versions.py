"""The versions of the documents in force: as one hash that statements name, and as lines that nodes compare."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

from gateway.trust.contradictions import Withheld
from gateway.trust.documents.charter import Charter
from gateway.trust.documents.descriptor import Descriptor
from gateway.trust.documents.status import Status


def held_versions(
    charter: Charter | None, descriptors: Mapping[str, Descriptor], statuses: Mapping[str, Status]
) -> Iterator[tuple[str, str, int, bytes]]:
    """Yield a line for each document: kind, member, version, hash; the hash of a status covers its removals."""
    if charter is not None:
        yield "charter", "", charter.version, charter.hash
    for name, descriptor in sorted(descriptors.items()):
        yield "descriptor", name, descriptor.version, descriptor.hash
    for name, status in sorted(statuses.items()):
        yield "status", name, status.sequence, _hash_of_removals(status)


def hash_of_versions(
    charter: Charter | None,
    descriptors: Mapping[str, Descriptor],
    statuses: Mapping[str, Status],
    withheld: Withheld,
) -> bytes:
    """Return SHA-256 over one line for each document held: kind, member, version, hash.

    The line of a status that is beside others ends with the keys that those remove. What contradicting documents
    take away has lines of its own.
    """
    lines = [f"charter {charter.version} {charter.fingerprint}"] if charter else []
    lines += [f"descriptor {name} {item.version} {item.hash.hex()}" for name, item in sorted(descriptors.items())]
    lines += [
        " ".join(("status", name, str(item.sequence), item.hash.hex(), *item.gained))
        for name, item in sorted(statuses.items())
    ]
    lines += withheld.lines
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).digest()


def _hash_of_removals(status: Status) -> bytes:
    """Return SHA-256 over a status and all keys that it removes, its own ones and those that it gained."""
    return hashlib.sha256(b"".join((status.hash, *map(str.encode, sorted(status.removed))))).digest()
