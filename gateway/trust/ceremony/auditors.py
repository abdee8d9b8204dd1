"""Appoint an auditor: a key that an authority admits to the logs, with its scope and its end."""

from __future__ import annotations

from pathlib import Path

from gateway.clock import DAY_US, SECOND_US, Clock
from gateway.errors import Malformed, Misconfigured
from gateway.model.names import MemberId, identifier
from gateway.signing.keys import SigningKey, VerifyKey
from gateway.trust.documents.appointment import Appointment, Scope, parse_appointment, sign_appointment
from gateway.trust.documents.descriptor import KeyUse, ListedKey
from gateway.trust.documents.folder import TrustDocuments

MAX_DAYS = 366
"""The most days of one appointment; after that the authority appoints again."""

_BACK_US = 300 * SECOND_US


def draft_appointment(
    trust: Path,
    member: MemberId,
    authority: SigningKey,
    clock: Clock,
    *,
    auditor: str,
    key: VerifyKey,
    scope: Scope,
    days: int,
    appointed_by: str,
) -> bytes:
    """Return an appointment that begins now, with the signature of `authority`. Raises `Malformed`, `Misconfigured`.

    A key that is listed already keeps its times: a longer appointment needs a new key, a shorter one does not.
    """
    if not 1 <= days <= MAX_DAYS:
        raise Malformed("an appointment is for 1 to {limit} days", code="bad-appointment", where="days", limit=MAX_DAYS)
    documents = TrustDocuments(trust)
    charter = documents.charter(clock)
    if member not in charter.members:
        raise Misconfigured(
            "`{member}` is not in the charter", code="not-a-member", remedy="accept the right charter", member=member
        )
    now_us = clock.now_us() // SECOND_US * SECOND_US
    start_us, stop_us = now_us - _BACK_US, now_us + days * DAY_US
    held = [parse_appointment(line)[0] for line in documents.appointments(member)]
    # The newest appointment of a key counts, and times are whole seconds, so no two of a key may share one.
    issued_us = max([now_us, *(item.issued_us + SECOND_US for item in held if item.key_id == key.key_id)])
    for listed in auditor_keys(trust, member):
        if listed.key_id == key.key_id:
            start_us = max(start_us, listed.start_us)
            if stop_us > listed.stop_us:
                raise Misconfigured(
                    "this key is listed for a shorter time than the appointment",
                    code="key-too-short",
                    where="key",
                    remedy="the auditor makes a new key: liaison audit key",
                )
    appointment = Appointment(
        member=member,
        federation=charter.federation,
        auditor=identifier(auditor, "auditor"),
        spki=key.spki,
        scope=scope,
        start_us=start_us,
        stop_us=stop_us,
        issued_us=issued_us,
        appointed_by=appointed_by,
    )
    return sign_appointment(appointment, [authority])


def auditor_keys(trust: Path, member: MemberId) -> list[ListedKey]:
    """Return the keys of a member's auditors for its descriptor, each with the time of its first appointment."""
    found: dict[str, ListedKey] = {}
    for line in TrustDocuments(trust).appointments(member):
        appointment, _ = parse_appointment(line)
        key = VerifyKey.admit(appointment.spki)
        found.setdefault(
            key.key_id,
            ListedKey(
                key.key_id,
                KeyUse.AUDITOR,
                key.algorithm,
                key.spki,
                b"",
                appointment.start_us,
                appointment.stop_us,
            ),
        )
    return list(found.values())
