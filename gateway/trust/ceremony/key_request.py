"""Requests of a home for its certificates and for the listing of its keys, and the answers of its authority.

A request is one file. It holds public keys, each with a proof that the home has the private half, and the member's
descriptor with its statuses. The authority signs the version that follows that descriptor: the keys of the request are
added or renewed, keys that a status removed are marked, and nothing else is changed. A home in wrong hands thus gains
these keys and no more. The answer holds the certificates and the signed descriptor. Neither holds a secret.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from certs.authority import LEAF_DAYS, ONLINE_DAYS, Authority, issue, load_authority
from certs.hsm.places import has_key
from certs.keyfiles import key_id, spki
from certs.names import CertificateName, CertificateUse, Holder
from certs.profile import read_leaf
from certs.requests import read_request
from gateway.clock import Clock, from_us, to_us
from gateway.config.home import CONSOLE_TLS
from gateway.errors import BadSignature, Malformed, Misconfigured
from gateway.model.names import MemberId
from gateway.signing.dsse import MAX_DOCUMENT, add_signature, is_signed_by
from gateway.signing.keys import SigningKey, VerifyKey
from gateway.signing.witness_keys import WitnessKey
from gateway.trust.ceremony.ceremony import authority_key
from gateway.trust.ceremony.listing import listed_leaf, listed_online_ca, next_keys, plain_key, removed_keys
from gateway.trust.ceremony.member_card import read_card
from gateway.trust.ceremony.succession import (
    Succession,
    guest_use,
    verify_succession,
)
from gateway.trust.documents.descriptor import (
    Descriptor,
    KeyUse,
    ListedKey,
    check_keys,
    parse_descriptor,
    sign_descriptor,
)
from gateway.trust.documents.persons import OVERLAP_US, takes_over
from gateway.trust.documents.removals import in_force, verified

MAX_REQUEST = 4 * MAX_DOCUMENT
MAX_KEYS = 64

PLAIN_FILES: Mapping[str, KeyUse] = {
    "log": KeyUse.LOG,
    "witness": KeyUse.WITNESS,
    "witness-mldsa": KeyUse.WITNESS,
}
"""The listed uses of keys without a certificate, by the names of their files."""

ONLINE_CA = "online-ca"
"""The name of the file of the key of the online CA. Its `request` is the certificate that it signed for itself."""

_PROOF = b"liaison key request\n%b\n%b\n%b"


@dataclass(frozen=True, slots=True)
class WantedKey:
    """A key of a request, by the name of its file. `request` is PKCS #10 (PEM); a key without certificate has `proof`.

    `proof` is the key's own signature over member, file and key. A new key that is not made in the node's home has a
    `succession` instead: the key before signed for it.
    """

    file: str
    spki: bytes
    request: bytes = b""
    proof: bytes = b""
    succession: Succession | None = None


@dataclass(frozen=True, slots=True)
class KeyRequest:
    """A request. Without `descriptor` only certificates are wanted, as for a client system.

    `noted` are times (microseconds since 1970) from which removed keys prove nothing, by their ids, where the home
    knows of earlier ones than that of the status (`removal_notes`).
    """

    member: MemberId
    keys: tuple[WantedKey, ...]
    descriptor: bytes = b""
    statuses: tuple[bytes, ...] = ()
    noted: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KeyAnswer:
    """The answer to `request`: certificates (PEM) by the names of the keys' files, and the next descriptor."""

    request: KeyRequest
    certificates: Mapping[str, bytes]
    descriptor: bytes


def proof_of(member: str, file: str, spki: bytes) -> bytes:
    """Return the bytes that a key without a certificate signs, to prove that the home holds it."""
    return _PROOF % (member.encode(), file.encode(), spki)


def file_of(name: CertificateName) -> str:
    """Return the name of the file in a node's home of the key with this certificate. Raises `Malformed`."""
    if name.use is CertificateUse.AGENCY and name.held is Holder.NODE:
        return f"agency-{name.name}"
    if name.use is CertificateUse.CLIENT:
        return f"client-{name.name}"
    if name.use is CertificateUse.PERSON:
        return f"client-person-{name.name}"
    if name.use is CertificateUse.CONSOLE:
        return CONSOLE_TLS
    files = {CertificateUse.NODE: "tls", CertificateUse.STATEMENT: "statement", CertificateUse.STATUS: "status"}
    if name.use not in files:
        raise Malformed("`{uri}` is no use of a node's key", code="wrong-use", uri=name.uri)
    return files[name.use]


# ------------------------------------------------------------ the authority


def answer_request(request: KeyRequest, authority: Path, clock: Clock) -> KeyAnswer:
    """Return the answer of the authority in a folder:

    1. the request is of its own member, and each key is proved;
    2. the descriptor in it was signed by this authority, for this member;
    3. each certified key gets a certificate for its use; one that is listed already keeps its beginning;
    4. the next version lists these keys, and marks as compromised what a status removed.

    A key for TLS that is asked for with the online CA is listed for as long as that, and gets no certificate.
    A folder without `authority.key` certifies keys that are listed, and signs no descriptor. Raises `Malformed`,
    `BadSignature`, `Misconfigured`.
    """
    card = read_card(authority)
    if card.member != request.member:
        raise Misconfigured(
            "this is the authority of `{member}`, not of `{other_member}`",
            code="other-member",
            where=str(authority),
            member=card.member,
            other_member=request.member,
        )
    signs = has_key(authority / "authority.key")
    key = authority_key(authority) if signs else None
    held = _own_descriptor(request, key)  # 2
    names = {key.file: _proved(request, key, held, clock.now_us()) for key in request.keys}  # 1
    ca = load_authority(authority)
    certificates = {
        wanted.file: _certificate(ca, wanted, name, held, clock)
        for wanted in request.keys
        if (name := names[wanted.file]) is not None and not _only_lengthened(request, wanted)
    }  # 3
    if held is None:
        return KeyAnswer(request, certificates, b"")
    fresh = _listings(request, held, certificates, clock)
    if key is None:
        _require_listed(fresh, held, authority)
        return KeyAnswer(request, certificates, b"")
    following = _following(held, fresh, request, clock.now_us())  # 4
    check_keys(following)
    return KeyAnswer(request, certificates, sign_descriptor(following, [key]))


def add_authority(answer: KeyAnswer, authority: Path) -> KeyAnswer:
    """Return the answer with one more signature of the authority, where the charter demands more than one:

    1. the descriptor before was signed by this authority;
    2. the new one is what follows from the request and the certificates, and nothing else.
    """
    key = authority_key(authority)
    held = _own_descriptor(answer.request, key)  # 1
    descriptor, document = parse_descriptor(answer.descriptor)
    if held is None:
        raise Malformed("this answer has no descriptor to be signed", code="bad-answer")
    for wanted in answer.request.keys:
        _proved(answer.request, wanted, held, descriptor.issued_us)
    mine = {key.key_id for key in _fresh(answer, descriptor)}
    fresh = tuple(key for key in descriptor.keys if key.key_id in mine)
    expected = _following(held, fresh, answer.request, descriptor.issued_us)
    if replace(expected, hash=descriptor.hash, data=descriptor.data) != descriptor:  # 2
        raise BadSignature(
            "the descriptor says more than the request asks for",
            code="other-descriptor",
            remedy="sign the request anew: `liaison cert sign REQUEST --authority ADIR --out FILE`",
        )
    return replace(answer, descriptor=add_signature(document, key))


def _fresh(answer: KeyAnswer, descriptor: Descriptor) -> list[ListedKey]:
    wanted = {key.spki for key in answer.request.keys}
    return [key for key in descriptor.keys if key.spki in wanted]


def _proved(request: KeyRequest, key: WantedKey, held: Descriptor | None, now_us: int) -> CertificateName | None:
    """Return the name for a key's certificate, None for a key that gets none. Raises `Malformed`, `BadSignature`."""
    member, use = request.member, guest_use(key.file)
    if use is not None:
        _check_guest(request, key, use, held, now_us)
        return None
    if key.file == ONLINE_CA:
        if listed_online_ca(key.request, member).spki != key.spki:
            raise Malformed("the certificate of the online CA is for another key", code="bad-request")
        return None
    if key.file in PLAIN_FILES:
        WitnessKey.admit(key.spki).verify(key.proof, proof_of(member, key.file, key.spki))
        return None
    public, name = read_request(key.request)
    if name.member != member or file_of(name) != key.file or spki(public) != key.spki:
        raise Malformed(
            "the request for `{file}` of `{member}` names `{uri}`",
            code="bad-request",
            file=key.file,
            member=member,
            uri=name.uri,
        )
    return name


def _check_guest(request: KeyRequest, key: WantedKey, use: KeyUse, held: Descriptor | None, now_us: int) -> None:
    """Check a person's key: it is listed already, or the key that it follows counts and signed for it.

    Raises `BadSignature`.
    """
    gone = removed_in(request, held)
    listed = {each.key_id: each for each in held.keys if each.key_id not in gone} if held else {}
    present, found = listed.get(key_id(key.spki)), key.succession
    if found is None and present is not None and present.use == use and present.compromised_us is None:
        return _check_not_replaced(present, listed)
    if found is None or (found.spki, found.use) != (key.spki, use):
        raise BadSignature(
            "nothing says that the new key for `{use}` follows one that counts",
            code="no-successor",
            where=key.file,
            remedy="the holder of the present key names its successor: `liaison trust person --follows KEY`",
            use=use,
        )
    return verify_succession(found, listed, now_us)


def _check_not_replaced(present: ListedKey, listed: Mapping[str, ListedKey]) -> None:
    """Raise `BadSignature` for a key whose place another one takes: its end is what ties the two to one person."""
    if any(takes_over(key.start_us, present.stop_us) for key in listed.values()):
        raise BadSignature(
            "the key `{key_id}` for `{use}` was replaced: it is not renewed",
            code="key-replaced",
            remedy="the person goes on with the new key: `liaison cert status`",
            key_id=present.key_id[:16],
            use=present.use,
        )


def _own_descriptor(request: KeyRequest, key: SigningKey | None) -> Descriptor | None:
    if not request.descriptor:
        return None
    held, document = parse_descriptor(request.descriptor)
    if held.member != request.member:
        raise BadSignature("a descriptor of another member", code="other-member")
    if key is not None and not is_signed_by(document, key.verify_key()):
        raise BadSignature(
            "this authority did not sign the descriptor in force",
            code="other-authority",
            where=f"descriptor {held.version}",
            remedy="one that replaces another publishes first: `liaison trust publish --home HOME --authority ADIR`",
        )
    return held


def _certificate(
    ca: Authority, wanted: WantedKey, name: CertificateName, held: Descriptor | None, clock: Clock
) -> bytes:
    """Certify a key; one that is listed keeps its beginning, so that what it has signed can still be verified."""
    public, _ = read_request(wanted.request)
    listed = next((key for key in held.keys if key.spki == wanted.spki), None) if held else None
    if listed is None:
        return issue(ca, public, name, clock)
    start = max(from_us(listed.start_us), ca.certificate.not_valid_before_utc)
    days = (clock.now() - start) // timedelta(days=1) + LEAF_DAYS
    return issue(ca, public, name, clock, days=days, not_before=start)


def _only_lengthened(request: KeyRequest, key: WantedKey) -> bool:
    """Tell whether the online CA of the same request is to renew the certificate of this key."""
    return key.file == "tls" and any(other.file == ONLINE_CA for other in request.keys)


def _listings(
    request: KeyRequest, held: Descriptor, certificates: Mapping[str, bytes], clock: Clock
) -> list[ListedKey]:
    found = []
    for key in request.keys:
        if key.file == ONLINE_CA:
            found.append(listed_online_ca(key.request, request.member))
        elif _only_lengthened(request, key):
            found.append(_lengthened(held, key, clock.now() + timedelta(days=ONLINE_DAYS), clock))
        elif key.file in PLAIN_FILES:
            found.append(plain_key(WitnessKey.admit(key.spki), PLAIN_FILES[key.file], clock.now_us()))
        elif (use := guest_use(key.file)) is not None:
            found.append(plain_key(VerifyKey.admit(key.spki), use, clock.now_us()))
        elif not key.file.startswith("client-") and key.file != CONSOLE_TLS:
            found.append(listed_leaf(read_leaf(certificates[key.file])))
    return found


def _lengthened(held: Descriptor, wanted: WantedKey, until: datetime, clock: Clock) -> ListedKey:
    """Return the listing of a key as it is, with a later end. Raises `Misconfigured` for one that has ended."""
    now_us, until_us = clock.now_us(), to_us(until.replace(microsecond=0))
    for key in held.keys:
        if key.spki == wanted.spki and key.start_us <= now_us < key.stop_us and key.compromised_us is None:
            return replace(key, stop_us=max(key.stop_us, until_us))
    raise Misconfigured(
        "the key `tls` is not listed, or has ended: an online CA renews listed keys only",
        code="not-listed",
        remedy="first give `liaison cert renew tls`, or `cert rotate tls`, then `cert online-ca`",
    )


def _require_listed(fresh: Sequence[ListedKey], held: Descriptor, authority: Path) -> None:
    listed = {key.key_id for key in held.keys}
    if new := [key.use for key in fresh if key.key_id not in listed or key.use == KeyUse.ONLINE_CA]:
        raise Misconfigured(
            "the key for `{use}` is a new one: the authority must list it, and this folder has no `authority.key`",
            code="no-authority",
            where=str(authority),
            remedy="give the folder with authority.key",
            use=new[0],
        )


def _following(held: Descriptor, fresh: Sequence[ListedKey], request: KeyRequest, now_us: int) -> Descriptor:
    gone = removed_in(request, held)
    times = {key_id: min(at_us, request.noted.get(key_id, at_us)) for key_id, at_us in gone.items()}
    removed = {key_id: at_us - at_us % 1_000_000 for key_id, at_us in times.items()}
    keys = next_keys(fresh, held, removed, extend=True)
    issued_us = now_us - now_us % 1_000_000
    return replace(
        held,
        version=held.version + 1,
        issued_us=issued_us,
        keys=_ending(keys, request),
        previous=held.hash.hex(),
        hash=b"",
        data=b"",
    )


def removed_in(request: KeyRequest, held: Descriptor | None) -> dict[str, int]:
    """Return the keys that the statuses of a request removed, each with the time of the status."""
    with suppress(BadSignature):
        if held is not None and (found := verified(request.statuses, held)):
            return removed_keys(held, in_force(found, held))
    return {}


def _ending(keys: Sequence[ListedKey], request: KeyRequest) -> tuple[ListedKey, ...]:
    """Return the keys; a person's key that is replaced ends so long after the new one begins (`takes_over`)."""
    starts = {key.key_id: key.start_us for key in keys}
    found = [key.succession for key in request.keys if key.succession is not None]
    ends = {each.follows: starts[each.key_id] + OVERLAP_US for each in found if each.key_id in starts}
    return tuple(replace(key, stop_us=ends.get(key.key_id, key.stop_us)) for key in keys)
