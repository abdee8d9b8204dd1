"""Judge which status may follow those that are held, and what they remove together (docs/decisions/0042).

The status key is online, and can be stolen. Its thief can renew and remove, and nothing else:

1. the statuses of one version of the descriptor are one count; a new descriptor, which the authority signs, begins a
   new count, and can bring back a key that was removed before the descriptor was issued;
2. within a count each number is above the ones before, and at most `AHEAD` above the minutes since the member's first
   key was listed, which every node knows from the descriptor;
3. within a count each status removes all that the ones before removed;
4. a removal counts whatever number its status has: also one that comes too late, or that contradicts another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from gateway.errors import BadSignature, Contradicted, LiaisonError, Stale
from gateway.trust.documents.descriptor import Descriptor
from gateway.trust.documents.fields import SKEW_US
from gateway.trust.documents.status import Status, verify_status

STEP_US = 60_000_000
"""Microseconds in which numbers rise by one. A node's next status has the number of the minutes, if it is free: it soon
overtakes the numbers of a thief, and at once those that were given after a backup."""

AHEAD = 1_024
"""Numbers by which a status may be ahead of the minutes: 17 hours, less than the 72 hours in which a status ends."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement of a status: the statuses that are held from now on, and why the new one is not in force.

    `refusal` is None where it is in force. `evidence` says that it contradicts one that is held.
    """

    held: tuple[Status, ...]
    refusal: LiaisonError | None = None
    evidence: bool = False


def verified(lines: Iterable[bytes], descriptor: Descriptor) -> list[Status]:
    """Return those of the held statuses that verify under the descriptor in force, the newest last.

    Raises `Malformed`, and `BadSignature` where none verifies.
    """
    found: list[Status] = []
    problem: BadSignature | None = None
    for line in lines:
        try:
            found.append(verify_status(line, descriptor))
        except BadSignature as error:
            problem = error
    if problem is not None and not found:
        raise problem
    return found


def in_force(held: Sequence[Status], descriptor: Descriptor) -> Status:
    """Return the newest of the held statuses, with the removals of all that count."""
    newest = held[-1]
    version = max((item.descriptor_version for item in _up_to(held, descriptor)), default=0)
    return with_removals(newest, removed_by(_counting(held, version, descriptor.issued_us)))


def with_removals(status: Status, removed: Iterable[str]) -> Status:
    """Return the status with further removals, which `gained` names."""
    gained = frozenset(removed) - frozenset(status.removed)
    if not gained:
        return status
    return replace(
        status, removed=(*status.removed, *sorted(gained)), gained=tuple(sorted(gained | frozenset(status.gained)))
    )


def removed_by(statuses: Iterable[Status]) -> frozenset[str]:
    """Return the ids of all keys that these statuses remove."""
    return frozenset(key_id for item in statuses for key_id in item.removed)


def next_sequence(held: Sequence[Status], descriptor: Descriptor, now_us: int) -> int:
    """Return the number of the next status under the descriptor.

    It is above those of earlier descriptors, since a node of version 0.1.0 compares all numbers.
    """
    top = _top(_up_to(held, descriptor), descriptor, now_us)
    return max(top + 1, _minutes(now_us, descriptor))


def still_removed(held: Sequence[Status], descriptor: Descriptor) -> frozenset[str]:
    """Return the ids of keys that the next status under the descriptor must remove."""
    return removed_by(_counting(held, descriptor.version, descriptor.issued_us)) & _listed(descriptor)


def judge(new: Status, held: Sequence[Status], descriptors: Sequence[Descriptor], now_us: int) -> Verdict:
    """Judge a status that verifies, and that is not held. `descriptors` are all that are held, the newest last.

    A status that speaks of a newer descriptor is kept beside the others: it says that we are behind, and begins no
    count. Raises `Stale` for an older one, and for a number that runs ahead, `BadSignature` for another descriptor.
    """
    kept = tuple(_up_to(held, descriptors[-1]))
    if new.descriptor_version > descriptors[-1].version:
        return Verdict((*kept, new))
    named = _named(new, kept, descriptors)
    if new.sequence > AHEAD + _minutes(new.issued_us, named):  # 2
        raise Stale(
            "status {found} runs ahead: the highest number of its time is {limit}",
            code="number-ahead",
            remedy="ask that member's authority by another way: a stolen status key ends with its next descriptor",
            found=new.sequence,
            limit=AHEAD + _minutes(new.issued_us, named),
        )
    counting = _counting(kept, named.version, named.issued_us)
    top = _top([item for item in counting if item.descriptor_version == named.version], named, now_us)
    before, listed = removed_by(counting), _listed(named)
    undone = (before & listed) - frozenset(new.removed)  # 3
    if new.sequence > top and not undone:
        if now_us >= new.expires_us:
            raise Stale("the status has expired", code="status-expired")
        return Verdict((new,))
    gained = (frozenset(new.removed) & listed) - before  # 4
    if new.sequence < top and not gained:
        raise behind("status", new.sequence, top)
    return Verdict((new, *held) if gained else tuple(held), _contradiction(new, undone, top), evidence=True)


def check_next(found: Status | None, held: Status | None, descriptor: Descriptor, now_us: int) -> None:
    """Check that a status in the folder may take the place of the one in force; raise `Stale` otherwise."""
    if held is None:
        return
    ahead = held.descriptor_version > descriptor.version
    here = (found.descriptor_version, found.sequence) if found else (0, 0)
    before = (held.descriptor_version, held.sequence)
    if found and (ahead or held.descriptor_version < found.descriptor_version):
        return
    named = descriptor if held.descriptor_version == descriptor.version else None
    passed = bool(found) and here[0] == before[0] and named is not None and not _counts(held, named, now_us)
    forked = found is not None and here == before and found.hash != held.hash
    undone = found is not None and here[0] == before[0] and not frozenset(held.removed) <= frozenset(found.removed)
    if undone or forked or (here < before and not passed):
        raise not_newer(here[1], before[1])


def not_newer(found: int, held: int) -> Stale:
    """Return the error of a document that is not newer than the one in force."""
    return Stale(
        "version {found} is not newer than version {held}, which is in force", code="rollback", found=found, held=held
    )


def behind(kind: str, new: int, held: int) -> Stale:
    """Return the error of a document that is older than the one held."""
    return Stale("{kind} {new} is older than the one held, {held}", code="rollback", kind=kind, new=new, held=held)


def _named(new: Status, held: Sequence[Status], descriptors: Sequence[Descriptor]) -> Descriptor:
    """Return the descriptor of which the status speaks."""
    named = next((item for item in descriptors if item.version == new.descriptor_version), None)
    newest = max((item.descriptor_version for item in held), default=0)
    if named is None or newest > named.version:  # 1
        raise behind("a status of descriptor", new.descriptor_version, max(newest, descriptors[-1].version))
    if new.descriptor_hash != named.hash.hex():
        raise BadSignature("the status speaks of another descriptor of the same version", code="other-descriptor")
    return named


def _contradiction(new: Status, undone: frozenset[str], top: int) -> Contradicted:
    if new.sequence > top:
        return Contradicted(
            "status {number} of `{member}` would bring back the removed key `{undone}`: only a new descriptor may",
            code="removal-undone",
            remedy="alarm: ask that member's authority by another way. A home from a backup takes its own newest "
            "status from a counterpart with `liaison trust accept`, then `liaison trust publish`",
            number=new.sequence,
            member=new.member,
            undone=min(undone)[:16],
        )
    return Contradicted(
        "there are two different signed documents: {what}",
        code="equivocation",
        remedy="alarm: ask that member's authority by another way which one it signed",
        what=f"status {new.sequence} of `{new.member}`",
    )


def _up_to(held: Iterable[Status], descriptor: Descriptor) -> list[Status]:
    return [item for item in held if item.descriptor_version <= descriptor.version]


def _counting(held: Iterable[Status], version: int, since_us: int) -> list[Status]:
    """Return the statuses of one count, and older ones that removed after its descriptor was issued."""
    return [
        item
        for item in held
        if item.descriptor_version == version or (item.descriptor_version < version and item.issued_us > since_us)
    ]


def _top(statuses: Iterable[Status], descriptor: Descriptor, now_us: int) -> int:
    """Return the highest number of a count; one that runs ahead, or that is from the future, blocks no other."""
    return max((item.sequence for item in statuses if _counts(item, descriptor, now_us)), default=0)


def _counts(status: Status, descriptor: Descriptor, now_us: int) -> bool:
    limit = AHEAD + _minutes(status.issued_us, descriptor)
    return status.sequence <= limit and status.issued_us <= now_us + SKEW_US


def _minutes(at_us: int, descriptor: Descriptor) -> int:
    first_us = min((key.start_us for key in descriptor.keys), default=descriptor.issued_us)
    return max(0, at_us - first_us) // STEP_US


def _listed(descriptor: Descriptor) -> frozenset[str]:
    return frozenset(key.key_id for key in descriptor.keys)
