"""Measure the evidence of one answer on the wire: signature, public entry, inclusion proof and signed head.

The evidence is the size of the whole message less that of the answer's payload, at the end of a log, where answers come
from. Cosignatures are not part of it: they are fetched once for each head.
"""

from __future__ import annotations

import hashlib
import os
import statistics
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.audit.entries.entry import Entry, build_entry
from gateway.audit.tree.checkpoint import Signer, origin
from gateway.audit.tree.merkle import Tree, leaf_hash
from gateway.model.exchange import AnswerMessage, LogProof
from gateway.rpc.forms import response
from gateway.signing.keys import SigningKey
from gateway.statements.envelope import ANSWER, seal

LIMIT = 1_536
"""Bytes that the evidence of one answer may have (the largest peer's has over 9 KB)."""

_BATCH = 64
_BATCHES = 64
_PAYLOAD = 2_048


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    """Bytes beside the payload of an answer in a log of about `entries`: the median, and the most."""

    name: str
    entries: int
    median_bytes: int
    most_bytes: int


def measure_evidence(entries: int = 1_000_000) -> EvidenceRow:
    """Measure the answers of some batches at the end of a log of `entries` entries."""
    key = SigningKey(ec.generate_private_key(ec.SECP256R1()))
    name = origin("th", "exchange", 1)
    signer = Signer(name, SigningKey(Ed25519PrivateKey.generate()))
    payload = os.urandom(_PAYLOAD)
    envelope = seal(ANSWER, payload, key)
    tree = Tree()
    tree.extend(hashlib.sha256(index.to_bytes(8, "big")).digest() for index in range(entries))
    sizes = []
    for _ in range(_BATCHES):
        bodies = [_entry(name, tree.size + number) for number in range(_BATCH)]
        tree.extend(leaf_hash(body) for body in bodies)
        head = signer.sign(tree.size, tree.root())
        for index, body in enumerate(bodies, tree.size - _BATCH):
            message = AnswerMessage(envelope, body, LogProof(index, tree.inclusion(index), head))
            sizes.append(response(message).ByteSize() - _PAYLOAD)
    return EvidenceRow("evidence of an answer", entries, int(statistics.median(sizes)), max(sizes))


def longest(entries: int) -> int:
    """Return the most bytes that evidence can have in a log of `entries` entries: with the longest possible proof."""
    name = origin("th", "exchange", 1)
    signer = Signer(name, SigningKey(Ed25519PrivateKey.generate()))
    envelope = seal(ANSWER, os.urandom(_PAYLOAD), SigningKey(ec.generate_private_key(ec.SECP256R1())))
    proof = LogProof(entries, (bytes(32),) * entries.bit_length(), signer.sign(entries, bytes(32)))
    return response(AnswerMessage(envelope, _entry(name, entries), proof)).ByteSize() - _PAYLOAD


def _entry(name: str, index: int) -> bytes:
    fresh = os.urandom(32)
    return build_entry(
        Entry(name, index, 1_795_558_592_553_202, "answered", "vn", index, fresh[:16].hex(), fresh, fresh, fresh)
    )
