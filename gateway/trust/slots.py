"""The keys that members list, each with the time in which it counts, as the documents of one view say it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.clock import rfc3339
from gateway.errors import BadSignature
from gateway.signing.keys import VerifyKey
from gateway.trust.contradictions import Withheld
from gateway.trust.documents.descriptor import Descriptor, ListedKey, fits_log
from gateway.trust.documents.members import CharterMember
from gateway.trust.documents.status import Status

IN_OTHER_HANDS = "key-in-other-hands"
"""The code of a key that is in its time, and that its member's descriptor says may be in other hands since before."""


@dataclass(slots=True)
class Slot:
    """A listed key and the time in which it counts; `key` is set once it was admitted."""

    listed: ListedKey
    start_us: int
    stop_us: int
    key: VerifyKey | None = None
    record: tuple[VerifyKey, bool] | None = None


def is_lost(listed: ListedKey, at_us: int) -> bool:
    """Tell whether a key was in its time at `at_us`, and may have been in other hands then, as its descriptor says."""
    since_us = listed.compromised_us
    return since_us is not None and listed.start_us <= at_us < listed.stop_us and since_us <= at_us


def outside_time(listed: ListedKey, of: str, at_us: int) -> BadSignature:
    """Return the error of a key that does not count at `at_us`; `of` says whose it is."""
    if is_lost(listed, at_us):
        return BadSignature(
            "the key `{key_id}` of {of} may be in other hands since {since}",
            code=IN_OTHER_HANDS,
            key_id=listed.key_id[:16],
            of=of,
            since=rfc3339(listed.compromised_us or 0),
        )
    return BadSignature(
        "the key `{key_id}` of {of} is outside its time", code="key-not-valid", key_id=listed.key_id[:16], of=of
    )


def slots_of(
    charter: Mapping[str, CharterMember],
    members: Mapping[str, CharterMember],
    descriptors: Mapping[str, Descriptor],
    statuses: Mapping[str, Status],
    withheld: Withheld,
) -> dict[tuple[str, str, str], Slot]:
    """Return the keys of `members` that count, by member, key's id and use.

    Offline keys of any member of the `charter` count for no use. What `statuses` removed is left out; evidence is
    verified without statuses.
    """
    slots = {}
    offline = {key.key_id for member in charter.values() for key in member.authority_keys}
    for member, descriptor in descriptors.items():
        if member not in members:
            continue
        refused = offline.union(_removed(member, statuses, withheld))
        for listed in descriptor.keys:
            if listed.key_id not in refused and fits_log(listed):
                stop = listed.stop_us if listed.compromised_us is None else min(listed.stop_us, listed.compromised_us)
                slots[(member, listed.key_id, listed.use)] = Slot(listed, listed.start_us, stop)
    return slots


def withdrawn_ids(
    members: Mapping[str, CharterMember],
    descriptors: Mapping[str, Descriptor],
    statuses: Mapping[str, Status],
    withheld: Withheld,
) -> dict[str, frozenset[str]]:
    """Return the ids of the keys of `members` that statuses removed, or that descriptors mark as compromised."""
    found = {}
    for member, descriptor in descriptors.items():
        compromised = (key.key_id for key in descriptor.keys if key.compromised_us is not None)
        if member in members and (gone := _removed(member, statuses, withheld).union(compromised)):
            found[member] = gone
    return found


def _removed(member: str, statuses: Mapping[str, Status], withheld: Withheld) -> frozenset[str]:
    status = statuses.get(member)
    return frozenset((*status.removed, *withheld.keys.get(member, ()))) if status else frozenset()
