"""Describe the members of the federation as JSON: what each offers, how it stands, its documents, its contact with us.

A running node adds what it knows of each (`Contact`); the files of a home tell the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.clock import rfc3339
from gateway.config.suspensions import Suspensions
from gateway.errors import LiaisonError
from gateway.model.members import Contact, CosignedLog
from gateway.ops.members.state import standing_of
from gateway.trust.documents.charter import parse_charter
from gateway.trust.documents.descriptor import Descriptor
from gateway.trust.documents.signers import tallies
from gateway.trust.documents.status import Status
from gateway.trust.view import TrustView


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What is known at one moment. `before` is the version before the charter.

    `contact` returns what a running node knows of another member, else None. `forked` are the logs of which two
    versions are known; None where nothing of it is known, as by the files of a home.
    """

    view: TrustView
    me: str
    now_us: int
    switches: Suspensions
    alarms: Sequence[str] = ()
    before: bytes = b""
    contact: Callable[[str], Contact | None] = lambda _member: None
    logs: Sequence[CosignedLog] = ()
    forked: Collection[str] | None = None


def describe_members(known: Knowledge, speaks: str) -> dict[str, Any]:
    """Return all members as JSON. `speaks` is `node` or `files`: whose knowledge this is."""
    charter = known.view.charter
    return {
        "speaks": speaks,
        "member": known.me,
        "time": rfc3339(known.now_us),
        "charter": describe_charter(charter.data, known.before)
        | _ages(charter.issued_us, charter.expires_us, known.now_us)
        if charter
        else None,
        "members": {name: _describe_member(known, name) for name in sorted(known.view.members)},
        "logs": [_describe_log(log) for log in known.logs],
        "alarms": list(known.alarms),
    }


def describe_charter(data: bytes, before: bytes = b"") -> dict[str, Any]:
    """Return a charter, verified or not, as JSON, with who signed it and who must still sign.

    `before` is the version before: it counts under the thresholds of both.
    """
    draft = parse_charter(data)
    charter = draft.charter
    follows = parse_charter(before) if before else None
    fits = follows is not None and follows.charter.version == charter.version - 1
    counted = tallies(draft, follows if fits else None)
    return {
        "kind": "charter",
        "federation": charter.federation,
        "version": charter.version,
        "fingerprint": charter.fingerprint,
        "threshold": charter.threshold,
        "signed_by": list(draft.signed_by),
        "signers": [
            {"version": each.version, "needed": each.needed, "signed": list(each.signed), "missing": list(each.missing)}
            for each in counted
        ],
        "both_counted": fits or charter.version == 1,
        "issued": rfc3339(charter.issued_us),
        "expires": rfc3339(charter.expires_us),
        "members": {name: member.status.value for name, member in sorted(charter.members.items())},
    }


def describe_descriptor(descriptor: Descriptor) -> dict[str, Any]:
    """Return what a member says of itself as JSON."""
    return {
        "version": descriptor.version,
        "issued": rfc3339(descriptor.issued_us),
        "endpoints": list(descriptor.endpoints),
        "offices": list(descriptor.offices),
        "national_desks": list(descriptor.addressable.national_desks),
        "facing": {each.office: list(each.faces) for each in descriptor.addressable.facing},
        "contacts": [{"office": each.office, "reach": each.reach} for each in descriptor.contacts],
        "agencies": list(descriptor.agencies),
        "sources": [source.as_json() for source in descriptor.sources],
        "takes": list(descriptor.takes),
        "keys": [
            {"use": key.use, "id": key.key_id, "until": rfc3339(key.stop_us), "compromised": bool(key.compromised_us)}
            for key in descriptor.keys
        ],
    }


def _describe_member(known: Knowledge, member: str) -> dict[str, Any]:
    view, now_us = known.view, known.now_us
    contact = known.contact(member)
    standing = standing_of(view, member, known.me, now_us, known.switches, contact)
    status = view.status(member)
    return {
        "state": standing.state.value,
        "since": _time(standing.since_us),
        "code": standing.code,
        "reason": standing.text,
        "types_off": sorted(known.switches.suspended_types(member)),
        "descriptor": _held_descriptor(view, member),
        "status": _describe_status(status, now_us) if status else None,
        "problem": _problem(view, member, now_us),
        "contact": _describe_contact(contact) if contact is not None and member != known.me else None,
        "forked_logs": _forked_logs(known, member),
        "cosigned": {log.log: rfc3339(log.cosigned[member]) for log in known.logs if member in log.cosigned},
    }


def _held_descriptor(view: TrustView, member: str) -> dict[str, Any] | None:
    try:
        return describe_descriptor(view.descriptor(member))
    except LiaisonError:
        return None


def _problem(view: TrustView, member: str, now_us: int) -> str:
    """Return why the documents of a member do not count now; empty where they do."""
    try:
        view.freshness(member, now_us)
    except LiaisonError as error:
        return error.message
    return ""


def _forked_logs(known: Knowledge, member: str) -> list[str] | None:
    if known.forked is None:
        return None
    return sorted(log for log in known.forked if log.partition(".")[0] == member)


def _describe_status(status: Status, now_us: int) -> dict[str, Any]:
    return {
        "number": status.sequence,
        "issued": rfc3339(status.issued_us),
        "ends": rfc3339(status.expires_us),
        "removed": list(status.removed),
    } | _ages(status.issued_us, status.expires_us, now_us)


def _describe_contact(contact: Contact) -> dict[str, Any]:
    said, clock = contact.said, contact.clock
    return {
        "connected": contact.connected,
        "last_seen": _time(contact.last_seen_us),
        "last_answer": {
            "outcome": said.outcome.value,
            "code": said.code,
            "text": said.text,
            "time": _time(said.time_us),
            "took_ms": said.took_us // 1000,
        }
        if said
        else None,
        "clock": {"ahead_s": round(clock.ahead_us / 1_000_000, 3), "time": _time(clock.time_us)} if clock else None,
        "holds_ours": dict(contact.holds) if contact.holds is not None else None,
        "cosigns_as": contact.cosigns_as,
    }


def _describe_log(log: CosignedLog) -> dict[str, Any]:
    return {
        "log": log.log,
        "size": log.size,
        "covered": log.covered,
        "needed": log.needed,
        "waiting_s": log.waiting_s,
        "cosigned": {name: rfc3339(time_us) for name, time_us in sorted(log.cosigned.items())},
    }


def _ages(issued_us: int, expires_us: int, now_us: int) -> dict[str, Any]:
    return {"age_s": (now_us - issued_us) // 1_000_000, "left_s": (expires_us - now_us) // 1_000_000}


def _time(time_us: int) -> str | None:
    return rfc3339(time_us) if time_us else None
