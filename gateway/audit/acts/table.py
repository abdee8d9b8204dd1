"""The table of acts: for each act the proof that it demands, and the entry that it becomes.

An act that is not in the table is refused. The effects are in `gateway.ops.acts.effects`, one for each row; a test
compares the two, and a verifier that has no node judges signatures by the same rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from gateway.errors import Forbidden
from gateway.ports.entries import events
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

    `why` says why so many are enough: what two persons decided is not undone by one, and what one may do alone is less
    than that, can be undone, or is seen by whom it would harm.

    `unproved`: the act is carried out without a proof, too.

    `before` are the persons whose signatures versions 0.2.1 and before asked for, where these were fewer.

    `events` are the kinds of the entries. `lane` is None for an act that the mailbox does not carry: its command needs
    a stopped node, or writes a file that the next start reads.
    """

    proof: Proof
    events: tuple[Event, ...]
    why: str
    roles: frozenset[KeyUse] = frozenset()
    persons: int = 0
    unproved: bool = False
    lane: Lane | None = None
    led_by: frozenset[KeyUse] = frozenset()
    before: int = 0


_ADMINISTRATOR = frozenset({KeyUse.ADMINISTRATOR})
_APPROVER = frozenset({KeyUse.APPROVER})
_AUDITOR = frozenset({KeyUse.AUDITOR})
_DATA = frozenset({KeyUse.DATA_OFFICER, KeyUse.APPROVER})
_LEADING = frozenset({KeyUse.ADMINISTRATOR, KeyUse.APPROVER})
_ANY = frozenset(PERSONS)


def _signed(
    why: str,
    roles: frozenset[KeyUse],
    persons: int,
    *made: Event,
    lane: Lane | None = None,
    led_by: frozenset[KeyUse] = frozenset(),
    before: int = 0,
) -> Rule:
    return Rule(Proof.SIGNATURES, made, why, roles, persons, lane=lane, led_by=led_by, before=before)


def _off(why: str, event: Event, lane: Lane) -> Rule:
    return Rule(Proof.SIGNATURES, (event,), why, _ADMINISTRATOR, 1, unproved=True, lane=lane)


def _unproved(event: Event) -> Rule:
    why = "it shows what the machine's own account can read anyway, and no content; the entry names the account"
    return Rule(Proof.UNPROVED, (event,), why, unproved=True, lane=Lane.QUICK)


_NARROWS = "it lets less through, at once, also on a machine that is half broken; more comes by other acts"
_APPOINTED = "the authority has appointed the auditor beforehand, for this scope and time, with keys that no node holds"
_FOR_GOOD = "what it destroys comes back from no backup"
_KEPT = "it decides what is kept against the times that two approvers signed"

ACTS: Mapping[ActKind, Rule] = MappingProxyType(
    {
        ActKind.SUSPEND: _off(_NARROWS, events.SUSPEND, Lane.SWITCH),
        ActKind.RESUME: _signed(
            "it lets through what the policy lets through that two approvers signed, and no more; one person switches "
            "it off again at once",
            _ADMINISTRATOR,
            1,
            events.RESUME,
            lane=Lane.QUICK,
        ),
        ActKind.REVOKE: _off(_NARROWS, events.KEY_REMOVED, Lane.QUICK),
        ActKind.WAIVE: _signed(
            "it hides nothing: the start goes on from the newest head that this home holds, and the first witness or "
            "counterpart who saw a larger one has the proof against us",
            _ADMINISTRATOR,
            1,
            events.WITNESS_COMPARED,
        ),
        ActKind.NEXT_LOG: _signed(
            "it says for ever that entries are lost, which somebody may want to be lost: one who keeps the machine, "
            "and another",
            _ANY,
            2,
            events.EXCHANGE_CONTINUED,
            events.OPERATIONS_CONTINUED,
            led_by=_ADMINISTRATOR,
            before=1,
        ),
        ActKind.PRUNE: _signed(
            "only what is spent goes: its content erased before by age or by two persons, no hold on it, its receipt "
            "there, and witnesses who cosigned its root; its hashes stay",
            _ADMINISTRATOR,
            1,
            events.PRUNED,
        ),
        ActKind.POLICY: _signed(
            "it decides what leaves the country, for all who ask from then on", _APPROVER, 2, events.POLICY_ACCEPTED
        ),
        ActKind.OPEN: _signed(_APPOINTED, _AUDITOR, 1, events.OPENED, lane=Lane.QUICK),
        ActKind.SEARCH: _signed(_APPOINTED, _AUDITOR, 1, events.SEARCHED, lane=Lane.QUICK),
        ActKind.EXPORT: _signed(_APPOINTED, _AUDITOR, 1, events.EXPORTED, lane=Lane.QUICK),
        ActKind.ERASE_AGE: _signed(_FOR_GOOD, _DATA, 2, events.ERASURE_ORDERED, lane=Lane.LONG),
        ActKind.ERASE_ENTRIES: _signed(_FOR_GOOD, _DATA, 2, events.ERASURE_ORDERED, lane=Lane.LONG),
        ActKind.SEEK: _signed(
            "it finds the entries about a subject and shows their numbers; what becomes of them takes two",
            _DATA,
            1,
            events.ERASURE_SOUGHT,
            lane=Lane.LONG,
        ),
        ActKind.HOLD: _signed(_KEPT, _DATA, 2, events.HOLD_PLACED, lane=Lane.LONG),
        ActKind.LIFT: _signed(_KEPT, _DATA, 2, events.HOLD_LIFTED, lane=Lane.LONG),
        ActKind.CONSENT: Rule(
            Proof.TOKEN,
            (events.CONSENT_DECIDED,),
            "the record was given before, and the consent is to one use of it; where its marking takes two persons, "
            "one is refused here and decides at the desk",
            persons=1,
            lane=Lane.QUICK,
        ),
        ActKind.PASSKEY_ENROL: _signed(
            "whoever has the passkey signs decisions in a person's name: one who keeps the machine or approves the "
            "policy, and another; neither is the person",
            _ANY,
            2,
            events.PASSKEY_ENROLLED,
            lane=Lane.QUICK,
            led_by=_LEADING,
        ),
        ActKind.PASSKEY_WITHDRAW: _signed(_NARROWS, _LEADING, 1, events.PASSKEY_WITHDRAWN, lane=Lane.QUICK),
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
