"""Check 19: an act that an entry tells of was signed by as many persons as its row of the table demands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gateway.audit.acts.act import Act, check_window, parse_act, signers
from gateway.audit.acts.table import ACTS, ActKind, Proof, Rule, rule_of
from gateway.audit.entries.entry import Entry
from gateway.audit.reading.inspection import FRESH_US, parse_inspection
from gateway.audit.retention.holds import HoldAction, parse_hold
from gateway.errors import BadSignature, LiaisonError, NotProved
from gateway.model.names import MemberId
from gateway.ports.entries.events import (
    EXPORTED,
    HOLD_LIFTED,
    HOLD_PLACED,
    OPENED,
    PASSKEY_ENROLLED,
    PASSKEY_WITHDRAWN,
    SEARCHED,
    WITNESS_COMPARED,
    kinds,
)
from gateway.signing.dsse import Document, decode64
from gateway.trust.documents.descriptor import KeyUse
from gateway.trust.documents.persons import Person
from gateway.trust.slots import IN_OTHER_HANDS
from gateway.trust.view import TrustView

_HOLDS = {HOLD_PLACED.kind: HoldAction.PLACE, HOLD_LIFTED.kind: HoldAction.LIFT}

ACT_KINDS = frozenset(_HOLDS) | {
    event.kind
    for kind, rule in ACTS.items()
    if rule.proof is Proof.SIGNATURES and kind is not ActKind.POLICY
    for event in rule.events
}
"""Kinds of entries that keep a signed act, or an auditor's signed inspection; policies are documents of their own."""

_INSPECTIONS = kinds(OPENED, SEARCHED, EXPORTED)

PASSKEY_KINDS = kinds(PASSKEY_ENROLLED, PASSKEY_WITHDRAWN)

OF_ONE = "signed-as-before"

_MAY_BE_UNPROVED = frozenset(
    event.kind for rule in ACTS.values() if rule.proof is Proof.SIGNATURES and rule.unproved for event in rule.events
)
"""Kinds of entries of what has to work without a signature, too: switching off, and removing a key."""


def check_act(entry: Entry, private: Mapping[str, Any], member: MemberId, view: TrustView) -> str:
    """Return the name of the act that an entry keeps, all of whose signatures were by keys that were listed then.

    A name is in one entry, since an act counts once; an act that prunes several logs has one for each.

    Entries of version 0.1.0 keep no act but those of holds, and an off-switch or the removal of a key may be unproved:
    of these it is empty.
    Raises `LiaisonError` for an act that does not verify, or that is not the one of the entry, and `NotProved` with the
    code `OF_ONE` where as many signed as an earlier version asked for: a node of today would have asked for more.
    """
    if entry.kind in _HOLDS:
        return _check_hold(entry, private, member, view)
    if entry.kind in _INSPECTIONS:
        return _check_inspection(entry, private, member, view)
    if "act" not in private:
        is_unproved = entry.kind in _MAY_BE_UNPROVED and private.get("proof") == Proof.UNPROVED
        if entry.kind in PASSKEY_KINDS or ("proof" in private and not is_unproved):
            raise BadSignature("it says how it is proved, and keeps no act", code="act-missing")
        return ""
    act, document = parse_act(decode64(private["act"]))
    rule = rule_of(act.kind)
    if (
        entry.kind not in {event.kind for event in rule.events}
        or act.member != member
        or act.reason != _reason(entry, private)
    ):
        raise BadSignature("it keeps the act of something else", code="other-act")
    check_window(act, entry.time_us)
    listed, is_old = _listed(document, rule, member, view, entry.time_us), False
    try:
        persons = signers(document, rule, listed)
    except BadSignature:
        if not rule.before:
            raise
        persons, is_old = signers(document, replace(rule, persons=rule.before), listed), True
    _check_persons(persons, private)
    if not _is_its_own(act, private):
        raise BadSignature("it keeps an act that does something else", code="other-act")
    if is_old:
        raise NotProved(
            "{count} of the {persons} needed signatures of {roles} are there",
            code=OF_ONE,
            count=rule.before,
            persons=rule.persons,
            roles=" or ".join(sorted(rule.roles)),
        )
    return f"{act.id} {private.get('log', '')}"


def _is_its_own(act: Act, private: Mapping[str, Any]) -> bool:
    """Return whether the entry says what the act does: its id where the entry names it, and its detail."""
    if "order" in private and private["order"] != act.id:
        return False
    if act.kind in (ActKind.SUSPEND, ActKind.RESUME):
        scope, _, target = str(act.detail.get("target")).partition(":")
        said = (private.get("scope"), private.get("target"), private.get("humanitarian"))
        return said == (scope, target, act.detail.get("humanitarian", ""))
    if act.kind is ActKind.NEXT_LOG:
        log = str(private.get("log")).partition("/")[0]
        return act.detail == {"log": log, "unwitnessed": private.get("unwitnessed")}
    if act.kind in (ActKind.PASSKEY_ENROL, ActKind.PASSKEY_WITHDRAW):
        return act.detail == {name: private.get(name) for name in act.detail} and "person" in act.detail
    if act.kind is ActKind.REVOKE:
        since_us = (
            private.get("since_us") if act.detail.get("since_us") is not None else None
        )  # None: as it takes effect
        return act.detail == {"keys": private.get("keys"), "since_us": since_us}
    return act.kind is not ActKind.PRUNE or act.detail == {"before_us": private.get("before_us")}


def _reason(entry: Entry, private: Mapping[str, Any]) -> object:
    """Return the reason in the entry; the entry of a start has it behind the persons."""
    if entry.kind == WITNESS_COMPARED.kind:
        return str(private.get("waived")).partition(": ")[2]
    return private.get("reason")


def _check_hold(entry: Entry, private: Mapping[str, Any], member: MemberId, view: TrustView) -> str:
    hold, document = parse_hold(decode64(private.get("statement")))
    said = (hold.member, hold.action, hold.id)
    if said != (member, _HOLDS[entry.kind], private.get("hold")):
        raise BadSignature("it keeps the document of another hold", code="other-act")
    rule = ACTS[ActKind.HOLD if hold.action is HoldAction.PLACE else ActKind.LIFT]
    persons = signers(document, rule, _listed(document, rule, member, view, entry.time_us))
    if "persons" in private:
        _check_persons(persons, private)
    return f"{hold.id} {hold.action}"


def _check_inspection(entry: Entry, private: Mapping[str, Any], member: MemberId, view: TrustView) -> str:
    """Return the name of an inspection that the key of an auditor signed, which was listed then."""
    inspection, signed = parse_inspection(decode64(private.get("statement")))
    said = tuple(private.get(name) for name in ("reason", "detail", "inspection"))
    told = (inspection.reason, dict(inspection.detail), inspection.id)
    if (inspection.action.event.kind, inspection.member) != (entry.kind, member) or said != told:
        raise BadSignature("it keeps the inspection of something else", code="other-act")
    if abs(entry.time_us - inspection.issued_us) > 2 * FRESH_US:
        raise BadSignature("it keeps an inspection of another time", code="old-inspection")
    signed.verify(view.verify_key(member, signed.key_id, KeyUse.AUDITOR, entry.time_us).spki)
    return f"inspection {inspection.id}"


def _listed(document: Document, rule: Rule, member: MemberId, view: TrustView, at_us: int) -> list[Person]:
    """Return the persons among the signers whose keys were listed at a time in a role of the rule."""
    found, listed = [], {key.key_id: key for key in view.keys(member)}
    for key_id, _ in document.signatures:
        for role in rule.roles:
            try:
                key, times = view.verify_key(member, key_id, role, at_us), listed[key_id]
            except (LiaisonError, KeyError) as error:
                if isinstance(error, LiaisonError) and error.code == IN_OTHER_HANDS:
                    raise
                continue
            found.append(Person(role, key, start_us=times.start_us, stop_us=times.stop_us))
    return found


def _check_persons(persons: tuple[Person, ...], private: Mapping[str, Any]) -> None:
    said = private.get("persons")
    named = [item for item in said if isinstance(item, dict)] if isinstance(said, list) else []
    listed = [person.as_json() for person in persons]
    keys = {item.get("key_id") for item in named}
    if keys != {person.key.key_id for person in persons} or not all(item in listed for item in named):
        raise BadSignature("it names other persons than those who signed", code="other-persons")
