"""Take many documents at once, from a counterpart or from a file: each by the rules of its kind, in the right order."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.clock import Clock
from gateway.errors import LiaisonError, StorageBroken
from gateway.model.documents import Held, Kind
from gateway.trust.ceremony.ceremony import import_line, kind_of
from gateway.trust.documents.charter import parse_charter
from gateway.trust.documents.descriptor import parse_descriptor
from gateway.trust.documents.folder import Accepted, TrustDocuments
from gateway.trust.documents.status import parse_status

_ORDER = ("charter", "descriptor", "status", "appointment")


@dataclass(frozen=True, slots=True)
class Taken:
    """The result for one document: what was accepted, or why not. `contradicts` says that it is new evidence: it
    contradicts a document that is held, and is kept. `version` is that of the document, where it parses.
    """

    accepted: Accepted | None
    refusal: LiaisonError | None = None
    contradicts: bool = False
    size: int = 0
    version: int = 0

    @property
    def changed(self) -> bool:
        """Tell whether the document is new here."""
        return self.accepted is not None and self.accepted.changed


@dataclass(frozen=True, slots=True)
class Sent:
    """A document that parses; no signature is verified yet. A status removes the keys `removed`, and speaks of the
    version `descriptor` of its member's descriptor.
    """

    line: bytes
    kind: str
    member: str
    version: int
    hash: bytes = b""
    removed: frozenset[str] = frozenset()
    descriptor: int = 0


def read(line: bytes) -> Sent:
    """Return a document for what it says that it is. Raises `Malformed`, `BadSignature`, `TooLarge`."""
    kind = kind_of(line)
    if kind == "charter":
        charter = parse_charter(line).charter
        return Sent(line, kind, "", charter.version, charter.hash)
    if kind == "descriptor":
        descriptor = parse_descriptor(line)[0]
        return Sent(line, kind, descriptor.member, descriptor.version, descriptor.hash)
    if kind == "status":
        status = parse_status(line)[0]
        removed, about = frozenset(status.removed), status.descriptor_version
        return Sent(line, kind, status.member, status.sequence, status.hash, removed, about)
    return Sent(line, kind, "", 0)


def fits(sent: Sent, line: Held) -> bool:
    """Tell whether a document is one that a line told of: of its kind and member, and where it is evidence, the one."""
    if line.kind is Kind.CONFLICT:
        return line.hash in (sent.hash, hashlib.sha256(sent.line).digest())
    return sent.kind == line.kind and sent.member == line.member


def take(
    documents: TrustDocuments, lines: Iterable[bytes], clock: Clock, fingerprint: str | None = None
) -> list[Taken]:
    """Take documents of any kind; return a result for each, also for those that do not parse. Raises like `accept`."""
    sent, taken = [], []
    for line in lines:
        try:
            sent.append(read(line))
        except LiaisonError as error:
            taken.append(Taken(None, error))
    return [*taken, *accept(documents, sent, clock, fingerprint)]


def accept(
    documents: TrustDocuments, sent: Iterable[Sent], clock: Clock, fingerprint: str | None = None
) -> list[Taken]:
    """Take documents, charters first, then descriptors and statuses, each by its version; return a result for each.

    One that is refused does not keep the others out. Raises `StorageBroken`.
    """
    placed = sorted(sent, key=lambda item: (_ORDER.index(item.kind), item.member, item.version))
    return [_one(documents, item, clock, fingerprint) for item in placed]


def _one(documents: TrustDocuments, sent: Sent, clock: Clock, fingerprint: str | None) -> Taken:
    known = documents.evidence.hashes()
    try:
        return Taken(import_line(documents, sent.line, clock, fingerprint), size=len(sent.line), version=sent.version)
    except StorageBroken:
        raise
    except LiaisonError as error:
        return Taken(None, error, documents.evidence.hashes() != known, version=sent.version)
