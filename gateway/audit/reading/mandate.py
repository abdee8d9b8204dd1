"""The rule for seeing private parts: an export is made by it and checked by it, and an opening is judged by it.

No private part is shown without an appointment. Private parts that other proofs need, and that say nothing about a
subject, are open to every auditor, whatever the scope (`ALWAYS_OPEN`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.audit.entries.entry import Entry
from gateway.errors import Forbidden, LiaisonError, NotProved
from gateway.model.names import MemberId
from gateway.ports.entries import events
from gateway.trust.documents.appointment import EVERY, Appointment, Scope, check_time, verify_appointment
from gateway.trust.documents.descriptor import KeyUse
from gateway.trust.view import TrustView

ALWAYS_OPEN: Final = events.CONTINUED | events.kinds(
    events.KEY_DESTROYED,
    events.ERASURE_ORDERED,
    events.RECEIPT,
    events.ACKNOWLEDGED,
    events.PRUNED,
    events.PASSKEY_ENROLLED,
    events.PASSKEY_WITHDRAWN,
)
"""Kinds of entries whose private part every auditor sees: rightful erasures and prunings, acknowledgements, why a
log goes on under another number, and whose passkeys count: no subject of an exchange is named in them."""

NO_AUDITOR: Final = "no-auditor"
OUTSIDE: Final = "outside"
"""A reason to show no private part, beside `time`, `counterpart`, `agency`: its entry only fills up a bundle."""


@dataclass(frozen=True, slots=True)
class Mandate:
    """The right to see entries of one member's logs: a scope, or nothing (`scope` is None)."""

    member: str
    scope: Scope | None

    def withholds(self, entry: Entry) -> str:
        """Return the ground for keeping a private part closed, as far as the public part tells; empty for none."""
        if self.scope is None:
            return NO_AUDITOR
        if entry.kind in ALWAYS_OPEN:
            return ""
        return self.scope.withholds(self.member, entry.time_us, entry.peer, self.scope.agencies)

    def withholds_private(self, entry: Entry, private: Mapping[str, Any]) -> str:
        """Return the ground once the private part is known, which names the agencies that took part; empty for none."""
        if self.scope is None:
            return NO_AUDITOR
        if entry.kind in ALWAYS_OPEN:
            return ""
        return self.scope.withholds(self.member, entry.time_us, entry.peer, agencies_of(private))

    @property
    def names_agencies(self) -> bool:
        """True where a private part has to be read to decide whether it may be seen."""
        return self.scope is not None and EVERY not in self.scope.agencies

    @property
    def shows_answers(self) -> bool:
        """True where signed answers, which hold records, may be seen."""
        return self.scope is not None and self.scope.content


def agencies_of(private: Mapping[str, Any]) -> frozenset[str]:
    """Return the own country's agencies that took part in the event of an entry."""
    found = set()
    agency, sources = private.get("agency"), private.get("sources")
    if isinstance(agency, str) and agency:
        found.add(agency)
    for source in sources if isinstance(sources, list) else ():
        name = source.get("id") if isinstance(source, dict) else None
        parts = name.split(".") if isinstance(name, str) else []
        # "?" is in no scope: a source without an agency's name keeps the entry closed.
        found.add(parts[1] if len(parts) > 2 else "?")
    return frozenset(found)


def verified_appointment(view: TrustView, member: MemberId, data: bytes, at_us: int | None = None) -> Appointment:
    """Return the appointment in `data`, if the member's authority signed it and its key is listed.

    The key must be listed at `at_us`, or by default at the appointment's beginning. Raises `LiaisonError`.
    """
    charter = view.charter
    if charter is None or member not in charter.members:
        raise NotProved("`{member}` is not in the charter", where="appointment", member=member)
    found = verify_appointment(data, charter.members[member], charter.federation)
    view.verify_key(member, found.key_id, KeyUse.AUDITOR, found.start_us if at_us is None else at_us)
    return found


def appointment_of(
    view: TrustView, member: MemberId, documents: Iterable[bytes], key_id: str, at_us: int
) -> Appointment:
    """Return the newest appointment of the auditor with this key, in force at `at_us`.

    Raises `Forbidden`, or `BadSignature` where the key is not listed (any more).
    """
    mine = [item for item in _verified(view, member, documents) if item.key_id == key_id]
    if not mine:
        raise Forbidden(
            "the key `{key_id}` is not that of an appointed auditor of `{member}`",
            code="not-appointed",
            where="appointment",
            remedy="the authority appoints: liaison audit appoint",
            key_id=key_id[:16],
            member=member,
        )
    newest = max(mine, key=lambda item: (item.issued_us, -item.stop_us))
    check_time(newest, at_us)
    view.verify_key(member, key_id, KeyUse.AUDITOR, at_us)
    return newest


def _verified(view: TrustView, member: MemberId, documents: Iterable[bytes]) -> Iterator[Appointment]:
    """Yield the appointments that verify. Others are left out: they give no right."""
    for data in documents:
        try:
            yield verified_appointment(view, member, data)
        except LiaisonError:
            continue
