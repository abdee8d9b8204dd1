"""Decisions of policy: each names the policies that made it."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

import msgspec


class Human(StrEnum):
    """The humans who must decide before something leaves: none, one who is on duty, or two."""

    NONE = ""
    DUTY = "duty"
    TWO = "two"

    def stricter(self, other: Human) -> Human:
        """Return the stricter of both."""
        return max(self, other, key=_BY_STRICTNESS.index)


_BY_STRICTNESS = tuple(Human)


class Decision(msgspec.Struct, frozen=True):
    """A decision on a question, and the policies that made it (`layer/policy-id`, such as `national/th-border`).

    `code` is a short machine word that may be shown to the asker (`purpose-not-covered`); it is empty when allowed.
    `attributes` are the values that were decided on, kept in the entry for rehearsal.
    """

    allow: bool
    policies: tuple[str, ...]
    policy_hash: str
    code: str = ""
    attributes: dict[str, object] = msgspec.field(default_factory=dict)


class Release(msgspec.Struct, frozen=True):
    """A decision on one record for one recipient.

    `hide`: the recipient must not learn of it. `fields` may be disclosed; `withheld` maps each other field of
    the record type to the policy that keeps it back. `show_withheld_count`: the recipient may see how many.
    `with_human` are the fields that may leave where a human decides, `fields` among them; of these, `two` take two
    persons. A human can only narrow it. `human` is what it takes to let out all that no machine does; none where a
    human can add nothing.
    """

    decision: Decision
    hide: bool
    fields: frozenset[str]
    withheld: dict[str, str]
    show_withheld_count: bool = False
    human: Human = Human.NONE
    with_human: frozenset[str] = frozenset()
    two: frozenset[str] = frozenset()


class HumanRelease(msgspec.Struct, frozen=True):
    """The part of one record that a human may let out in answer to a follow-up: any of `fields`, and nothing else.

    `fields` are also the default of the decision. `two` are those of them that take two persons. `code` says why there
    are none: `needs-court`, or the code of the refusal; it is empty where there are some. `hide`: not even this may be
    told.
    """

    decision: Decision
    fields: frozenset[str]
    two: frozenset[str]
    code: str = ""
    hide: bool = False

    def takes(self, fields: Collection[str]) -> Human:
        """Return who must decide to let out these fields: one person, or two."""
        return Human.DUTY if self.two.isdisjoint(fields) else Human.TWO
