"""The member card: a member hands it to the others so that a charter can be drafted. It holds no secret.

It is not signed: the authorities compare it by voice or in person before they sign the charter that names it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from certs.profile import read_ca
from gateway.errors import Malformed, Misconfigured
from gateway.host.durable import PUBLIC, write_new
from gateway.model.names import MemberId, member_id
from gateway.signing import strict_json
from gateway.signing.dsse import decode64, encode64
from gateway.signing.keys import VerifyKey
from gateway.trust.documents.fields import Fields

CARD_FILE = "member.json"
_MAX_CARD = 16_384


@dataclass(frozen=True, slots=True)
class MemberCard:
    """A member's id, its national CA (PEM) and its authority's public key."""

    member: MemberId
    ca_pem: bytes
    authority: VerifyKey


def write_card(folder: Path, card: MemberCard) -> Path:
    """Write `member.json` into an authority's folder; return its path. Raises `Misconfigured` when it exists."""
    path = folder / CARD_FILE
    value = {"authority": encode64(card.authority.spki), "ca": card.ca_pem.decode("ascii"), "member": card.member}
    write_new(path, strict_json.dumps(value) + b"\n", PUBLIC)
    return path


def parse_card(data: bytes) -> MemberCard:
    """Return the card in `data`. Raises `Malformed`, or `BadSignature` when the key is not admitted."""
    fields = Fields(strict_json.loads(data, _MAX_CARD), "member card", ("member", "ca", "authority"))
    try:
        pem = fields.text("ca").encode("ascii")
    except UnicodeEncodeError as error:
        raise Malformed("the certificate is not PEM", code="bad-field", where="member card.ca") from error
    read_ca(pem)
    return MemberCard(member_id(fields.text("member")), pem, VerifyKey.admit(decode64(fields.text("authority"))))


def read_card(path: Path) -> MemberCard:
    """Return the card in a file, or in an authority's folder."""
    path = path / CARD_FILE if path.is_dir() else path
    try:
        return parse_card(path.read_bytes())
    except OSError as error:
        raise Misconfigured(
            "cannot be read: {strerror}",
            code="no-card",
            where=str(path),
            remedy="`liaison init` writes it",
            strerror=error.strerror,
        ) from error
