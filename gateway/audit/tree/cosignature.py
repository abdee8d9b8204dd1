"""Cosignatures of tree heads: C2SP tlog-cosignature, Ed25519 (`cosignature/v1`, type 0x04) and ML-DSA-44 (0x06).

A cosignature is a witness's word that, at a time, a head was consistent with all heads of this log that it had seen. It
is a signature line of the checkpoint's own signed note. Witnesses of a log are the nodes of other members, and the
domestic witness of its own. The descriptor says whose a key is; a name in a line does not.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from certs.keyfiles import Algorithm
from gateway.audit.tree.checkpoint import Checkpoint, NoteSignature, parse_signature_lines
from gateway.errors import BadSignature, Malformed
from gateway.signing.witness_keys import WitnessKey, WitnessSigningKey
from gateway.trust.documents.descriptor import KeyUse
from gateway.trust.view import TrustView

FUTURE_S = 30
"""A cosignature dated further ahead than the allowed skew does not count (CASE-E12)."""

_TYPES = {Algorithm.ED25519: b"\x04", Algorithm.MLDSA44: b"\x06"}
_LENGTHS = {Algorithm.ED25519: 64, Algorithm.MLDSA44: 2_420}
_SUBTREE = b"subtree/v1\n\0"
_DASH = "— "
_NUMBER = 8
"""Bytes of a time or a size."""


def witness_name(member: str) -> str:
    """Return the key name of a member's node as a witness."""
    return f"{member}.liaison.internal/witness"


def domestic_name(member: str) -> str:
    """Return the key name of a member's domestic witness."""
    return f"{member}.liaison.internal/domestic-witness"


def cosignature_key_id(name: str, key: WitnessKey) -> bytes:
    """Return the four bytes by which a signature line names a witness's key."""
    return hashlib.sha256(name.encode() + b"\n" + _TYPES[key.algorithm] + key.raw).digest()[:4]


def cosignature_vkey(name: str, key: WitnessKey) -> str:
    """Return the verifier key of a witness as text."""
    material = base64.b64encode(_TYPES[key.algorithm] + key.raw).decode()
    return f"{name}+{cosignature_key_id(name, key).hex()}+{material}"


def signed_message(algorithm: Algorithm, name: str, checkpoint: Checkpoint, time_s: int) -> bytes:
    """Return the bytes that a cosignature of this kind signs."""
    if algorithm is Algorithm.ED25519:
        return f"cosignature/v1\ntime {time_s}\n".encode() + checkpoint.text
    return subtree_message(name, time_s, checkpoint.origin, 0, checkpoint.size, checkpoint.root)


def subtree_message(name: str, time_s: int, origin: str, start: int, end: int, root: bytes) -> bytes:
    """Return the `cosigned_message` of tlog-cosignature over the leaves in [start, end); a head starts at 0."""
    numbers = start.to_bytes(_NUMBER, "big") + end.to_bytes(_NUMBER, "big")
    return _SUBTREE + _short(name) + time_s.to_bytes(_NUMBER, "big") + _short(origin) + numbers + root


def _short(text: str) -> bytes:
    """Return a name in TLS presentation: `opaque<1..2^8-1>`."""
    raw = text.encode()
    if not 0 < len(raw) < 256:
        raise Malformed("a name in a cosignature has 1 to 255 bytes", code="bad-name", where="cosignature")
    return bytes([len(raw)]) + raw


class Cosigner:
    """A witness's name and keys."""

    def __init__(self, name: str, keys: Sequence[WitnessSigningKey]) -> None:
        self.name = name
        self.use(keys)

    def use(self, keys: Sequence[WitnessSigningKey]) -> None:
        """Cosign with these keys from now on."""
        self._keys = [(key, cosignature_key_id(self.name, key.public)) for key in keys]

    def cosign(self, checkpoint: Checkpoint, time_s: int) -> bytes:
        """Return a signature line by each key."""
        lines = []
        for key, known_as in self._keys:
            signature = key.sign(signed_message(key.public.algorithm, self.name, checkpoint, time_s))
            raw = known_as + time_s.to_bytes(_NUMBER, "big") + signature
            lines.append(f"{_DASH}{self.name} {base64.b64encode(raw).decode()}\n")
        return "".join(lines).encode()

    def has_cosigned(self, checkpoint: Checkpoint) -> bool:
        """Tell whether the note carries a cosignature by one of these keys."""
        for key, known_as in self._keys:
            for line in checkpoint.signatures:
                if (line.name, line.key_id) != (self.name, known_as) or len(line.signature) <= _NUMBER:
                    continue
                time_s = int.from_bytes(line.signature[:_NUMBER], "big")
                with suppress(BadSignature):
                    message = signed_message(key.public.algorithm, self.name, checkpoint, time_s)
                    key.public.verify(line.signature[_NUMBER:], message)
                    return True
        return False


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness's key that counts for one log, and its member. Cosignatures dated outside its time do not count."""

    name: str
    member: str
    domestic: bool
    key: WitnessKey
    start_us: int
    stop_us: int


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A cosignature that verified: its witness, the kind of key, and its time (seconds since 1970)."""

    witness: str
    member: str
    domestic: bool
    algorithm: Algorithm
    time_s: int
    line: bytes


def witnesses_of(view: TrustView, member: str) -> list[Witness]:
    """Return all keys that count for the logs of `member`: those of the other members' nodes, and its own auditor's.

    A key that is in two places counts in none: an Ed25519 cosignature does not say whose it is.
    """
    found = [
        Witness(domestic_name(member), member, True, listed.key, listed.start_us, listed.stop_us)
        for listed in view.witness_keys(member, KeyUse.DOMESTIC_WITNESS)
    ]
    for other in sorted(view.members):
        if other != member:
            found += [
                Witness(witness_name(other), other, False, listed.key, listed.start_us, listed.stop_us)
                for listed in view.witness_keys(other)
            ]
    places = Counter(witness.key.spki for witness in found)
    return [witness for witness in found if places[witness.key.spki] == 1]


def read_lines(data: bytes) -> list[bytes]:
    """Return the signature lines in `data`, each with its newline. Raises `Malformed`."""
    parse_signature_lines(data)
    return data.splitlines(keepends=True)


def verify_cosignature(checkpoint: Checkpoint, line: bytes, witness: Witness) -> Cosigned:
    """Return the cosignature in `line`, if it is by this key over this head:

    1. it is one signature line, and names this witness and key;
    2. it has the length of its kind;
    3. the key counted at the time that it says (CASE-J10);
    4. the signature fits.

    Raises `Malformed` (1), or `BadSignature`.
    """
    found = _one(line)  # 1
    if (found.name, found.key_id) != (witness.name, cosignature_key_id(witness.name, witness.key)):
        raise BadSignature("the cosignature is by another key", code="other-witness", where="cosignature")
    algorithm = witness.key.algorithm
    if len(found.signature) != _NUMBER + _LENGTHS[algorithm]:  # 2
        raise BadSignature("the cosignature has the wrong length", where="cosignature")
    time_s = int.from_bytes(found.signature[:_NUMBER], "big")
    if not witness.start_us <= time_s * 1_000_000 < witness.stop_us:  # 3
        raise BadSignature("the witness's key did not count at that time", code="key-not-valid", where="cosignature")
    message = signed_message(algorithm, witness.name, checkpoint, time_s)
    witness.key.verify(found.signature[_NUMBER:], message)  # 4
    return Cosigned(witness.name, witness.member, witness.domestic, algorithm, time_s, line)


def verify_cosignatures(
    checkpoint: Checkpoint, lines: Iterable[bytes], witnesses: Sequence[Witness], now_us: int
) -> list[Cosigned]:
    """Return those of `lines` that verify, and are not dated ahead of `now_us` (by more than `FUTURE_S`). Other lines
    mean nothing: a note may have lines of unknown keys."""
    found = []
    for line in lines:
        for witness in witnesses:
            with suppress(Malformed, BadSignature):
                cosigned = verify_cosignature(checkpoint, line, witness)
                if cosigned.time_s <= now_us // 1_000_000 + FUTURE_S:
                    found.append(cosigned)
    return found


def foreign_names(lines: Iterable[bytes], witnesses: Sequence[Witness]) -> list[str]:
    """Return the names, as they came, of signature lines that name none of these witnesses: its name and its key."""
    known = {(witness.name, cosignature_key_id(witness.name, witness.key)) for witness in witnesses}
    named = [(found.name, found.key_id) for found in map(_one, lines)]
    return sorted({f"{name}+{key_id.hex()}" for name, key_id in named if (name, key_id) not in known})


def reaches_quorum(cosigned: Iterable[Cosigned], quorum: int) -> bool:
    """Tell whether the domestic witness or at least `quorum` different counterparts are among them."""
    found = list(cosigned)
    return any(item.domestic for item in found) or len({item.member for item in found}) >= max(1, quorum)


def _one(line: bytes) -> NoteSignature:
    signatures = parse_signature_lines(line)
    if len(signatures) != 1:
        raise Malformed("this is not one signature line", code="bad-cosignature", where="cosignature")
    return signatures[0]
