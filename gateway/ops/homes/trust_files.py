"""Draft, sign, verify and accept trust documents that are given in files."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from certs.durable import replace
from gateway.clock import SystemClock
from gateway.errors import Misused, StorageBroken
from gateway.ops.homes.documents import CARD, CHARTER, TRUST, naming, read_document, read_documents
from gateway.ops.members.describe import describe_charter
from gateway.trust.ceremony.ceremony import draft, import_document, kind_of, sign
from gateway.trust.ceremony.member_card import CARD_FILE, read_card
from gateway.trust.documents.charter import verify_charter_chain
from gateway.trust.documents.folder import Accepted

_NO_PLACE: Final = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG)
"""The system's errors for a wrong path. A disk that fails under a right path is no wrong usage."""


def draft_charter(
    cards: Sequence[Path], federation: str, threshold: int, days: int, previous: Path | None, out: Path
) -> dict[str, Any]:
    """Write an unsigned charter of the members in `cards` to `out`, and return it as JSON.

    A card is an authority's folder or the file that it hands in. Raises `Misused` where something is missing.
    """
    if not cards and previous is None:
        raise Misused("name the members' cards")
    if not federation and previous is None:
        raise Misused("a first charter needs --federation")
    before = read_documents(previous, CHARTER)[-1] if previous else b""
    found = []
    for card in cards:
        if (place := card / CARD_FILE if card.is_dir() else card).exists():
            read_document(place, CARD)
        found.append(read_card(card))
    return _written(draft(found, federation, threshold, SystemClock(), days=days, previous=before), out)


def sign_document(document: Path, authority: Path, out: Path | None) -> dict[str, Any]:
    """Add the signature of the authority's folder, write the document to `out` or back, and return it as JSON."""
    with naming(document):
        data = sign(read_document(document, TRUST).strip(), authority)
    return _written(data, out or document)


def accept_documents(trust: Path, files: Sequence[Path], fingerprint: str | None) -> list[Accepted]:
    """Take the documents in `files`, one on each line, into a trust folder; stop at the first that is refused."""
    clock, taken = SystemClock(), []
    given = [(file, line) for file in files for line in read_documents(file, TRUST)]
    for file, line in given:
        with naming(file):
            taken += import_document(trust, line, clock, fingerprint)
    return taken


def verify_charter(file: Path, fingerprint: str | None) -> tuple[dict[str, Any], int]:
    """Verify a charter with all its versions; return the newest as JSON, and the number of versions."""
    versions = read_documents(file, CHARTER)
    with naming(file):
        charter = verify_charter_chain(versions, SystemClock().now(), fingerprint)
    return describe_charter(charter.data), len(versions)


def show_charter(file: Path) -> dict[str, Any]:
    """Return the newest charter in a file as JSON; nothing is verified."""
    with naming(file):
        return describe_charter(read_documents(file, CHARTER)[-1])


def write_document(file: Path, data: bytes) -> None:
    """Write a document so that it survives a loss of power. Raises `Misused` where there can be no such file."""
    try:
        replace(file, data.rstrip(b"\n") + b"\n")
    except (StorageBroken, OSError) as error:
        cause = error.__cause__ if isinstance(error, StorageBroken) else error
        if isinstance(cause, OSError) and cause.errno in _NO_PLACE:
            raise Misused(f"`{file}` cannot be written: {cause.strerror}") from error
        raise


def _written(data: bytes, out: Path) -> dict[str, Any]:
    write_document(out, data)
    kind = kind_of(data)
    return (describe_charter(data) if kind == "charter" else {"kind": kind}) | {"out": str(out)}
