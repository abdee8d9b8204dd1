"""Removals by documents that contradict the ones in force (design, section 3).

Of two signed documents with one version no one can tell which is meant. So both are kept, and what either of them takes
away is taken away, until the next version settles it. Statuses have their own rule (`documents.removals`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gateway.errors import LiaisonError
from gateway.trust.documents.charter import Charter, check_signatures, parse_charter
from gateway.trust.documents.descriptor import DESCRIPTOR_TYPE, Descriptor, parse_descriptor, verify_descriptor


@dataclass(frozen=True, slots=True)
class Withheld:
    """Members that count as suspended, and ids of keys that count as removed, by a contradicting document."""

    members: frozenset[str] = frozenset()
    keys: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def lines(self) -> list[str]:
        """Return a line for each removal, in order."""
        lines = [f"member {name}" for name in sorted(self.members)]
        return lines + [f"key {name} {key}" for name, keys in sorted(self.keys.items()) for key in sorted(keys)]


NOTHING = Withheld()
"""Nothing is taken away: no document contradicts another."""


def withheld_by(
    conflicts: Iterable[bytes], versions: Sequence[bytes], charter: Charter, descriptors: Mapping[str, Descriptor]
) -> Withheld:
    """Return what contradicting documents take away. One that does not verify, or of another version, counts nothing.

    `versions` are all charters held, the newest last.
    """
    members: set[str] = set()
    keys: dict[str, frozenset[str]] = {}
    for line in conflicts:
        try:
            if DESCRIPTOR_TYPE.encode() in line:
                member, gone = _keys(line, charter, descriptors)
                keys[member] = keys.get(member, frozenset()) | gone
            elif b'"signed"' in line:
                members |= _members(line, versions, charter)
        except LiaisonError:
            continue
    return Withheld(frozenset(members), {name: gone for name, gone in keys.items() if gone})


def _members(line: bytes, versions: Sequence[bytes], charter: Charter) -> set[str]:
    draft = parse_charter(line)
    if draft.charter.version != charter.version or draft.charter.hash == charter.hash:
        return set()
    check_signatures(draft, parse_charter(versions[-2]) if len(versions) > 1 else None)
    return {name for name in charter.members if not draft.charter.active(name)}


def _keys(line: bytes, charter: Charter, descriptors: Mapping[str, Descriptor]) -> tuple[str, frozenset[str]]:
    other = parse_descriptor(line)[0]
    held = descriptors.get(other.member)
    if held is None or other.version != held.version or other.hash == held.hash:
        return other.member, frozenset()
    verify_descriptor(line, charter.members[other.member], charter.federation)
    good = {key.key_id for key in other.keys if key.compromised_us is None}
    return other.member, frozenset(key.key_id for key in held.keys if key.key_id not in good)
