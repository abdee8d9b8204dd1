"""Keep what a person's own device answered when it made a passkey, until two persons have signed its enrolment.

Nothing counts by it: only the act that two persons sign makes the passkey one of the person's (decision 0092).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from gateway.audit.acts.passkeys import Passkey, enrolled_passkey
from gateway.clock import Clock
from gateway.desk.evidence.passkeys import PasskeyBook
from gateway.errors import Overloaded, TimedOut, Unknown
from gateway.ports.documents import DocumentStore
from gateway.signing import strict_json
from gateway.signing.passkeys.registration import asked_for, registration_options, verify_registration

_ASKED = "passkey-asked"
_WAITING = "passkey-waiting"
_ASKED_US = 5 * 60 * 1_000_000
_MOST_WAITING = 3
_WAITING_US = 7 * 86_400 * 1_000_000
MOST_ANSWER = 48 * 1024
"""The most bytes of a browser's answer."""


class WaitingPasskey(msgspec.Struct, frozen=True):
    """A passkey that waits for two persons: its number, whose it would be, when it was made, until when it waits."""

    id: str
    person: str
    made_us: int
    until_us: int
    passkey: Passkey


@dataclass(frozen=True, slots=True)
class Enrolments:
    """The passkeys of one node that wait for their enrolment. `origin` is that of the console's pages."""

    documents: DocumentStore
    book: PasskeyBook
    rp_id: str
    origin: Callable[[], str]
    clock: Clock

    def ask(self, person: str) -> dict[str, Any]:
        """Return options for a new passkey of a person, good for five minutes and for one answer."""
        known = [item.passkey.credential for item in self.book.of_person(person)]
        options = registration_options(self.rp_id, person, known)
        until_us = self.clock.now_us() + _ASKED_US
        self.documents.put(_ASKED, _name(person), json.dumps(options).encode(), until_us)
        return options

    def take(self, person: str, answer: str) -> WaitingPasskey:
        """Verify what the person's browser answered, and keep it. The same answer again changes nothing.

        Raises `Malformed`, `TooLarge`, `BadSignature`, `TimedOut` where nothing was asked for, or too long ago,
        and `Overloaded` where several of this person's wait already.
        """
        value = strict_json.loads(answer.encode("utf-8", "replace"), MOST_ANSWER)
        number = hashlib.sha256(answer.encode()).hexdigest()[:12]
        if (kept := self.documents.get(_WAITING, f"{_name(person)}/{number}")) is not None:
            return _read(kept, number)
        asked = self.documents.get(_ASKED, _name(person))
        if asked is None:
            raise TimedOut(
                "the time to make this passkey is over",
                code="passkey-late",
                where="passkey",
                remedy="open the page again, and begin anew",
            )
        if len(self.of_person(person)) >= _MOST_WAITING:
            raise Overloaded(
                "passkeys of this person wait already",
                code="passkeys-waiting",
                where="passkey",
                remedy="two persons sign those first, or they are forgotten after seven days",
            )
        self.documents.delete(_ASKED, _name(person))
        rp_id, _, challenge = asked_for(json.loads(asked))
        made = verify_registration(value, rp_id, challenge, (self.origin(),))
        passkey = Passkey(person, made.credential, made.key.spki, rp_id, made.counter, made.aaguid, made.backed_up)
        now_us = self.clock.now_us()
        kept = json.dumps({"made_us": now_us, "until_us": now_us + _WAITING_US, "passkey": passkey.as_json()}).encode()
        self.documents.put(_WAITING, f"{_name(person)}/{number}", kept, now_us + _WAITING_US)
        return _read(kept, number)

    def waiting(self) -> list[WaitingPasskey]:
        """Return all passkeys that wait, the first made first; those that were enrolled meanwhile wait no more."""
        return waiting_passkeys(self.documents, self.book)

    def of_person(self, person: str) -> list[WaitingPasskey]:
        """Return the passkeys of a person that wait."""
        return [item for item in self.waiting() if item.person == person]


def waiting_passkeys(documents: DocumentStore, book: PasskeyBook) -> list[WaitingPasskey]:
    """Return all passkeys that wait for their enrolment, the first made first."""
    found = []
    for key in documents.keys(_WAITING):
        if (data := documents.get(_WAITING, key)) is not None:
            item = _read(data, key.partition("/")[2])
            if book.find(item.passkey.credential) is None:
                found.append(item)
    return sorted(found, key=lambda item: item.made_us)


def waiting_passkey(documents: DocumentStore, book: PasskeyBook, number: str) -> WaitingPasskey:
    """Return the passkey that waits under a number. Raises `Unknown`."""
    found = [item for item in waiting_passkeys(documents, book) if item.id == number]
    if len(found) != 1:
        raise Unknown(
            "no passkey waits under this number",
            code="no-such-passkey",
            where="--request",
            remedy="liaison passkey waiting lists those that do",
        )
    return found[0]


def _read(data: bytes, number: str) -> WaitingPasskey:
    value = json.loads(data)
    passkey = enrolled_passkey(value["passkey"])
    return WaitingPasskey(number, passkey.person, value["made_us"], value["until_us"], passkey)


def _name(person: str) -> str:
    return hashlib.sha256(person.encode()).hexdigest()
