"""The appointment: the scope and the end of an auditor's access; the auditor's certificate.

A DSSE document over JSON with closed fields, signed by the member's own authority. It counts only while its key is also
listed in the member's descriptor for `auditor`: so it ends with a removal, too. The scope names the entries that may be
opened; all others stay closed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.errors import BadSignature, Forbidden, Malformed
from gateway.model.names import MemberId, identifier, member_id
from gateway.model.values import text_value
from gateway.signing import strict_json
from gateway.signing.dsse import Document, decode64, encode64, parse_document, sign_document, verify_threshold
from gateway.signing.keys import SigningKey, VerifyKey
from gateway.trust.documents.fields import Fields, format_time
from gateway.trust.documents.members import CharterMember

APPOINTMENT_TYPE = "application/vnd.liaison.appointment.v1+json"
EVERY = "*"
"""All counterparts, or all agencies."""

MAX_UNITS = 256
MAX_WORDS = 200

_REQUIRED = (
    "appointed_by",
    "auditor",
    "federation",
    "issued",
    "key",
    "member",
    "not_after",
    "not_before",
    "scope",
)
_SCOPE = ("agencies", "content", "counterparts", "since", "until")


@dataclass(frozen=True, slots=True)
class Scope:
    """The entries that an auditor may open: from `since_us` until before `until_us` (microseconds since 1970).

    `counterparts` are member ids; the own member's id stands for entries without a counterpart. `agencies` are those of
    the own country that took part. `content`: also the signed answers, which hold records.
    """

    since_us: int
    until_us: int
    counterparts: tuple[str, ...]
    agencies: tuple[str, ...]
    content: bool

    def describe(self) -> str:
        """Return the scope in words."""
        parts = [f"entries from {format_time(self.since_us)} until {format_time(self.until_us)}"]
        for what, names in (("counterparts", self.counterparts), ("agencies", self.agencies)):
            parts.append(f"all {what}" if EVERY in names else f"{what} {', '.join(names)}")
        return "; ".join([*parts, "with signed answers" if self.content else "without signed answers"])

    def withholds(self, member: str, time_us: int, peer: str, agencies: Collection[str]) -> str:
        """Return why an entry of `member` must not be opened: `time`, `counterpart` or `agency`; empty when it may be.

        Where agencies are limited, all that took part must be in the scope; an entry that names none is withheld.
        """
        if not self.since_us <= time_us < self.until_us:
            return "time"
        if EVERY not in self.counterparts and (peer or member) not in self.counterparts:
            return "counterpart"
        if EVERY not in self.agencies and not (agencies and set(agencies) <= set(self.agencies)):
            return "agency"
        return ""


@dataclass(frozen=True, slots=True)
class Appointment:
    """An appointment. `spki` is the auditor's public key, `data` the signed document, `hash` that of its payload."""

    member: MemberId
    federation: str
    auditor: str
    spki: bytes
    scope: Scope
    start_us: int
    stop_us: int
    issued_us: int
    appointed_by: str
    hash: bytes = b""
    data: bytes = b""

    @property
    def key_id(self) -> str:
        """The id of the auditor's key."""
        return hashlib.sha256(self.spki).hexdigest()


def sign_appointment(appointment: Appointment, keys: Sequence[SigningKey]) -> bytes:
    """Return the signed document, after reading it back."""
    scope = appointment.scope
    payload: dict[str, Any] = {
        "appointed_by": appointment.appointed_by,
        "auditor": appointment.auditor,
        "federation": appointment.federation,
        "issued": format_time(appointment.issued_us),
        "key": encode64(appointment.spki),
        "member": appointment.member,
        "not_after": format_time(appointment.stop_us),
        "not_before": format_time(appointment.start_us),
        "scope": {
            "agencies": list(scope.agencies),
            "content": scope.content,
            "counterparts": list(scope.counterparts),
            "since": format_time(scope.since_us),
            "until": format_time(scope.until_us),
        },
    }
    data = sign_document(APPOINTMENT_TYPE, strict_json.dumps(payload), keys)
    parse_appointment(data)
    return data


def parse_appointment(data: bytes) -> tuple[Appointment, Document]:
    """Return an appointment with closed fields, its signatures not yet verified. Raises `Malformed`, `BadSignature`."""
    data = data.rstrip(b"\n")
    document = parse_document(data, APPOINTMENT_TYPE)
    fields = Fields(strict_json.loads(document.payload, len(document.payload)), "appointment", _REQUIRED)
    appointment = Appointment(
        member=member_id(fields.text("member")),
        federation=identifier(fields.text("federation"), "appointment.federation"),
        auditor=identifier(fields.text("auditor"), "appointment.auditor"),
        spki=VerifyKey.admit(decode64(fields.text("key"))).spki,
        scope=_scope(fields.value("scope")),
        start_us=fields.time_us("not_before"),
        stop_us=fields.time_us("not_after"),
        issued_us=fields.time_us("issued"),
        appointed_by=text_value(fields.text("appointed_by"), "appointment.appointed_by", MAX_WORDS),
        hash=hashlib.sha256(document.payload).digest(),
        data=data,
    )
    if appointment.start_us >= appointment.stop_us:
        raise Malformed("the appointment ends before it begins", code="bad-appointment", where="appointment")
    return appointment, document


def verify_appointment(data: bytes, member: CharterMember, federation: str) -> Appointment:
    """Return an appointment that the member's own authority signed, under the charter's threshold; else `BadSignature`.

    `gateway.audit.reading.mandate` asks a `TrustView` whether its key is listed, and checks its time.
    """
    appointment, document = parse_appointment(data)
    if (appointment.member, appointment.federation) != (member.member, federation):
        raise BadSignature("an appointment of another member or federation", code="other-member")
    verify_threshold(document, member.authority_keys, member.authority_threshold)
    return appointment


def check_time(appointment: Appointment, at_us: int) -> None:
    """Raise `Forbidden` for an appointment outside its time."""
    if not appointment.start_us <= at_us < appointment.stop_us:
        raise Forbidden(
            "the appointment of `{auditor}` is outside its time",
            code="mandate-expired",
            where=f"{format_time(appointment.start_us)} to {format_time(appointment.stop_us)}",
            remedy="the authority appoints again: liaison audit appoint",
            auditor=appointment.auditor,
        )


def _scope(value: Any) -> Scope:
    fields = Fields(value, "appointment.scope", _SCOPE)
    counterparts = fields.texts("counterparts", MAX_UNITS)
    agencies = fields.texts("agencies", MAX_UNITS)
    content = fields.value("content")
    if not counterparts or not agencies or not isinstance(content, bool):
        raise Malformed("a scope names counterparts, agencies and `content`", code="bad-appointment", where="scope")
    return Scope(
        fields.time_us("since"),
        fields.time_us("until"),
        tuple(name if name == EVERY else member_id(name) for name in counterparts),
        tuple(name if name == EVERY else identifier(name, "appointment.scope.agencies") for name in agencies),
        content,
    )
