"""Prepare what an auditor signs, and have its entry written before anything is shown.

What is prepared waits among the documents of the home, sealed, for the five minutes in which it can be signed. The
signed act is judged by the process that writes the log, as one from the command line is.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any

from gateway.audit.reading.inspection import (
    FRESH_US,
    Action,
    Inspection,
    inspection_payload,
    parse_inspection,
    read_inspection,
)
from gateway.audit.reading.show import Filter, open_entry, show
from gateway.audit.reading.signed_inspection import inspection_challenge, sign_with_passkey
from gateway.errors import BadSignature, Forbidden, Stale
from gateway.ops.acts.carry import carry_out
from gateway.ops.acts.mailbox import Order
from gateway.ops.homes.open_home import OPERATIONS, Written, open_home, require_entry
from gateway.ops.mandate.held import Held, Mandates
from gateway.ports.documents import DocumentStore
from gateway.signing import strict_json
from gateway.signing.dsse import decode64
from gateway.signing.passkeys.assertion import browser_assertion, verify_assertion
from gateway.signing.passkeys.base64url import encode_url64

MAX_SIGNED = 48 * 1024
"""Characters of a signed document that is pasted, and of a browser's answer."""

SHOWN_US = 30 * 60_000_000
"""The time for which an entry lets its auditor see what it announces; after that the auditor signs anew."""

_TIMEOUT_MS = 120_000
_LOOK = 1_000
_WAITING = "audit-waiting"
"""The kind of acts that wait for a signature, among the documents."""

_PLACE = re.compile(r"([a-z]+)-([0-9]{1,6})-([0-9]{1,15})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Prepared:
    """An act that waits for its auditor's signature."""

    inspection: Inspection
    payload: bytes
    held: Held

    @property
    def name(self) -> str:
        """The id of the act, for a path."""
        return self.inspection.id

    @property
    def until_us(self) -> int:
        """The time until which it can be signed."""
        return self.inspection.issued_us + FRESH_US


@dataclass(frozen=True, slots=True)
class Announced:
    """An act whose entry is in the log: what it allows to be shown, under which mandate, and where it stands."""

    at: Written
    inspection: Inspection
    held: Held

    @property
    def name(self) -> str:
        """The place of the entry, for a path."""
        return place_name(self.at)


@dataclass(frozen=True, slots=True)
class AuditorActs:
    """The acts of auditors at one home. `rp_id` is the domain of the pages, for passkeys."""

    mandates: Mandates
    waiting: DocumentStore
    rp_id: str

    def prepare(self, person: str, action: Action, reason: str, detail: dict[str, Any], name: str) -> Prepared:
        """Return an act of this person, to be signed; a form that comes twice prepares one act, by its `name`.

        Raises `Forbidden` without a mandate, `Malformed`.
        """
        mandates = self.mandates
        held, key = mandates.require(person), _key(person, name)
        inspection = Inspection(action, mandates.member, reason, mandates.clock.now_us(), detail, key[-32:])
        payload = inspection_payload(inspection)
        before = self.waiting.put_new(_WAITING, key, payload, inspection.issued_us + FRESH_US)
        return Prepared(read_inspection(before or payload), before or payload, held)

    def prepared(self, person: str, name: str) -> Prepared:
        """Return the act of this person that waits for a signature. Raises `Forbidden`, `Stale`."""
        payload = self.waiting.get(_WAITING, f"{_person(person)}{name}")
        if payload is None:
            raise Stale(
                "it was not signed within five minutes: ask again, and sign at once",
                code="old-inspection",
                where="inspection",
            )
        return Prepared(read_inspection(payload), payload, self.mandates.require(person))

    def options(self, prepared: Prepared) -> dict[str, Any]:
        """Return the options for `navigator.credentials.get`: only the passkey of the mandate may sign."""
        assert prepared.held.passkey is not None
        credential = encode_url64(prepared.held.passkey.passkey.credential)
        return {
            "challenge": encode_url64(inspection_challenge(prepared.payload)),
            "rpId": self.rp_id,
            "allowCredentials": [{"type": "public-key", "id": credential}],
            "userVerification": "required",
            "timeout": _TIMEOUT_MS,
        }

    def signed_by_passkey(self, prepared: Prepared, origin: str, answer: str) -> bytes:
        """Return the document of an act that the mandate's passkey signed on our page. Raises `BadSignature`."""
        if prepared.held.passkey is None:
            raise BadSignature("no passkey has the key of this mandate", code="passkey-unknown", where="passkey")
        passkey = prepared.held.passkey.passkey
        assertion = browser_assertion(strict_json.loads(answer.encode("utf-8", "replace"), MAX_SIGNED))
        if assertion.credential != passkey.credential:
            raise BadSignature("another passkey signed", code="passkey-unknown", where="passkey")
        verify_assertion(assertion, passkey.key, self.rp_id, inspection_challenge(prepared.payload), (origin,))
        return sign_with_passkey(prepared.payload, prepared.held.appointment.key_id, self.rp_id, assertion)

    def signed_elsewhere(self, person: str, prepared: Prepared, document: str) -> bytes:
        """Return the document that the auditor signed on another machine. Raises `Malformed`, `Forbidden`."""
        data = "".join(document.split()).encode("utf-8", "replace")
        _, signed = parse_inspection(data)
        if signed.payload != prepared.payload:
            raise Forbidden(
                "this is the signature of another question: sign the text that this page shows",
                code="other-act",
                where="document",
            )
        self.mandates.require(person, signed.key_id)
        return data

    def announce(self, prepared: Prepared, data: bytes) -> Written:
        """Have the entry of a signed act written; return its place once it is durable and was found there.

        An act that has its entry already is not done again. Raises the error of a refusal, and `Unavailable`.
        """
        if (known := self._entry_of(prepared.inspection)) is not None:
            return known
        action = prepared.inspection.action
        result = carry_out(self.mandates.folder, Order(action.value, document=data.decode()))
        place = Written(str(result["log"]), int(result["index"]))
        return require_entry(self.mandates.folder, place, action.event)

    def announced(self, person: str, name: str, action: Action) -> Announced:
        """Return what the entry at this place lets a person see now.

        The person signed it, half an hour ago at most, and the mandate is still in force. Raises `Forbidden`, `Stale`.
        """
        at = place_of(name)
        with open_home(self.mandates.folder) as evidence:
            rows = evidence.store.entries(at.log, at.index, at.index + 1)
            found = next((open_entry(evidence.keys, at.log, row) for row in rows), None)
        if found is None or found.erased or found.entry.kind != action.event.kind:
            raise _no_entry()
        inspection, signed = parse_inspection(decode64(found.private.get("statement")))
        held = self.mandates.require(person, signed.key_id)
        if self.mandates.clock.now_us() - found.entry.time_us > SHOWN_US:
            raise Stale(
                "what this entry announced was shown for half an hour: ask again, and sign again",
                code="inspection-over",
                where="inspection",
            )
        return Announced(at, inspection, held)

    def _entry_of(self, inspection: Inspection) -> Written | None:
        """Return the entry of an act that was carried out before: a form may be sent twice."""
        wanted = Filter(kind=inspection.action.event.kind, since_us=inspection.issued_us - FRESH_US)
        with open_home(self.mandates.folder) as evidence:
            for shown in show(evidence.store, evidence.keys, OPERATIONS, wanted, _LOOK):
                if shown.private.get("inspection") == inspection.id:
                    return Written(OPERATIONS, shown.entry.index)
        return None


def place_name(at: Written) -> str:
    """Return the place of an entry for a path, such as `operations-1-42`."""
    log, _, number = at.log.partition("/")
    return f"{log}-{number}-{at.index}"


def _person(person: str) -> str:
    return hashlib.sha256(person.encode()).hexdigest()


def _key(person: str, name: str) -> str:
    """Return the key of a waiting act: the person's hash, then the act's id."""
    return _person(person) + hashlib.sha256(f"{person} {name}".encode()).hexdigest()[:32]


def place_of(name: str) -> Written:
    """Return the place of an entry from a path. Raises `Forbidden` for anything else."""
    found = _PLACE.fullmatch(name)
    if found is None:
        raise _no_entry()
    log, number, index = found.groups()
    return Written(f"{log}/{int(number)}", int(index))


def _no_entry() -> Forbidden:
    return Forbidden(
        "no entry announces this: nothing is shown. Ask again, and sign.", code="not-announced", where="inspection"
    )
