"""The witness card: what a domestic witness hands to its country's node and authority. It holds no secret.

`liaison witness init` writes it as `witness.pub`; the node's home keeps it in `witnesses/`. The authority signs its
keys into the descriptor, and so its cosignatures count for everybody; its certificate is the only one that the node
accepts as that of the witness's machine. Like a member card it is compared by voice or in person before it is used.
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
    """Whose witness it is, its keys (Ed25519, ML-DSA-44), and the certificate of its server (PEM)."""

    member: MemberId
    keys: tuple[WitnessKey, ...]
    certificate: bytes


def build_witness_card(card: WitnessCard) -> bytes:
    """Return the card as a file."""
    value = {
        "certificate": card.certificate.decode("ascii"),
        "keys": [encode64(key.spki) for key in card.keys],
        "member": card.member,
    }
    return strict_json.dumps(value) + b"\n"


def parse_witness_card(data: bytes) -> WitnessCard:
    """Return the card in `data`: one key of each kind. Raises `Malformed`, or `BadSignature` when a key is not
    admitted.
    """
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
    """Return the cards of the domestic witnesses that a node's home knows. Raises `Misconfigured`, also for one that is
    of another member.
    """
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
