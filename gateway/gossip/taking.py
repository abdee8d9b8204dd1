"""Take many documents at once, from a counterpart or from a file: each by the rules of its kind, in the right order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.clock import Clock
from gateway.errors import Contradicted, LiaisonError, StorageBroken
from gateway.trust.ceremony.ceremony import import_line, kind_of
from gateway.trust.documents.charter import parse_charter
from gateway.trust.documents.descriptor import parse_descriptor
from gateway.trust.documents.folder import Accepted, TrustDocuments
from gateway.trust.documents.status import parse_status

_ORDER = ("charter", "descriptor", "status", "appointment")


@dataclass(frozen=True, slots=True)
class Taken:
    """The result for one document: what was accepted, or why not."""

    accepted: Accepted | None
    refusal: LiaisonError | None = None

    @property
    def changed(self) -> bool:
        """Tell whether the document is new here."""
        return self.accepted is not None and self.accepted.changed

    @property
    def contradicts(self) -> bool:
        """Tell whether the document contradicts one that is held: it is kept as evidence."""
        return isinstance(self.refusal, Contradicted)


def take(
    documents: TrustDocuments, lines: Iterable[bytes], clock: Clock, fingerprint: str | None = None
) -> list[Taken]:
    """Take documents, charters first, then descriptors and statuses, each by its version; return a result for each.

    One that is refused does not keep the others out. Raises `StorageBroken`.
    """
    placed, taken = [], []
    for line in lines:
        try:
            placed.append((_place(line), line))
        except LiaisonError as error:
            taken.append(Taken(None, error))
    for _, line in sorted(placed, key=lambda item: item[0]):
        taken.append(_one(documents, line, clock, fingerprint))
    return taken


def _one(documents: TrustDocuments, line: bytes, clock: Clock, fingerprint: str | None) -> Taken:
    try:
        return Taken(import_line(documents, line, clock, fingerprint))
    except StorageBroken:
        raise
    except LiaisonError as error:
        return Taken(None, error)


def _place(line: bytes) -> tuple[int, str, int]:
    """Return the place of a document in the order of taking: kind, member, version."""
    kind = kind_of(line)
    if kind == "charter":
        return 0, "", parse_charter(line).charter.version
    if kind == "descriptor":
        descriptor = parse_descriptor(line)[0]
        return 1, descriptor.member, descriptor.version
    if kind == "status":
        status = parse_status(line)[0]
        return 2, status.member, status.sequence
    return _ORDER.index(kind), "", 0
