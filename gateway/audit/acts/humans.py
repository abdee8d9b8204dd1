"""The evidence of a human's decision, as an entry keeps it: who decided and why, and what proves it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.audit.acts.passkeys import Passkey
from gateway.audit.acts.table import Proof
from gateway.errors import BadSignature, Malformed
from gateway.model.names import identifier
from gateway.model.values import text_value
from gateway.signing.passkeys.assertion import Assertion, Used, kept_assertion, verify_assertion

MAX_HUMANS: Final = 2
MAX_REASON: Final = 300
"""Characters of a reason."""

_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
_TEXTS = ("by", "role", "office", "agency", "reason", "token", "proof")


@dataclass(frozen=True, slots=True)
class HumanEvidence:
    """The evidence of one human. `token` is SHA-256 of the officer token, hexadecimal.

    `assertion` is that of a passkey over the challenge of the statement; None where the token is all there is.
    """

    person: str
    role: str
    office: str
    agency: str
    reason: str
    token: str
    assertion: Assertion | None = None

    @property
    def proof(self) -> Proof:
        """Return what shows that this human decided."""
        return Proof.TOKEN if self.assertion is None else Proof.PASSKEY

    def as_json(self) -> dict[str, Any]:
        """Return the item of an entry's member `humans`."""
        said = (self.person, self.role, self.office, self.agency, self.reason, self.token, self.proof.value)
        value: dict[str, Any] = dict(zip(_TEXTS, said, strict=True))
        return value if self.assertion is None else value | {"assertion": self.assertion.as_json()}


def kept_humans(value: Any) -> tuple[HumanEvidence, ...]:
    """Return the evidence in an entry's member `humans`. Raises `Malformed`, `TooLarge`, `BadSignature`."""
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_HUMANS:
        raise Malformed("one or two humans decide", code="bad-evidence", where="humans")
    humans = tuple(map(_kept, value))
    check_different(humans)
    return humans


def check_different(humans: Sequence[HumanEvidence]) -> None:
    """Raise `BadSignature` unless all are different persons, with tokens and passkeys of their own."""
    credentials = [item.assertion.credential for item in humans if item.assertion is not None]
    for named in ([item.person for item in humans], [item.token for item in humans], credentials):
        if len(set(named)) != len(named):
            raise _same_human()


def _same_human() -> BadSignature:
    return BadSignature("two decisions of one human are those of one", code="same-human", where="humans")


def check_evidence(
    humans: Sequence[HumanEvidence],
    challenge: bytes,
    passkey_of: Callable[[HumanEvidence], Passkey],
    origins: Collection[str] = (),
) -> list[Used | None]:
    """Verify the assertions of all humans over one challenge (`challenge_of`), and return what they say, in order.

    `passkey_of` returns the passkey of this credential that counted for this person then, and raises otherwise. Whether
    a counter went back is for the caller. Raises `Malformed`, `TooLarge`, `BadSignature`.
    """
    check_different(humans)
    passkeys = [None if item.assertion is None else passkey_of(item) for item in humans]
    keys = [passkey.spki for passkey in passkeys if passkey is not None]
    if len(set(keys)) != len(keys):
        raise _same_human()
    return [
        None if passkey is None else _verify(item, challenge, passkey, origins)
        for item, passkey in zip(humans, passkeys, strict=True)
    ]


def _verify(human: HumanEvidence, challenge: bytes, passkey: Passkey, origins: Collection[str]) -> Used:
    assert human.assertion is not None
    if (passkey.person, passkey.credential) != (human.person, human.assertion.credential):
        raise BadSignature("it is the passkey of another person", code="passkey-unknown", where="passkey")
    return verify_assertion(human.assertion, passkey.key, passkey.rp_id, challenge, origins)


def _kept(value: Any) -> HumanEvidence:
    names = set(value) if isinstance(value, Mapping) else set()
    if names - {"assertion"} != set(_TEXTS) or not all(isinstance(value[name], str) for name in _TEXTS):
        raise Malformed("the evidence of a human has {names}", code="bad-evidence", names=", ".join(_TEXTS))
    if not _HASH.fullmatch(value["token"]):
        raise Malformed("a token is kept as its SHA-256", code="bad-evidence", where="token")
    assertion = kept_assertion(value["assertion"]) if "assertion" in value else None
    human = HumanEvidence(
        identifier(value["by"], "by"),
        value["role"],
        value["office"],
        value["agency"],
        text_value(value["reason"], "reason", MAX_REASON),
        value["token"],
        assertion,
    )
    if value["proof"] != human.proof:
        raise BadSignature("it says that it is proved by what it does not keep", code="bad-evidence", where="proof")
    return human
