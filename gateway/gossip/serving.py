"""Serve documents to other members: what is held, and the documents themselves, in parts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from gateway.errors import Malformed, Unknown
from gateway.gossip.holdings import FORK, fork_hash, fork_lines
from gateway.model.documents import Held, Kind, Part, Wanted
from gateway.trust.documents.charter import parse_charter
from gateway.trust.documents.descriptor import parse_descriptor
from gateway.trust.documents.folder import TrustDocuments
from gateway.trust.view import TrustView
from gateway.witness.ports import Evidence

PART = 60 * 1024
"""Bytes of one part of documents."""


class Serving:
    """Reads documents for others. Blocks: it reads files and the database."""

    def __init__(self, documents: TrustDocuments, evidence: Evidence, trust: Callable[[], TrustView]) -> None:
        self._documents = documents
        self._evidence = evidence
        self._trust = trust

    def fetch(self, wanted: Wanted) -> Part:
        """Return a part of the documents that are wanted. Raises `Unknown`, and `Malformed` for a wrong place."""
        lines = self._lines(wanted)
        if not lines:
            raise Unknown("no such document is held here", code="unknown-document", where=wanted.kind)
        data = b"".join(line.rstrip(b"\n") + b"\n" for line in lines)
        if wanted.offset > len(data):
            raise Malformed("the documents end before this place", code="bad-offset", where="offset")
        return Part(data[wanted.offset : wanted.offset + PART], len(data))

    def _lines(self, wanted: Wanted) -> list[bytes]:
        match wanted.kind:
            case Kind.CHARTER:
                lines = self._documents.charter_versions()
                return [line for line in lines if parse_charter(line).charter.version > wanted.after]
            case Kind.DESCRIPTOR:
                lines = self._documents.descriptors(self._member(wanted))
                return [line for line in lines if parse_descriptor(line)[0].version > wanted.after]
            case Kind.STATUS:
                return self._documents.status_lines(self._member(wanted))
            case Kind.CONFLICT:
                found = self._documents.conflicts()
                return [line for line in found if hashlib.sha256(line).digest() == wanted.hash][:1]
            case Kind.FORK:
                forks = [item for item in self._evidence.evidence() if item.code == FORK]
                return [fork_lines(item) for item in forks if fork_hash(item) == wanted.hash][:1]

    def _member(self, wanted: Wanted) -> str:
        if wanted.member not in self._trust().members:
            raise Unknown(
                "`{member!a}` is not a member", code="unknown-member", where="member", member=wanted.member[:8]
            )
        return wanted.member


def wanted_after(line: Held, mine: Held | None) -> Wanted:
    """Return the question for a document of which another member holds `line` and we hold `mine`, or nothing.

    The whole chain of missed versions is asked for; of two documents with one version, the other one.
    """
    known = min(mine.version, line.version - 1) if mine is not None else 0
    chained = line.kind in (Kind.CHARTER, Kind.DESCRIPTOR)
    return Wanted(line.kind, line.member, known if chained else 0, line.hash)
