"""The passkeys of one home: enrolled, withdrawn, and how often each has signed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Final

from gateway.audit.acts.passkeys import Passkey, enrolled_passkey
from gateway.clock import rfc3339
from gateway.errors import BadSignature, Forbidden, Unknown
from gateway.ports.documents import DocumentStore
from gateway.signing.passkeys.assertion import goes_on
from gateway.signing.passkeys.base64url import encode_url64

_PASSKEY: Final = "passkey"
"""The kind of a passkey among the documents; its key is `<hash of the person>/<hash of the credential>`."""

_WITHDRAWN: Final = "passkey-withdrawn"
_COUNTER: Final = "passkey-counter"


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A passkey as it stands; `withdrawn_us` is 0 while it counts. `act` is the id of its enrolment."""

    passkey: Passkey
    enrolled_us: int
    act: str
    counter: int
    withdrawn_us: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return it for a list of passkeys."""
        return self.passkey.as_json() | {
            "algorithm": self.passkey.key.algorithm.name,
            "counter": self.counter,
            "enrolled": rfc3339(self.enrolled_us),
            "withdrawn": rfc3339(self.withdrawn_us) if self.withdrawn_us else "",
            "act": self.act,
        }


@dataclass(frozen=True, slots=True)
class PasskeyBook:
    """All passkeys that were ever enrolled at a home. One thread at a time writes."""

    documents: DocumentStore

    def enrol(self, passkey: Passkey, act: str, now_us: int) -> None:
        """Keep a passkey whose entry is written. Repeating it changes nothing."""
        value = {"enrolled_us": now_us, "act": act, "passkey": passkey.as_json()}
        key = f"{_name(passkey.person.encode())}/{_name(passkey.credential)}"
        self.documents.put_new(_PASSKEY, key, json.dumps(value).encode())

    def withdraw(self, credential: bytes, now_us: int) -> None:
        """Let a passkey count no more, for good."""
        self.documents.put_new(_WITHDRAWN, _name(credential), str(now_us).encode())

    def find(self, credential: bytes) -> Enrolled | None:
        """Return the passkey with this credential, or None."""
        wanted = f"/{_name(credential)}"
        keys = (key for key in self.documents.keys(_PASSKEY) if key.endswith(wanted))
        return next((item for key in keys if (item := self._read(key))), None)

    def of_key(self, passkey: Passkey) -> Enrolled | None:
        """Return the passkey that has the credential or the public key of another one: one key is one person's."""
        same = (item for item in self.all() if item.passkey.spki == passkey.spki)
        return self.find(passkey.credential) or next(same, None)

    def all(self) -> list[Enrolled]:
        """Return all passkeys, by person and time."""
        return self._sorted("")

    def of_person(self, person: str) -> list[Enrolled]:
        """Return the passkeys of a person that count."""
        return [item for item in self.ever_of_person(person) if not item.withdrawn_us]

    def ever_of_person(self, person: str) -> list[Enrolled]:
        """Return the passkeys of a person, withdrawn ones among them."""
        return self._sorted(f"{_name(person.encode())}/")

    def named(self, name: str) -> Enrolled:
        """Return the passkey whose credential's base64url begins with `name`. Raises `Unknown`, `Forbidden`."""
        found = [item for item in self.all() if encode_url64(item.passkey.credential).startswith(name)]
        if not found:
            raise Unknown(
                "no such passkey", code="no-such-passkey", where="--credential", remedy="liaison passkey list"
            )
        if len(found) > 1:
            raise Forbidden(
                "several passkeys begin like this", code="ambiguous", where="--credential", remedy="give more of it"
            )
        return found[0]

    def require(self, credential: bytes, person: str) -> Enrolled:
        """Return the passkey of a person that counts now. Raises `BadSignature` for any other one."""
        found = self.find(credential)
        if found is None or found.passkey.person != person:
            raise BadSignature(
                "`{person}` has no such passkey enrolled",
                code="passkey-unknown",
                where="passkey",
                remedy="two persons enrol it: liaison passkey enrol",
                person=person,
            )
        if found.withdrawn_us:
            raise BadSignature("this passkey was withdrawn", code="passkey-withdrawn", where="passkey")
        return found

    def check_counter(self, enrolled: Enrolled, counter: int) -> None:
        """Raise `BadSignature` where a passkey's counter of signatures did not go up: another device has its key."""
        if not goes_on(enrolled.counter, counter):
            raise BadSignature(
                "the counter of signatures went back from {before} to {now}: another device may have its key",
                code="passkey-cloned",
                where="passkey",
                remedy="withdraw it: liaison passkey withdraw",
                before=enrolled.counter,
                now=counter,
            )

    def note_counter(self, enrolled: Enrolled, counter: int) -> None:
        """Keep how often a passkey has signed."""
        if counter:
            self.documents.put(_COUNTER, _name(enrolled.passkey.credential), str(counter).encode())

    def _sorted(self, prefix: str) -> list[Enrolled]:
        keys = (key for key in self.documents.keys(_PASSKEY) if key.startswith(prefix))
        found = [item for key in keys if (item := self._read(key))]
        return sorted(found, key=lambda item: (item.passkey.person, item.enrolled_us))

    def _read(self, key: str) -> Enrolled | None:
        data = self.documents.get(_PASSKEY, key)
        if data is None:
            return None
        value, name = json.loads(data), key.partition("/")[2]
        passkey = enrolled_passkey(value["passkey"])
        counter, withdrawn = self.documents.get(_COUNTER, name), self.documents.get(_WITHDRAWN, name)
        return Enrolled(
            passkey,
            value["enrolled_us"],
            value["act"],
            passkey.counter if counter is None else int(counter),
            0 if withdrawn is None else int(withdrawn),
        )


def _name(credential: bytes) -> str:
    return hashlib.sha256(credential).hexdigest()
