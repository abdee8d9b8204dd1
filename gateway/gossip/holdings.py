"""List what a node holds: a line for each document of trust, and for each piece of evidence against one.

Two nodes whose lines have one hash hold the same. The line of a status has the keys that it removes in its hash, since
an older status beside it may remove more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import msgspec

from gateway.model.documents import Held, Kind
from gateway.model.evidence.witness import HeadEvidence
from gateway.rpc import methods
from gateway.signing import strict_json
from gateway.trust.view import TrustView

MAX_EVIDENCE = 1_024
"""Conflicts, and as many forks, that are told to others."""

MAX_FORKS = 2
"""Forks of one member's logs that are told: a member that forks without end hides no fork of another one."""

FORK = "fork"
"""The code of evidence that proves itself: two signed heads of one size with different roots."""


class Holdings(msgspec.Struct, frozen=True):
    """All lines, their hash, and the newest line of each document."""

    lines: frozenset[Held]
    hash: bytes
    newest: dict[tuple[Kind, str], Held]
    written: bytes
    """The lines as they are told, written once: a member may ask for them as often as it is allowed to call."""


NOTHING = Holdings(frozenset(), b"", {}, b"")


def holdings(view: TrustView, conflicts: Iterable[bytes], forks: Iterable[HeadEvidence]) -> Holdings:
    """Return what is held: the documents of a view, documents that contradict others (hashes), and forks of logs."""
    lines = [Held(Kind(kind), member, version, digest) for kind, member, version, digest in view.held]
    newest = {(line.kind, line.member): line for line in lines}
    lines += [Held(Kind.CONFLICT, "", 0, digest) for digest in sorted(conflicts)[:MAX_EVIDENCE]]
    lines += [Held(Kind.FORK, "", 0, digest) for digest in _told(forks)[:MAX_EVIDENCE]]
    return Holdings(frozenset(lines), _hash(lines), newest, methods.LIST_DOCUMENTS.answer.write(lines))


def _told(forks: Iterable[HeadEvidence]) -> list[bytes]:
    """Return the hashes of the forks that are told: of each member the first ones, which all nodes choose alike."""
    of: dict[str, list[bytes]] = {}
    for fork in forks:
        of.setdefault(fork.origin.partition(".")[0], []).append(fork_hash(fork))
    return sorted(digest for found in of.values() for digest in sorted(found)[:MAX_FORKS])


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
