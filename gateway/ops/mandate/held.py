"""Find the mandate of a person: an appointment of the authority whose key is this person's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from certs.keyfiles import key_id
from gateway.audit.reading.inspection import mandate_of
from gateway.audit.reading.mandate import Mandate, appointment_of
from gateway.clock import Clock
from gateway.desk.evidence.passkeys import Enrolled, PasskeyBook
from gateway.errors import Forbidden, LiaisonError
from gateway.model.names import MemberId
from gateway.trust.documents.appointment import Appointment, parse_appointment
from gateway.trust.documents.folder import TrustDocuments
from gateway.trust.view import TrustView


@dataclass(frozen=True, slots=True)
class Held:
    """A mandate in force. `passkey` is the person's passkey with the appointed key; None where a key file has it."""

    appointment: Appointment
    passkey: Enrolled | None = None

    @property
    def mandate(self) -> Mandate:
        """The right to see entries that it gives."""
        return mandate_of(self.appointment.member, self.appointment)


@dataclass(frozen=True, slots=True)
class Mandates:
    """The mandates at one home. An appointment counts as soon as it is on disk, and while its key is listed.

    `view` reads the trust in force. An appointment is a person's where its key is that of the person's own passkey, or
    where it names the person.
    """

    folder: Path
    member: MemberId
    clock: Clock
    view: Callable[[], TrustView]
    documents: TrustDocuments
    passkeys: PasskeyBook

    def of_person(self, person: str) -> list[Held]:
        """Return the mandates of a person that are in force, those that a passkey signs for first, then the newest."""
        enrolled = {key_id(item.passkey.spki): item for item in self.passkeys.ever_of_person(person)}
        found = {}
        for appointment in self._newest():
            passkey = enrolled.get(appointment.key_id)
            is_lost = passkey is not None and passkey.withdrawn_us > 0
            is_own = passkey is not None or appointment.auditor == person
            if is_own and not is_lost and self._is_in_force(appointment):
                found[appointment.key_id] = Held(appointment, passkey)
        return sorted(found.values(), key=lambda held: (held.passkey is None, -held.appointment.issued_us))

    def require(self, person: str, key: str = "") -> Held:
        """Return the person's mandate whose key has this id, or the first one. Raises `Forbidden`."""
        for held in self.of_person(person):
            if key in ("", held.appointment.key_id):
                return held
        raise Forbidden(
            "you have no mandate in force here: nothing is opened without one",
            code="not-appointed",
            where="appointment",
        )

    def _newest(self) -> Sequence[Appointment]:
        """Return the newest appointment of each key, as the documents have it; nothing is verified."""
        found: dict[str, Appointment] = {}
        for data in self.documents.appointments(self.member):
            item = parse_appointment(data)[0]
            if item.key_id not in found or found[item.key_id].issued_us <= item.issued_us:
                found[item.key_id] = item
        return list(found.values())

    def _is_in_force(self, appointment: Appointment) -> bool:
        documents, now_us = self.documents.appointments(self.member), self.clock.now_us()
        try:
            held = appointment_of(self.view(), self.member, documents, appointment.key_id, now_us)
        except LiaisonError:
            return False
        return held.hash == appointment.hash
