"""How keys are listed in a descriptor: from when, until when, and what a next version says of those listed before."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from cryptography.hazmat.primitives.serialization import Encoding

from certs import keyfiles
from certs.keyfiles import Algorithm
from certs.profile import Leaf, read_online_ca, spki_of_certificate
from gateway.clock import from_us, to_us
from gateway.errors import Unknown
from gateway.signing.keys import SigningKey, VerifyKey
from gateway.signing.witness_keys import WitnessKey
from gateway.trust.documents.descriptor import Descriptor, KeyUse, ListedKey, certified_use, mark_compromised
from gateway.trust.documents.status import Status

UNCERTIFIED_DAYS = 1_826
"""Days for which keys without a certificate (log, witness) are listed: five years."""


def listed_leaf(leaf: Leaf) -> ListedKey:
    """Return the listing of a certified key: for as long as its certificate is valid."""
    return ListedKey(
        key_id=leaf.key_id,
        use=certified_use(leaf),
        algorithm=Algorithm.P256,
        spki=leaf.spki,
        certificate=leaf.der,
        start_us=leaf.start_us,
        stop_us=leaf.stop_us,
    )


def listed_online_ca(data: bytes, member: str) -> ListedKey:
    """Return the listing of the online CA in a certificate (PEM or DER), for as long as that is valid."""
    certificate = read_online_ca(data, member)
    info = spki_of_certificate(certificate)
    return ListedKey(
        key_id=keyfiles.key_id(info),
        use=KeyUse.ONLINE_CA,
        algorithm=Algorithm.P256,
        spki=info,
        certificate=certificate.public_bytes(Encoding.DER),
        start_us=to_us(certificate.not_valid_before_utc),
        stop_us=to_us(certificate.not_valid_after_utc),
    )


def plain_key(key: SigningKey | VerifyKey | WitnessKey, use: KeyUse, now_us: int) -> ListedKey:
    """Return the listing of a key without a certificate: from five minutes ago, in whole seconds, for five years."""
    start = from_us(now_us).replace(microsecond=0) - timedelta(minutes=5)
    return ListedKey(
        key_id=key.key_id,
        use=use,
        algorithm=key.algorithm,
        spki=key.spki,
        certificate=b"",
        start_us=to_us(start),
        stop_us=to_us(start + timedelta(days=UNCERTIFIED_DAYS)),
    )


def next_keys(
    mine: Sequence[ListedKey], before: Descriptor | None, compromised: Mapping[str, int], *, extend: bool = False
) -> tuple[ListedKey, ...]:
    """Return the keys listed before, then the home's new ones, with the times of compromised ones.

    A key begins when it was listed first. It ends with its newest certificate; one that has no certificate ends as it
    was listed first, unless `extend` says that its end is moved, too.
    """
    listed = {key.key_id: key for key in before.keys} if before else {}
    for key in mine:
        held = listed.setdefault(key.key_id, key)
        if key.stop_us > held.stop_us and (key.certificate or extend):
            listed[key.key_id] = replace(held, certificate=key.certificate, stop_us=key.stop_us)
    for key_id, since_us in compromised.items():
        if key_id not in listed:
            raise Unknown("the key `{key_id!a}` is not listed", code="unknown-key", key_id=key_id[:16])
        listed[key_id] = mark_compromised(listed[key_id], since_us)
    return tuple(listed.values())


def removed_keys(before: Descriptor, status: Status | None, restored: Collection[str] = ()) -> dict[str, int]:
    """Return the keys of a descriptor that a status removed, each with the time from which it proves nothing."""
    if status is None:
        return {}
    gone = frozenset(status.removed) - frozenset(restored)
    return {key.key_id: status.issued_us for key in before.keys if key.key_id in gone}
