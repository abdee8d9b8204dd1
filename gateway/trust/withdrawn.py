"""List the keys that members' documents removed or mark as compromised, with the time from which they prove nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.trust.view import TrustView


@dataclass(frozen=True, slots=True)
class WithdrawnKey:
    """A removed key. `since_us` is the time that its descriptor says, or of the status that removes it."""

    member: str
    use: str
    key_id: str
    since_us: int


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
