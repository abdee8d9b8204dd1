"""Let a person's key, which is never in the node's home, name its successor.

The present key signs for the new one, and the new one for itself. So neither the node nor who carries the file can put
another key in the place of a person's, and the authority needs no other proof of whose it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from certs.keyfiles import key_id
from gateway.errors import BadSignature, Malformed
from gateway.signing import strict_json
from gateway.signing.dsse import decode64, encode64
from gateway.signing.keys import VerifyKey
from gateway.trust.documents.descriptor import PERSONS, KeyUse, ListedKey
from gateway.trust.documents.fields import Fields
from gateway.trust.documents.persons import takes_over

SUCCESSION_KIND = "liaison-key-succession.v1"

_MAX_FILE = 32_768
_SIGNED = b"liaison key succession\n%b\n%b\n%b"


class Signs(Protocol):
    """A private key of a person, in a file or in a security module."""

    def sign(self, data: bytes) -> bytes:
        """Return the signature of `data`."""


@dataclass(frozen=True, slots=True)
class Succession:
    """A key `spki` that follows the key with the id `follows`.

    `proof` is the signature of the new key, `endorsement` that of the one before.
    """

    use: str
    follows: str
    spki: bytes
    proof: bytes
    endorsement: bytes

    @property
    def key_id(self) -> str:
        """The id of the new key."""
        return key_id(self.spki)


def succeed(use: str, follows: str, old: Signs, spki: bytes, new: Signs) -> Succession:
    """Return the succession of the key with the id `follows` by another one; both are at hand."""
    said = _said(use, follows, spki)
    return Succession(use, follows, spki, new.sign(said), old.sign(said))


def verify_succession(found: Succession, listed: Mapping[str, ListedKey], now_us: int) -> None:
    """Raise `BadSignature` unless the key that is followed is `listed`, counts now, and signed for the new one.

    Nor may it have taken a place itself just now: of three keys of one person, two would pass for two persons' keys.
    """
    before = listed.get(found.follows)
    counts = before is not None and before.compromised_us is None and before.start_us <= now_us < before.stop_us
    if before is None or not counts or (before.use, before.key_id) != (found.use, found.follows):
        raise BadSignature(
            "the key `{key_id}` for `{use}` is not listed, was removed, or has ended: it cannot name its successor",
            code="no-successor",
            remedy="bring the new key in as another one: `liaison trust admit`, then `liaison trust publish`",
            key_id=found.follows[:16],
            use=found.use,
        )
    if any(takes_over(before.start_us, key.stop_us) and key.stop_us > now_us for key in listed.values()):
        raise BadSignature(
            "the key before `{key_id}` goes on for some days: the next rotation can begin then",
            code="rotation-runs",
            remedy="`liaison cert status` says until when",
            key_id=found.follows[:16],
        )
    said = _said(found.use, found.follows, found.spki)
    VerifyKey.admit(found.spki).verify(found.proof, said)
    VerifyKey.admit(before.spki).verify(found.endorsement, said)


def guest_use(file: str) -> KeyUse | None:
    """Return the use of a person's key by the name of its file (`administrator-NAME`); None for other files."""
    return next((use for use in PERSONS if file.startswith(f"{use}-")), None)


def write_succession(found: Succession) -> bytes:
    """Return the bytes of the file of a succession."""
    return strict_json.dumps({"kind": SUCCESSION_KIND} | succession_json(found)) + b"\n"


def read_succession(data: bytes) -> Succession:
    """Return the succession in a file; nothing is verified yet. Raises `Malformed`."""
    value = strict_json.loads(data, _MAX_FILE)
    if not isinstance(value, dict) or value.pop("kind", "") != SUCCESSION_KIND:
        raise Malformed(
            "this is no file in which a key names its successor",
            code="unknown-document",
            remedy="`liaison trust person --follows KEY` writes one",
        )
    return succession_of(value)


def succession_json(found: Succession) -> dict[str, str]:
    """Return a succession as JSON."""
    return {
        "use": found.use,
        "follows": found.follows,
        "spki": encode64(found.spki),
        "proof": encode64(found.proof),
        "endorsement": encode64(found.endorsement),
    }


def succession_of(value: object) -> Succession:
    """Return the succession in an object. Raises `Malformed`."""
    fields = Fields(value, "key succession", ("use", "follows", "spki", "proof", "endorsement"))
    return Succession(
        fields.text("use"),
        fields.text("follows"),
        decode64(fields.text("spki")),
        decode64(fields.text("proof")),
        decode64(fields.text("endorsement")),
    )


def _said(use: str, follows: str, spki: bytes) -> bytes:
    return _SIGNED % (use.encode(), follows.encode(), spki)
