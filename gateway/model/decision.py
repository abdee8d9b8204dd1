"""Decisions of policy: each names the policies that made it."""

from __future__ import annotations

import msgspec


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
    """

    decision: Decision
    hide: bool
    fields: frozenset[str]
    withheld: dict[str, str]
    show_withheld_count: bool = False
