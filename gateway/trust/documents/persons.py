"""The keys of persons that a member's descriptor lists, by their uses."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from gateway.signing.keys import VerifyKey
from gateway.trust.documents.descriptor import Descriptor, KeyUse, ListedKey


@dataclass(frozen=True, slots=True)
class Person:
    """A person in a descriptor: a key, and the role in which it may sign.

    `name` is what the person's own node calls them, and proves nothing; it is empty where no home is at hand.
    """

    role: KeyUse
    key: VerifyKey
    name: str = field(default="", compare=False)

    @property
    def words(self) -> str:
        """The person in words: the role, the name if there is one, and the beginning of the key's id."""
        key_id = self.key.key_id[:16]
        return f"{self.role} {self.name} ({key_id})" if self.name else f"{self.role} {key_id}"

    def as_json(self) -> dict[str, str]:
        """Return the members by which an entry names the person."""
        return {"role": self.role.value, "key_id": self.key.key_id}


def listed_persons(
    descriptor: Descriptor, roles: Collection[KeyUse], at_us: int | None, removed: Collection[str] = ()
) -> list[Person]:
    """Return the persons of these roles whose keys are listed, not compromised and not `removed`.

    Their keys are within their time at `at_us`; None leaves the time out.
    """
    return [
        Person(KeyUse(key.use), VerifyKey.admit(key.spki))
        for key in descriptor.keys
        if key.use in roles and _may_sign(key, at_us, removed)
    ]


def _may_sign(key: ListedKey, at_us: int | None, removed: Collection[str]) -> bool:
    if key.compromised_us is not None or key.key_id in removed:
        return False
    return at_us is None or key.start_us <= at_us < key.stop_us
