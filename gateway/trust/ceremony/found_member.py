"""Make a member: its authority (offline), and the keys and certificates of its node.

Everything is idempotent: a file that exists is kept and not listed; a key is never overwritten.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from certs.authority import LEAF_DAYS, Authority, certify_authority, create_authority, issue, load_authority
from certs.hsm.places import has_key
from certs.keyfiles import Algorithm, create_key, create_witness_key, load_key
from certs.names import CertificateName, CertificateUse, Holder
from gateway.clock import Clock
from gateway.config.home import CONSOLE_TLS, TOKEN_ISSUER
from gateway.errors import Misconfigured
from gateway.host.durable import PUBLIC, make_folder, write_new
from gateway.model.names import MemberId, member_id
from gateway.signing.keys import load_signing_key
from gateway.trust.ceremony.member_card import CARD_FILE, MemberCard, read_card, write_card

COMMAND_LINE = "cli"
CONSOLE = "console"
"""The name of the command line's client certificate."""

_SPREAD, _APART_DAYS = 12, 7
"""The certificates of a new home end a week apart, twelve different weeks in all, and not on one day."""


@dataclass(frozen=True, slots=True)
class _Pair:
    """A key of a node's home, and the name in its certificate; None for a key without one."""

    file: str
    algorithm: Algorithm
    name: CertificateName | None


def create_member(folder: Path, member: str, clock: Clock) -> list[str]:
    """Make a member's authority in `folder`: `authority.key`, `ca.key`, `ca.pem` and `member.json`.

    Returns the names of the files made now. Raises `Misconfigured` when the folder is another member's.
    """
    known = member_id(member)
    make_folder(folder)
    made = []
    if not has_key(folder / "authority.key"):
        create_key(folder / "authority.key", Algorithm.P256)
        made.append("authority.key")
    made += _create_ca(folder, known, clock)
    if not (folder / CARD_FILE).exists():
        authority = load_signing_key(folder / "authority.key")
        write_card(folder, MemberCard(known, load_authority(folder).pem, authority.verify_key()))
        made.append(CARD_FILE)
    _check_owner(folder, known)
    return made


def check_authority_of(home: Path, authority: Path) -> None:
    """Raise `Misconfigured` for an authority that lies in the home or around it, or that did not make the home."""
    places = home.resolve(), authority.resolve()
    if places[0] in (places[1], *places[1].parents) or places[1] in places[0].parents:
        raise Misconfigured(
            "the authority and the node's home are one folder, or one lies in the other: a node never holds the "
            "authority's keys",
            code="not-apart",
            where=str(authority),
            remedy="name a folder of its own, best on a medium that is kept offline",
        )
    made_by, given = home / "ca.pem", authority / "ca.pem"
    if made_by.exists() and (not given.exists() or made_by.read_bytes() != given.read_bytes()):
        raise Misconfigured(
            "this home was made with another authority",
            code="other-authority",
            where=str(made_by),
            remedy="give the authority folder of the first time",
        )


def create_member_keys(
    home: Path,
    authority: Path,
    member: str,
    agencies: Sequence[str],
    name: str,
    clock: Clock,
    *,
    with_issuer: bool = True,
) -> list[str]:
    """Make keys and certificates of the node `name` in `home` (`keys/`, `ca.pem`), certified by `authority`'s CA.

    Agencies get a key that the node holds (`held-by-node`); the issuer of tokens for trials has one, too. Returns the
    names of the files made now, relative to `home`.
    """
    known = member_id(member)
    _check_owner(authority, known)
    check_authority_of(home, authority)
    ca = load_authority(authority)
    make_folder(home)
    make_folder(home / "keys")
    made = []
    for number, pair in enumerate(_pairs(known, agencies, name)):
        if pair.file == TOKEN_ISSUER and not with_issuer:
            continue
        days = LEAF_DAYS - number % _SPREAD * _APART_DAYS
        made += _create_pair(home / "keys", pair, ca, clock, days)
    if not (home / "ca.pem").exists():
        write_new(home / "ca.pem", ca.pem, PUBLIC)
        made.append("ca.pem")
    return made


def _pairs(member: MemberId, agencies: Sequence[str], name: str) -> list[_Pair]:
    def certified(file: str, use: CertificateUse, label: str, held: Holder | None = None) -> _Pair:
        return _Pair(file, Algorithm.P256, CertificateName(member, use, label, held))

    return [
        certified("tls", CertificateUse.NODE, name),
        certified("statement", CertificateUse.STATEMENT, "1"),
        certified("status", CertificateUse.STATUS, "1"),
        *(certified(f"agency-{agency}", CertificateUse.AGENCY, agency, Holder.NODE) for agency in agencies),
        certified(f"client-{COMMAND_LINE}", CertificateUse.CLIENT, COMMAND_LINE),
        certified(CONSOLE_TLS, CertificateUse.CONSOLE, "localhost"),
        certified(f"client-{CONSOLE}", CertificateUse.CLIENT, CONSOLE),
        _Pair("log", Algorithm.ED25519, None),
        _Pair("witness", Algorithm.ED25519, None),
        _Pair("witness-mldsa", Algorithm.MLDSA44, None),
        _Pair(TOKEN_ISSUER, Algorithm.P256, None),
    ]


def _create_pair(keys: Path, pair: _Pair, ca: Authority, clock: Clock, days: int) -> list[str]:
    made = []
    path, certificate = keys / f"{pair.file}.key", keys / f"{pair.file}.pem"
    if not has_key(path):
        if certificate.exists():
            raise Misconfigured(
                "there is a certificate, but not its key",
                code="no-key-file",
                where=str(path),
                remedy="bring the key back, or move `{certificate}` away",
                certificate=certificate,
            )
        if pair.algorithm is Algorithm.MLDSA44:
            create_witness_key(path, pair.algorithm)
        else:
            create_key(path, pair.algorithm)
        made.append(f"keys/{path.name}")
    if pair.name and not certificate.exists():
        write_new(certificate, _certify(path, pair.name, ca, clock, days), PUBLIC)
        made.append(f"keys/{certificate.name}")
    return made


def _certify(path: Path, name: CertificateName, ca: Authority, clock: Clock, days: int) -> bytes:
    key = load_key(path)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise Misconfigured("only P-256 keys are certified", code="key-not-admitted", where=str(path))
    return issue(ca, key.public_key(), name, clock, days=days)


def _create_ca(folder: Path, member: MemberId, clock: Clock) -> list[str]:
    if not has_key(folder / "ca.key"):
        if (folder / "ca.pem").exists():
            raise Misconfigured(
                "there is a CA certificate, but not its key",
                code="no-ca-key",
                where=str(folder),
                remedy="bring the key back; a new CA goes into another folder",
            )
        create_authority(folder, member, clock)
        return ["ca.key", "ca.pem"]
    if (folder / "ca.pem").exists():
        return []
    key = load_key(folder / "ca.key")
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise Misconfigured("a national CA has a P-256 key", code="key-not-admitted", where=str(folder / "ca.key"))
    certify_authority(folder, member, key, clock)
    return ["ca.pem"]


def _check_owner(folder: Path, member: MemberId) -> None:
    card = read_card(folder)
    if card.member != member:
        raise Misconfigured(
            "this is the authority of `{member}`, not of `{other_member}`",
            code="other-member",
            where=str(folder),
            member=card.member,
            other_member=member,
        )
