"""Carry documents of trust in a file or on a stick: all that a home holds, and all that another may lack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gateway.clock import SystemClock
from gateway.errors import Malformed, Stale
from gateway.gossip.taking import Taken, take
from gateway.ops.homes.documents import TRUST, read_documents, write_document
from gateway.trust.documents.folder import TrustDocuments
from gateway.trust.documents.removals import behind


def export_documents(trust: Path, out: Path) -> int:
    """Write all versions of all documents of a trust folder to `out`, one a line; return their number.

    Documents that contradict others are among them: a home that takes them keeps them as evidence.
    """
    documents = TrustDocuments(trust)
    charter = documents.charter(SystemClock())
    lines = documents.charter_versions()
    for member in sorted(charter.members):
        lines += [*documents.descriptors(member), *documents.status_lines(member), *documents.appointments(member)]
    lines += documents.evidence.all()
    write_document(out, b"\n".join(lines))
    return len(lines)


def import_documents(trust: Path, files: Sequence[Path], fingerprint: str | None) -> list[Taken]:
    """Take the documents of files into a trust folder, in the right order; return a result for each.

    One that is refused does not keep the others out. The fingerprint may be that of any charter of the chain: a home
    without one begins there, and the charters before it are older. Raises `Malformed` without any document.
    """
    lines = [line for file in files for line in read_documents(file, TRUST)]
    if not lines:
        raise Malformed("there is no document", code="unknown-document")
    taken = take(TrustDocuments(trust), lines, SystemClock(), fingerprint)
    first = min((item.version for item in taken if _is_new_charter(item)), default=0)
    return [
        replace(item, refusal=behind("charter", item.version, first)) if _is_before(item, first) else item
        for item in taken
    ]


def _is_new_charter(item: Taken) -> bool:
    return item.accepted is not None and item.accepted.changed and item.accepted.kind == "charter"


def _is_before(item: Taken, first: int) -> bool:
    """Tell whether a charter was refused for its fingerprint and is older than the one with which this home begins."""
    is_other = item.refusal is not None and item.refusal.code == "other-fingerprint"
    return is_other and 0 < item.version < first


def is_older(taken: Taken) -> bool:
    """Tell whether a document was left out only because a newer one is held."""
    return isinstance(taken.refusal, Stale) and taken.refusal.code == "rollback"
