"""An auditor's inspection, signed with the auditor's own key, and its entry, which is durable before anything is shown.

It is JSON with closed fields in a signed document (`gateway.audit.reading.signed_inspection`). Nothing is shown without
one: a person who has the files of a home but no key of an appointed auditor cannot make the program open anything.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from gateway.audit.reading.mandate import Mandate, appointment_of
from gateway.audit.reading.signed_inspection import SignedInspection, read_signed, sign_with_key
from gateway.clock import Clock
from gateway.errors import Forbidden, LiaisonError, Malformed, Stale
from gateway.model.names import MemberId, member_id
from gateway.model.values import text_value
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft, Event
from gateway.signing import strict_json
from gateway.signing.dsse import encode64
from gateway.signing.keys import SigningKey
from gateway.signing.passkeys.assertion import Assertion, Used
from gateway.trust.documents.appointment import Appointment
from gateway.trust.documents.fields import Fields
from gateway.trust.documents.folder import TrustDocuments
from gateway.trust.view import TrustView

MAX_REASON: Final = 200
FRESH_US: Final = 300_000_000
"""The longest time between the signature of an inspection and its beginning, in microseconds."""

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_FIELDS = ("action", "detail", "id", "issued_us", "member", "reason")


class Action(StrEnum):
    """The things that an auditor does with entries."""

    OPEN = "open"
    SEARCH = "search"
    EXPORT = "export"

    @property
    def event(self) -> Event:
        """The event of the entry that tells of it."""
        return {Action.OPEN: events.OPENED, Action.SEARCH: events.SEARCHED, Action.EXPORT: events.EXPORTED}[self]


@dataclass(frozen=True, slots=True)
class Inspection:
    """An auditor's demand. `detail` is JSON: log and entries, or the bounds of an export, or the filter of a search."""

    action: Action
    member: MemberId
    reason: str
    issued_us: int
    detail: Mapping[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=lambda: secrets.token_hex(16))


def inspection_payload(inspection: Inspection) -> bytes:
    """Return the bytes that an auditor signs, after reading them again as a check. Raises `Malformed`."""
    payload = strict_json.dumps({name: getattr(inspection, name) for name in _FIELDS})
    read_inspection(payload)
    return payload


def sign_inspection(inspection: Inspection, key: SigningKey) -> bytes:
    """Return the document that the auditor's key signed. Raises `Malformed`."""
    return sign_with_key(inspection_payload(inspection), key)


CheckPasskey = Callable[[Assertion, Used], None]
"""Raises `BadSignature` for a passkey that is not enrolled, was withdrawn, or whose counter went back."""


def verify_inspection(
    data: bytes,
    member: MemberId,
    view: TrustView,
    documents: TrustDocuments,
    clock: Clock,
    check_passkey: CheckPasskey,
) -> tuple[Inspection, Appointment]:
    """Return the inspection, and the appointment that allows it:

    1. the document has closed fields, and is for this member;
    2. it was signed within the last five minutes;
    3. by the key of an auditor whom the authority appointed, in the time of the appointment;
    4. and that key is listed now, and not removed;
    5. where it is that of a passkey, `check_passkey` has nothing against it.

    Raises `Malformed`, `Stale`, `Forbidden`, `BadSignature`.
    """
    inspection, signed = parse_inspection(data)
    if inspection.member != member:
        raise Forbidden(
            "this is for `{member}`, not for `{other_member}`",
            code="other-member",
            member=inspection.member,
            other_member=member,
        )
    now_us = clock.now_us()
    if abs(now_us - inspection.issued_us) > FRESH_US:
        raise Stale("it was signed more than five minutes ago", code="old-inspection", remedy="sign it anew")
    appointment = appointment_of(view, member, documents.appointments(member), signed.key_id, now_us)
    used = signed.verify(appointment.spki)
    if used is not None and signed.assertion is not None:
        check_passkey(signed.assertion, used)
    return inspection, appointment


def parse_inspection(data: bytes) -> tuple[Inspection, SignedInspection]:
    """Return the inspection in a signed document, not verified yet. Raises `Malformed`, `BadSignature`."""
    signed = read_signed(data)
    return read_inspection(signed.payload), signed


def read_inspection(payload: bytes) -> Inspection:
    """Return an inspection with closed fields. Raises `Malformed`, `Forbidden`."""
    fields = Fields(strict_json.loads(payload, len(payload)), "inspection", _FIELDS)
    try:
        action = Action(fields.text("action"))
    except ValueError as error:
        raise Malformed("an unknown action", code="bad-inspection", where="inspection.action") from error
    detail = fields.value("detail")
    if not isinstance(detail, dict):
        raise Malformed("what is wanted is an object", code="bad-inspection", where="inspection.detail")
    if not _ID.fullmatch(fields.text("id")):
        raise Malformed("an inspection has an id", code="bad-inspection", where="inspection.id")
    return Inspection(
        action=action,
        member=member_id(fields.text("member")),
        reason=text_value(fields.text("reason"), "reason", MAX_REASON),
        issued_us=fields.number("issued_us"),
        detail=detail,
        id=fields.text("id"),
    )


def inspection_entry(inspection: Inspection, appointment: Appointment, data: bytes) -> EntryDraft:
    """Return the entry that names the auditor, the inspected entries and the reason."""
    return inspection.action.event.draft(
        auditor=appointment.auditor,
        appointed_by=appointment.appointed_by,
        appointment=appointment.hash.hex(),
        reason=inspection.reason,
        detail=dict(inspection.detail),
        inspection=inspection.id,
        statement=encode64(data),
    )


def refusal_entry(data: bytes, error: LiaisonError) -> EntryDraft:
    """Return the entry of a refused inspection. Its members repeat the document, signed or not."""
    try:
        inspection, signed = parse_inspection(data)
        said: dict[str, Any] = {
            "action": inspection.action.value,
            "reason": inspection.reason,
            "detail": dict(inspection.detail),
            "key_id": signed.key_id,
        }
    except LiaisonError:
        said = {}
    return events.INSPECTION_REFUSED.draft(**said, code=error.code, problem=error.message[:300])


def mandate_of(member: MemberId, appointment: Appointment) -> Mandate:
    """Return the mandate that the appointment gives its auditor."""
    return Mandate(member, appointment.scope)
