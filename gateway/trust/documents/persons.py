"""The keys of persons that a member's descriptor lists, by their uses."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import combinations

from gateway.signing.keys import VerifyKey
from gateway.trust.documents.descriptor import Descriptor, KeyUse, ListedKey

OVERLAP_DAYS = 14
"""Days for which a person's former key goes on: twice those of an act, so that none in work is lost."""

OVERLAP_US = OVERLAP_DAYS * 86_400_000_000
_MOST = 12
"""The most keys that are told apart during a rotation: no act needs more than a few."""


@dataclass(frozen=True, slots=True)
class Person:
    """A person in a descriptor: a key, and the role in which it may sign.

    `name` is what the person's own node calls them, and proves nothing; it is empty where no home is at hand.
    `known_as` is who holds the key, as that node was told. The key is listed from `start_us` to `stop_us`.
    """

    role: KeyUse
    key: VerifyKey
    name: str = field(default="", compare=False)
    start_us: int = field(default=0, compare=False)
    stop_us: int = field(default=0, compare=False)
    known_as: frozenset[str] = field(default=frozenset(), compare=False)

    @property
    def words(self) -> str:
        """The person in words: the role, the name if there is one, and the beginning of the key's id."""
        key_id = self.key.key_id[:16]
        return f"{self.role} {self.name} ({key_id})" if self.name else f"{self.role} {key_id}"

    def as_json(self) -> dict[str, str]:
        """Return the members by which an entry names the person."""
        return {"role": self.role.value, "key_id": self.key.key_id}


def takes_over(start_us: int, stop_us: int) -> bool:
    """Tell whether a key that begins then took the place of one that ends then, as `cert rotate` lists the two."""
    return stop_us == start_us + OVERLAP_US


def count_different(persons: Collection[Person]) -> int:
    """Return how many persons at least hold these keys: during a rotation one person has two.

    Keys that one rotation could tie count as one person's, also where two persons made theirs in one moment; and so do
    keys that the home knows as one person's, for whatever use.
    """
    keys = list({person.key.key_id: person for person in persons}.values())
    tied = {
        frozenset((new.key.key_id, old.key.key_id))
        for new in keys
        for old in keys
        if (new.role is old.role and takes_over(new.start_us, old.stop_us))
        or (new.key.key_id != old.key.key_id and new.known_as & old.known_as)
    }
    if not tied:
        return len(keys)
    ids = [person.key.key_id for person in keys[:_MOST]]
    sizes = range(len(ids), 0, -1)
    return next(
        (size for size in sizes for some in combinations(ids, size) if not any(pair <= set(some) for pair in tied)), 0
    )


def listed_persons(
    descriptor: Descriptor, roles: Collection[KeyUse], at_us: int | None, removed: Collection[str] = ()
) -> list[Person]:
    """Return the persons of these roles whose keys are listed, not compromised and not `removed`.

    Their keys are within their time at `at_us`; None leaves the time out.
    """
    return [
        Person(KeyUse(key.use), VerifyKey.admit(key.spki), start_us=key.start_us, stop_us=key.stop_us)
        for key in descriptor.keys
        if key.use in roles and _may_sign(key, at_us, removed)
    ]


def _may_sign(key: ListedKey, at_us: int | None, removed: Collection[str]) -> bool:
    if key.compromised_us is not None or key.key_id in removed:
        return False
    return at_us is None or key.start_us <= at_us < key.stop_us
