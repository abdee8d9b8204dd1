"""Enrol and withdraw passkeys, by acts that the country's persons sign.

An enrolment counts from its entry on: the entry comes first. A withdrawal counts at once: the passkey is refused before
its entry is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from certs.keyfiles import KeyPlace
from gateway.audit.acts.act import Act, Proved
from gateway.audit.acts.passkeys import Passkey, enrolled_passkey, withdrawn_passkey
from gateway.audit.acts.table import ActKind
from gateway.clock import SystemClock
from gateway.config import load_settings
from gateway.desk.evidence.passkeys import Enrolled, PasskeyBook
from gateway.errors import Forbidden, Malformed, Misconfigured, Replayed, Unknown
from gateway.host.durable import PUBLIC, write_new
from gateway.model.names import identifier
from gateway.ops.acts.draft import draft
from gateway.ops.acts.enrolment import WaitingPasskey, waiting_passkey, waiting_passkeys
from gateway.ops.acts.mailbox import Order
from gateway.ops.acts.prove import HomeTrust, Used, document_of
from gateway.ops.stores import own_keystore
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft, Event, Logged
from gateway.signing import strict_json
from gateway.signing.dsse import encode64
from gateway.signing.keys import VerifyKey
from gateway.signing.passkeys.base64url import encode_url64
from gateway.signing.passkeys.registration import asked_for, registration_options, verify_registration
from gateway.storage.database.open import is_made, open_storage
from gateway.storage.documents.document_store import SqlDocumentStore

_MAX_FILE = 64 * 1024


@dataclass(frozen=True, slots=True)
class PasskeyDesk:
    """Enrols and withdraws passkeys at one home. One thread at a time."""

    trust: HomeTrust
    used: Used
    book: PasskeyBook
    log: str
    write: Callable[[EntryDraft], Logged]

    def enrol(self, order: Order) -> Mapping[str, Any]:
        """Enrol a passkey: its entry first. Raises `Forbidden` where its own person signed, `Replayed`."""
        act, proved = self._proved(order, ActKind.PASSKEY_ENROL)
        passkey = enrolled_passkey(act.detail)
        if any(passkey.person in person.known_as or passkey.person == person.name for person in proved.persons):
            raise Forbidden(
                "`{person}` signed the enrolment of an own passkey",
                code="own-passkey",
                where="act",
                remedy="two other persons sign it",
                person=passkey.person,
            )
        known = self.book.of_key(passkey)
        if known is not None and known.act != act.id:
            raise Replayed("this passkey was enrolled before", code="passkey-known", where="act.detail")
        self._write(events.PASSKEY_ENROLLED, act, proved)
        self.book.enrol(passkey, act.id, self.trust.clock.now_us())
        return {"log": self.log, "by": proved.words} | passkey.as_json()

    def withdraw(self, order: Order) -> Mapping[str, Any]:
        """Withdraw a passkey: it is refused at once, and then the entry is written. Raises `Unknown`."""
        act, proved = self._proved(order, ActKind.PASSKEY_WITHDRAW)
        person, credential = withdrawn_passkey(act.detail)
        known = self.book.find(credential)
        if known is None or known.passkey.person != person:
            raise Unknown("no such passkey", code="no-such-passkey", where="act.detail", remedy="liaison passkey list")
        self.used.claim(act.id, act.expires_us, order.id)
        self.book.withdraw(credential, self.trust.clock.now_us())
        self._write(events.PASSKEY_WITHDRAWN, act, proved)
        return {"log": self.log, "by": proved.words, "person": person, "credential": encode_url64(credential)}

    def _proved(self, order: Order, kind: ActKind) -> tuple[Act, Proved]:
        act, proved = self.trust.verify(document_of(order.document))
        if act.kind is not kind:
            raise Malformed("the document says another act", code="bad-order")
        return act, replace(proved, account=order.account, order=order.id)

    def _write(self, event: Event, act: Act, proved: Proved) -> None:
        private = dict(act.detail) | {"by": proved.words, "reason": act.reason, "order": act.id}
        entry = event.draft_of(private | proved.members())
        self.used.once(act.id, act.expires_us, proved.order, event.kind, lambda: self.write(entry))


# ---------------------------------------------------------------- commands


def new_options(folder: Path, person: str) -> dict[str, Any]:
    """Return the options with which a person's browser makes a passkey for this home.

    Raises `Malformed`, `Misconfigured`.
    """
    identifier(person, "--person")
    settings = load_settings(folder)
    if not settings.release.rp_id:
        raise Misconfigured(
            "passkeys are made for a domain, and none is set",
            where="node.toml [release]",
            remedy="set release.rp_id to the domain of the console",
        )
    known = [item.passkey.credential for item in listed_passkeys(folder) if item.passkey.person == person]
    return registration_options(settings.release.rp_id, person, known)


def draft_enrolment(folder: Path, options: Path, answer: Path, reason: str, keys: Sequence[KeyPlace]) -> bytes:
    """Return the act that enrols what a browser answered to `options`, signed with `keys`.

    Raises `Malformed`, `TooLarge`, `BadSignature`, and `Forbidden` where no key is given.
    """
    rp_id, person, challenge = asked_for(_read(options))
    origins = load_settings(folder).release.origins
    made = verify_registration(_read(answer), rp_id, challenge, origins)
    passkey = Passkey(person, made.credential, made.key.spki, rp_id, made.counter, made.aaguid, made.backed_up)
    return draft(folder, ActKind.PASSKEY_ENROL, reason, passkey.as_json(), keys)


def draft_waiting_enrolment(folder: Path, number: str, reason: str, keys: Sequence[KeyPlace]) -> bytes:
    """Return the act that enrols the passkey that waits under a number, signed with `keys`.

    Raises `Unknown`, and `Forbidden` where no key is given.
    """
    with _open_book(folder) as book:
        passkey = waiting_passkey(book.documents, book, number).passkey
    return draft(folder, ActKind.PASSKEY_ENROL, reason, passkey.as_json(), keys)


def passkeys_that_wait(folder: Path) -> list[WaitingPasskey]:
    """Return the passkeys that people made at the console of a home, and that wait for two persons."""
    with _open_book(folder) as book:
        return waiting_passkeys(book.documents, book)


def draft_withdrawal(folder: Path, name: str, reason: str, keys: Sequence[KeyPlace]) -> bytes:
    """Return the act that withdraws the passkey whose credential begins with `name`. Raises `Unknown`, `Forbidden`."""
    with _open_book(folder) as book:
        passkey = book.named(name).passkey
    detail = {"person": passkey.person, "credential": encode_url64(passkey.credential)}
    return draft(folder, ActKind.PASSKEY_WITHDRAW, reason, detail, keys)


def listed_passkeys(folder: Path) -> list[Enrolled]:
    """Return all passkeys of a home, whose node may be running. Raises `Misconfigured`."""
    with _open_book(folder) as book:
        return book.all()


def write_public_key(folder: Path, name: str, out: Path) -> dict[str, str]:
    """Write the public key of the passkey whose credential begins with `name`, and return whose it is.

    Raises `BadSignature` for an algorithm that no appointment names.
    """
    with _open_book(folder) as book:
        passkey = book.named(name).passkey
    key = VerifyKey.admit(passkey.spki)
    write_new(out, encode64(key.spki).encode() + b"\n", PUBLIC)
    return {"person": passkey.person, "key_id": key.key_id}


@contextmanager
def _open_book(folder: Path) -> Iterator[PasskeyBook]:
    settings = load_settings(folder)
    if not settings.keystore.is_dir() or not is_made(settings):
        raise Misconfigured("there is no database", where=str(folder), remedy="name the home of a node that has run")
    with closing(open_storage(settings, read_only=True)) as database:
        yield PasskeyBook(SqlDocumentStore(database, own_keystore(settings), SystemClock()))


def _read(file: Path) -> Any:
    data = file.read_bytes()[: _MAX_FILE + 1]
    try:
        return strict_json.loads(data, _MAX_FILE)
    except Malformed as error:
        error.where = error.where or str(file)
        raise
