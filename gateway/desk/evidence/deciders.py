"""Take the evidence of humans who decide what leaves the country, over exactly the bytes that the node will sign.

The caller builds the payload first and has it signed last: between them each human gets the challenge of this payload,
and what they hand in proves this payload and no other. Whether a role may decide is in `gateway.desk.roles`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Any

from gateway.audit.acts.humans import MAX_REASON, HumanEvidence, check_evidence
from gateway.audit.acts.passkeys import Passkey
from gateway.config.sections.desk import Release
from gateway.desk.evidence.passkeys import Enrolled, PasskeyBook
from gateway.errors import BadSignature, Forbidden
from gateway.model.requester import Officer
from gateway.model.values import text_value
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft
from gateway.signing.passkeys.assertion import Assertion, challenge_of
from gateway.signing.passkeys.base64url import encode_url64

_TIMEOUT_MS = 120_000


@dataclass(frozen=True, slots=True)
class Decider:
    """A human who decides: the officer of a token that was verified for this very call, why, and the assertion."""

    officer: Officer
    reason: str
    assertion: Assertion | None = None


class HumanDesk:
    """Challenges humans and proves their decisions, at one home. Thread-safe.

    `release` are the settings in force; `alarm` writes an entry of the operations log.
    """

    def __init__(
        self, book: PasskeyBook, release: Callable[[], Release], alarm: Callable[[EntryDraft], object]
    ) -> None:
        self._book = book
        self._release = release
        self._alarm = alarm
        self._lock = Lock()

    def needs_passkey(self, person: str) -> bool:
        """Tell whether a token alone does not prove a decision of this person."""
        return self._release().passkey == "demanded" or bool(self._book.of_person(person))

    def check_token_proves(self, person: str) -> None:
        """Raise `Forbidden` where a token alone does not prove a decision of this person."""
        if self.needs_passkey(person):
            raise self._passkey_needed(person)

    def options(self, payload_type: str, payload: bytes, person: str) -> dict[str, Any]:
        """Return the options for `navigator.credentials.get` (their JSON form) with the challenge of this payload.

        Raises `Forbidden` where the person has no passkey that counts.
        """
        mine = self._book.of_person(person)
        if not mine:
            raise self._passkey_needed(person)
        rp_id = mine[-1].passkey.rp_id
        ids = [item.passkey.credential for item in mine if item.passkey.rp_id == rp_id]
        return {
            "challenge": encode_url64(challenge_of(payload_type, payload)),
            "rpId": rp_id,
            "allowCredentials": [{"type": "public-key", "id": encode_url64(name)} for name in ids],
            "userVerification": "required",
            "timeout": _TIMEOUT_MS,
        }

    def check(self, payload_type: str, payload: bytes, decider: Decider) -> None:
        """Raise what `prove` would raise for one human of several; nothing is kept, since the others decide first."""
        human = self._evidence(decider)
        known: dict[bytes, Enrolled] = {}
        find = partial(self._find, known=known)
        said = check_evidence([human], challenge_of(payload_type, payload), find, self._release().origins)
        for enrolled, used in zip(known.values(), filter(None, said), strict=True):
            self._book.check_counter(enrolled, used.counter)

    def prove(
        self, payload_type: str, payload: bytes, deciders: Sequence[Decider], persons: int = 1
    ) -> tuple[HumanEvidence, ...]:
        """Return the evidence of a decision for the member `humans` of its entry:

        1. exactly as many humans as are needed, each with a reason;
        2. an assertion of each who has a passkey enrolled; of all, where the settings demand it;
        3. different persons, with tokens and passkeys of their own;
        4. each assertion is over this payload, by a passkey that counts now for this person;
        5. no counter went back, else an alarm is written and the decision refused. Counters are kept at once: what was
           proved here is proved once, also where its entry is not written then.

        Raises `Forbidden`, `BadSignature`, `Malformed`, `TooLarge`.
        """
        if len(deciders) != persons:  # 1
            raise Forbidden(
                "{persons} different persons decide this, and {count} did",
                code="persons-needed",
                remedy="another person who may decide does so, too, over the same content",
                persons=persons,
                count=len(deciders),
            )
        humans = tuple(self._evidence(decider) for decider in deciders)  # 2
        with self._lock:
            known: dict[bytes, Enrolled] = {}
            release = self._release()
            used = check_evidence(  # 3, 4
                humans, challenge_of(payload_type, payload), lambda human: self._find(human, known), release.origins
            )
            self._count(
                list(zip(known.values(), [said.counter for said in used if said is not None], strict=True))
            )  # 5
        return humans

    def _evidence(self, decider: Decider) -> HumanEvidence:
        officer = decider.officer
        if decider.assertion is None:
            self.check_token_proves(officer.person)
        return HumanEvidence(
            officer.person,
            officer.role,
            officer.office,
            officer.agency,
            text_value(decider.reason, "reason", MAX_REASON),
            officer.token_hash.hex(),
            decider.assertion,
        )

    def _find(self, human: HumanEvidence, known: dict[bytes, Enrolled]) -> Passkey:
        assert human.assertion is not None
        found = self._book.require(human.assertion.credential, human.person)
        known[human.assertion.credential] = found
        return found.passkey

    def _count(self, counted: Sequence[tuple[Enrolled, int]]) -> None:
        for enrolled, counter in counted:
            try:
                self._book.check_counter(enrolled, counter)
            except BadSignature as error:
                name = encode_url64(enrolled.passkey.credential)[:16]
                self._alarm(events.ALARM.draft(code=error.code, detail=f"passkey {name}: {error.message}"))
                raise
        for enrolled, counter in counted:
            self._book.note_counter(enrolled, counter)

    def _passkey_needed(self, person: str) -> Forbidden:
        release = self._release()
        if self._book.of_person(person):
            return Forbidden(
                "`{person}` has a passkey enrolled, and decides with it",
                code="passkey-needed",
                remedy="decide in the console ({console}), where the passkey signs",
                person=person,
                console=next(iter(release.origins), release.rp_id),
            )
        return Forbidden(
            "national policy demands a passkey of everyone who decides, and `{person}` has none",
            code="passkey-needed",
            remedy="two other persons enrol one: liaison passkey enrol; then decide in the console",
            person=person,
        )
