"""The witness card: a domestic witness hands it to its country's node and authority. It holds no secret.

`liaison witness init` writes it as `witness.pub`; the node's home keeps it in `witnesses/`. The authority signs its
keys into the descriptor, so that its cosignatures count for all members. The node accepts only its certificate for the
witness's machine. Like a member card it is compared by voice or in person before it is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from certs.keyfiles import Algorithm
from gateway.errors import BadSignature, Malformed, Misconfigured
from gateway.model.names import MemberId, member_id
from gateway.signing import strict_json
from gateway.signing.dsse import decode64, encode64
from gateway.signing.witness_keys import WitnessKey
from gateway.trust.documents.fields import Fields

WITNESSES = "witnesses"
"""Folder of a node's home with the cards (`*.pub`) of domestic witnesses."""

_MAX_CARD = 32_768


@dataclass(frozen=True, slots=True)
class WitnessCard:
    """The witness's member, its keys (Ed25519, ML-DSA-44), and the certificate of its server (PEM)."""

    member: MemberId
    keys: tuple[WitnessKey, ...]
    certificate: bytes


def build_witness_card(card: WitnessCard) -> bytes:
    """Return the bytes of the card's file."""
    value = {
        "certificate": card.certificate.decode("ascii"),
        "keys": [encode64(key.spki) for key in card.keys],
        "member": card.member,
    }
    return strict_json.dumps(value) + b"\n"


def parse_witness_card(data: bytes) -> WitnessCard:
    """Return the card in `data`: one key of each kind. Raises `Malformed`, or `BadSignature` for a bad key."""
    fields = Fields(strict_json.loads(data, _MAX_CARD), "witness card", ("member", "keys", "certificate"))
    keys = tuple(WitnessKey.admit(decode64(text)) for text in fields.texts("keys", 2))
    if [key.algorithm for key in keys] != [Algorithm.ED25519, Algorithm.MLDSA44]:
        raise Malformed("a witness has one Ed25519 and one ML-DSA-44 key", code="bad-field", where="witness card.keys")
    try:
        certificate = fields.text("certificate").encode("ascii")
    except UnicodeEncodeError as error:
        raise Malformed("the certificate is not PEM", code="bad-field", where="witness card.certificate") from error
    return WitnessCard(member_id(fields.text("member")), keys, certificate)


def read_witness_card(path: Path) -> WitnessCard:
    """Return the card in a file. Raises `Misconfigured`."""
    try:
        return parse_witness_card(path.read_bytes())
    except (OSError, Malformed, BadSignature) as error:
        raise Misconfigured(
            "cannot be used: {error}",
            code="bad-witness-card",
            where=str(path),
            remedy="bring the `witness.pub` that `liaison witness init` wrote on the witness's machine",
            error=error,
        ) from error


def witness_cards(home: Path, member: str) -> list[WitnessCard]:
    """Return the domestic witnesses' cards in a node's home. Raises `Misconfigured`, also for another member's card."""
    found = []
    for path in sorted((home / WITNESSES).glob("*.pub")):
        card = read_witness_card(path)
        if card.member != member:
            raise Misconfigured(
                "this is a witness of `{member}`, not of `{other_member}`",
                code="other-member",
                where=str(path),
                remedy="remove it: other countries' nodes are witnesses through their descriptors",
                member=card.member,
                other_member=member,
            )
        found.append(card)
    return found
