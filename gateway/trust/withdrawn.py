"""List the keys that members' documents removed or mark as compromised, with the time from which they prove nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.signing.keys import VerifyKey
from gateway.trust.documents.descriptor import KeyUse, ListedKey
from gateway.trust.slots import is_lost
from gateway.trust.view import TrustView


@dataclass(frozen=True, slots=True)
class WithdrawnKey:
    """A removed key. `since_us` is the time that its descriptor says, or of the status that removes it."""

    member: str
    use: str
    key_id: str
    since_us: int


def lost_key(view: TrustView, member: str, key_id: str, use: str, at_us: int) -> ListedKey | None:
    """Return a listed key that may have been in other hands at `at_us`, and was in its time; None for any other."""
    for key in view.keys(member):
        if (key.key_id, key.use) == (key_id, use) and is_lost(key, at_us):
            return key
    return None


def members_that_lost_a_key(view: TrustView) -> frozenset[str]:
    """Return the members with a statement key that may be in other hands, as their descriptors say."""
    return frozenset(
        member
        for member in view.members
        for key in view.keys(member)
        if key.use == KeyUse.STATEMENT and key.compromised_us is not None
    )


@dataclass(frozen=True, slots=True)
class WhoeverHasThem:
    """Gives the keys of a view to check signatures with, also those that may have been in other hands.

    A signature that fits is one of the key, and does not say whose hands had it.
    """

    view: TrustView

    def verify_key(self, member: str, key_id: str, use: str, at_us: int) -> VerifyKey:
        """Return the key as `TrustView.verify_key` does, and one that may have been in other hands then."""
        lost = lost_key(self.view, member, key_id, use, at_us)
        return VerifyKey.admit(lost.spki) if lost is not None else self.view.verify_key(member, key_id, use, at_us)


def withdrawn_keys(view: TrustView, member: str) -> Iterator[WithdrawnKey]:
    """Yield the removed keys of a member, in the order of its descriptor."""
    gone = view.withdrawn.get(member)
    if not gone or not view.active(member):
        return
    status = view.status(member)
    told_us = status.issued_us if status else 0
    for key in view.descriptor(member).keys:
        if key.key_id in gone:
            since_us = key.compromised_us if key.compromised_us is not None else told_us
            yield WithdrawnKey(member, key.use, key.key_id, since_us)
