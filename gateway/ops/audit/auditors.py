"""Serve an auditor's mandate: appoint, open entries, search and export."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from certs.keyfiles import KeyPlace
from gateway.audit.reading.inspection import Action, mandate_of
from gateway.audit.reading.mandate import Mandate, appointment_of
from gateway.audit.reading.show import Filter
from gateway.clock import SystemClock, rfc3339, to_us
from gateway.config import Home, load_settings
from gateway.errors import LiaisonError
from gateway.model.names import identifier, member_id
from gateway.ops.acts.carry import inspect
from gateway.ops.homes.open_home import Evidence, Written, open_home
from gateway.ops.trust.state import publish
from gateway.signing.keys import SigningKey, load_signing_key
from gateway.signing.public_files import load_public_key
from gateway.trust.ceremony.auditors import draft_appointment
from gateway.trust.ceremony.ceremony import authority_key, import_document
from gateway.trust.documents.appointment import EVERY, Appointment, Scope, parse_appointment
from gateway.trust.documents.folder import TrustDocuments
from gateway.trust.keeper import TrustKeeper

_END = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def scope_of(
    since: datetime | None,
    until: datetime | None,
    counterparts: Sequence[str],
    agencies: Sequence[str],
    *,
    content: bool,
) -> Scope:
    """Return the scope that the options describe; an option that is not given sets no limit."""
    return Scope(
        to_us(since) if since else 0,
        to_us(until or _END),
        tuple(member_id(name) for name in counterparts) or (EVERY,),
        tuple(identifier(name, "--agency") for name in agencies) or (EVERY,),
        content,
    )


def appoint(
    folder: Path, authority: Path, public: Path, auditor: str, scope: Scope, days: int, appointed_by: str, out: Path
) -> dict[str, Any]:
    """Sign an appointment, take it into the home, and publish the descriptor that lists the auditor's key.

    Where the authority needs more signatures, the document only goes to `out`, for them to be added.
    """
    settings, clock = load_settings(folder), SystemClock()
    home, member = Home(settings.home), member_id(settings.node.member)
    data = draft_appointment(
        home.trust,
        member,
        authority_key(authority),
        clock,
        auditor=auditor,
        key=load_public_key(public, "take the `.pub` file that `liaison audit key` made"),
        scope=scope,
        days=days,
        appointed_by=appointed_by,
    )
    out.write_bytes(data + b"\n")
    about = describe_appointment(parse_appointment(data)[0]) | {"out": str(out)}
    threshold = TrustDocuments(home.trust).charter(clock).members[member].authority_threshold
    if threshold > 1:
        return about | {"in_force": False, "signatures_needed": threshold}
    import_document(home.trust, data, clock)
    published, _ = publish(folder, authority, (), (), ())
    return about | {"in_force": True, "descriptor": published["descriptor"]["version"]}


def describe_appointment(item: Appointment) -> dict[str, Any]:
    """Return an appointment as JSON."""
    return {
        "auditor": item.auditor,
        "member": item.member,
        "appointed_by": item.appointed_by,
        "from": rfc3339(item.start_us),
        "until": rfc3339(item.stop_us),
        "scope": item.scope.describe(),
        "key_id": item.key_id,
        "hash": item.hash.hex(),
    }


def auditors(folder: Path) -> list[dict[str, Any]]:
    """Return all appointments of a home, the newest first, and whether each is in force."""
    settings, clock = load_settings(folder), SystemClock()
    home, member = Home(settings.home), member_id(settings.node.member)
    keeper, documents = TrustKeeper(home.trust, clock), TrustDocuments(home.trust)
    found = []
    for data in reversed(documents.appointments(member)):
        item = parse_appointment(data)[0]
        try:
            held = appointment_of(keeper.view, member, documents.appointments(member), item.key_id, clock.now_us())
            problem = "" if held.hash == item.hash else "a later appointment is in force"
        except LiaisonError as error:
            problem = error.message
        found.append(describe_appointment(item) | {"in_force": not problem, "problem": problem})
    return found


def announce(
    folder: Path, key: SigningKey, action: Action, reason: str, detail: dict[str, Any]
) -> tuple[Appointment, Written]:
    """Write the entry of an auditor's inspection; return the appointment under which it is made, and that entry.

    Raises `Forbidden` or `BadSignature` for a key without an appointment in force, before any entry is written.
    """
    with open_home(folder) as evidence:
        appointment = appointment_at(evidence, key)
    return appointment, inspect(folder, key, action, reason, detail)


def appointment_at(evidence: Evidence, key: SigningKey) -> Appointment:
    """Return the appointment in force of the auditor with this key. Raises `Forbidden`, `BadSignature`."""
    trust, member, clock = evidence.home.trust, evidence.member, SystemClock()
    documents = TrustDocuments(trust).appointments(member)
    return appointment_of(TrustKeeper(trust, clock).view, member, documents, key.key_id, clock.now_us())


def export_appointment(
    folder: Path, key_file: KeyPlace, reason: str, since_us: int, until_us: int
) -> tuple[Appointment, Written]:
    """Write the entry of an export; return the appointment under which it is made, and that entry."""
    bounds = {"since": rfc3339(since_us) if since_us else "", "until": rfc3339(until_us) if until_us else ""}
    return announce(folder, load_signing_key(key_file), Action.EXPORT, reason, bounds)


def search_mandate(folder: Path, key_file: KeyPlace, reason: str, log: str, wanted: Filter) -> Mandate:
    """Write the entry of an auditor's search, then return the mandate for it."""
    detail = {"log": log} | wanted.private | public_filters(wanted)
    appointment, _ = announce(folder, load_signing_key(key_file), Action.SEARCH, reason, detail)
    return mandate_of(appointment.member, appointment)


def public_filters(wanted: Filter) -> dict[str, str]:
    """Return the given filters by public parts, in the form that the entry of a search holds."""
    given = {name: getattr(wanted, name) for name in ("kind", "peer", "exchange_id")}
    times = {name: rfc3339(us) for name, us in (("since", wanted.since_us), ("until", wanted.until_us)) if us}
    return {name: value for name, value in given.items() if value} | times
