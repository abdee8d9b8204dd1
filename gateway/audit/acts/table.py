"""The table of acts: for each act the proof that it demands, and the entry that it becomes.

An act that is not in the table is refused. The effects stand in `gateway.ops.acts.effects`, one for each row; a test
compares the two, and a verifier that has no node judges signatures by the same rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from gateway.errors import Forbidden
from gateway.ports import events
from gateway.ports.journal import Event
from gateway.trust.documents.descriptor import PERSONS, KeyUse


class ActKind(StrEnum):
    """The kinds of acts that a human does to a node."""

    SUSPEND = "suspend"
    RESUME = "resume"
    REVOKE = "revoke"
    WAIVE = "start-without-witness"
    NEXT_LOG = "next-log"
    PRUNE = "prune"
    POLICY = "policy"
    OPEN = "open"
    SEARCH = "search"
    EXPORT = "export"
    ERASE_AGE = "erase-age"
    ERASE_ENTRIES = "erase-entries"
    SEEK = "seek"
    HOLD = "hold"
    LIFT = "lift"
    CONSENT = "consent"
    PASSKEY_ENROL = "enrol-passkey"
    PASSKEY_WITHDRAW = "withdraw-passkey"
    LOOK_UP = "look-up"
    EXPLAIN = "explained"
    REHEARSE = "rehearsed"


class Proof(StrEnum):
    """The ways to prove that an act is that of its persons."""

    SIGNATURES = "signatures"
    """Persons whose keys the descriptor lists sign the bytes that the entry keeps."""
    TOKEN = "token"  # noqa: S105 - the name of a proof
    """The identity provider's officer token, of an officer of the agency that owns the record."""
    PASSKEY = "passkey"
    """The assertion of an officer's own passkey over the statement, beside the officer token."""
    UNPROVED = "unproved"
    """The account of the machine, and nothing else."""


class Lane(StrEnum):
    """The queues of the mailbox, in which acts wait for each other: an auditor does not wait for a long erasure."""

    QUICK = "quick"
    LONG = "long"
    SWITCH = "switch"
    """Off-switches: the line in `suspensions.jsonl` is in force already, and its entry follows."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A row: `persons` different listed keys of `roles` sign, one of them of `led_by` where that is set.

    `unproved`: the act is carried out without a proof, too.

    `events` are the kinds of the entries. `lane` is None for an act that the mailbox does not carry: its command needs
    a stopped node, or writes a file that the next start reads.
    """

    proof: Proof
    events: tuple[Event, ...]
    roles: frozenset[KeyUse] = frozenset()
    persons: int = 0
    unproved: bool = False
    lane: Lane | None = None
    led_by: frozenset[KeyUse] = frozenset()


_ADMINISTRATOR = frozenset({KeyUse.ADMINISTRATOR})
_APPROVER = frozenset({KeyUse.APPROVER})
_AUDITOR = frozenset({KeyUse.AUDITOR})
_DATA = frozenset({KeyUse.DATA_OFFICER, KeyUse.APPROVER})
_LEADING = frozenset({KeyUse.ADMINISTRATOR, KeyUse.APPROVER})
_ANY = frozenset(PERSONS)


def _signed(roles: frozenset[KeyUse], persons: int, *made: Event, lane: Lane | None = None) -> Rule:
    return Rule(Proof.SIGNATURES, made, roles, persons, lane=lane)


def _unproved(event: Event) -> Rule:
    return Rule(Proof.UNPROVED, (event,), unproved=True, lane=Lane.QUICK)


ACTS: Mapping[ActKind, Rule] = MappingProxyType(
    {
        ActKind.SUSPEND: Rule(Proof.SIGNATURES, (events.SUSPEND,), _ADMINISTRATOR, 1, unproved=True, lane=Lane.SWITCH),
        ActKind.RESUME: _signed(_ADMINISTRATOR, 1, events.RESUME, lane=Lane.QUICK),
        ActKind.REVOKE: Rule(
            Proof.SIGNATURES, (events.KEY_REMOVED,), _ADMINISTRATOR, 1, unproved=True, lane=Lane.QUICK
        ),
        ActKind.WAIVE: _signed(_ADMINISTRATOR, 1, events.WITNESS_COMPARED),
        ActKind.NEXT_LOG: _signed(_ADMINISTRATOR, 1, events.EXCHANGE_CONTINUED, events.OPERATIONS_CONTINUED),
        ActKind.PRUNE: _signed(_ADMINISTRATOR, 1, events.PRUNED),
        ActKind.POLICY: _signed(_APPROVER, 2, events.POLICY_ACCEPTED),
        ActKind.OPEN: _signed(_AUDITOR, 1, events.OPENED, lane=Lane.QUICK),
        ActKind.SEARCH: _signed(_AUDITOR, 1, events.SEARCHED, lane=Lane.QUICK),
        ActKind.EXPORT: _signed(_AUDITOR, 1, events.EXPORTED, lane=Lane.QUICK),
        ActKind.ERASE_AGE: _signed(_DATA, 2, events.ERASURE_ORDERED, lane=Lane.LONG),
        ActKind.ERASE_ENTRIES: _signed(_DATA, 2, events.ERASURE_ORDERED, lane=Lane.LONG),
        ActKind.SEEK: _signed(_DATA, 1, events.ERASURE_SOUGHT, lane=Lane.LONG),
        ActKind.HOLD: _signed(_DATA, 2, events.HOLD_PLACED, lane=Lane.LONG),
        ActKind.LIFT: _signed(_DATA, 2, events.HOLD_LIFTED, lane=Lane.LONG),
        ActKind.CONSENT: Rule(Proof.TOKEN, (events.CONSENT_DECIDED,), persons=1, lane=Lane.QUICK),
        ActKind.PASSKEY_ENROL: Rule(
            Proof.SIGNATURES, (events.PASSKEY_ENROLLED,), _ANY, 2, lane=Lane.QUICK, led_by=_LEADING
        ),
        ActKind.PASSKEY_WITHDRAW: _signed(_LEADING, 1, events.PASSKEY_WITHDRAWN, lane=Lane.QUICK),
        ActKind.LOOK_UP: _unproved(events.LOOKED_UP),
        ActKind.EXPLAIN: _unproved(events.EXPLAINED),
        ActKind.REHEARSE: _unproved(events.REHEARSED),
    }
)
"""All acts that there are, each with its row."""

ROLES = frozenset(role for rule in ACTS.values() for role in rule.roles)
"""Roles of persons who sign acts."""


def rule_of(kind: str) -> Rule:
    """Return the row of an act. Raises `Forbidden` for one that is not in the table."""
    try:
        return ACTS[ActKind(kind)]
    except ValueError as error:
        raise Forbidden("`{kind!a}` is no act that anybody may do", code="unknown-act", kind=kind[:20]) from error
