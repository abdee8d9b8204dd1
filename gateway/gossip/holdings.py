"""What a node holds: a line for each document of trust, and for each piece of evidence against one.

Two nodes whose lines have one hash hold the same. The line of a status has the keys that it removes in its hash, since
an older status beside it may remove more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import msgspec

from gateway.model.documents import Held, Kind
from gateway.model.evidence.witness import HeadEvidence
from gateway.signing import strict_json
from gateway.trust.view import TrustView

MAX_EVIDENCE = 64
"""Conflicts, and as many forks, that are told to others; one of each is enough to prove a fault."""

FORK = "fork"
"""The code of evidence that proves itself: two signed heads of one size with different roots."""


class Holdings(msgspec.Struct, frozen=True):
    """All lines, and their hash."""

    lines: tuple[Held, ...]
    hash: bytes


def holdings(view: TrustView, conflicts: Iterable[bytes], forks: Iterable[HeadEvidence]) -> Holdings:
    """Return what is held: the documents of a view, documents that contradict others, and forks of logs."""
    lines = [Held(Kind(kind), member, version, digest) for kind, member, version, digest in view.held]
    evidence = [
        Held(Kind.CONFLICT, "", 0, digest) for digest in sorted(hashlib.sha256(item).digest() for item in conflicts)
    ][:MAX_EVIDENCE]
    evidence += [Held(Kind.FORK, "", 0, digest) for digest in sorted(map(fork_hash, forks))][:MAX_EVIDENCE]
    return Holdings((*lines, *evidence), _hash([*lines, *evidence]))


def fork_lines(evidence: HeadEvidence) -> bytes:
    """Return the two heads of a fork for the wire: two JSON strings in order, each on its line."""
    heads = sorted((evidence.known, evidence.offered))
    return b"".join(strict_json.dumps(head.decode()) + b"\n" for head in heads)


def fork_hash(evidence: HeadEvidence) -> bytes:
    """Return the hash under which a fork is listed."""
    return hashlib.sha256(fork_lines(evidence)).digest()


def _hash(lines: Sequence[Held]) -> bytes:
    text = "".join(f"{line.kind} {line.member} {line.version} {line.hash.hex()}\n" for line in lines)
    return hashlib.sha256(text.encode()).digest()
