"""Draft, sign, verify and accept trust documents that are given in files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.clock import SystemClock
from gateway.errors import Misused
from gateway.ops.homes.documents import CARD, CHARTER, TRUST, naming, read_document, read_documents, write_document
from gateway.ops.members.describe import describe_charter
from gateway.trust.ceremony.ceremony import draft, import_document, kind_of, sign
from gateway.trust.ceremony.charter_changes import Changes
from gateway.trust.ceremony.member_card import CARD_FILE, MemberCard, read_card
from gateway.trust.documents.charter import charter_fingerprint, parse_charter, verify_charter_chain
from gateway.trust.documents.folder import Accepted


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the next charter changes, as the command line says it; files and folders of cards, `MEMBER=CARD` pairs."""

    add: Sequence[Path] = ()
    suspend: Sequence[str] = ()
    reinstate: Sequence[str] = ()
    remove: Sequence[str] = ()
    keys: Sequence[str] = ()
    drop: Sequence[str] = ()

    def read(self) -> Changes:
        """Return the changes, with the cards read. Raises `Misused`, `Malformed`, `Misconfigured`."""
        return Changes(
            add=[_card(place) for place in self.add],
            suspend=self.suspend,
            reinstate=self.reinstate,
            remove=self.remove,
            keys=[(name, _card(Path(card))) for name, card in map(_pair, self.keys)],
            drop=[_pair(text) for text in self.drop],
        )

    def __bool__(self) -> bool:
        return any((self.add, self.suspend, self.reinstate, self.remove, self.keys, self.drop))


def draft_charter(
    cards: Sequence[Path],
    federation: str,
    threshold: int,
    days: int,
    previous: Path | None,
    out: Path,
    wishes: Wishes = Wishes(),
) -> dict[str, Any]:
    """Write an unsigned charter of the members in `cards` to `out`, and return it as JSON.

    A card is an authority's folder or the file that it hands in. Raises `Misused` where something is missing.
    """
    if previous is None and wishes:
        raise Misused("a change follows a charter: give --home or --previous; a first charter is drafted from cards")
    if not cards and previous is None:
        raise Misused("name the members' cards")
    if previous is None and not (federation and threshold):
        raise Misused("a first charter needs --federation and --threshold")
    before = newest_charter(previous) if previous else b""
    found = [_card(place) for place in cards]
    data = draft(found, federation, threshold, SystemClock(), days=days, previous=before, changes=wishes.read())
    return _written(data, out, before)


def newest_charter(file: Path) -> bytes:
    """Return the newest charter in a file with one on each line."""
    return read_documents(file, CHARTER)[-1]


def _card(place: Path) -> MemberCard:
    file = place / CARD_FILE if place.is_dir() else place
    if file.exists():
        read_document(file, CARD)
    return read_card(place)


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    if not name or not value:
        raise Misused(f"`{text}`: give MEMBER=VALUE")
    return name, value


def sign_document(document: Path, authority: Path, out: Path | None, previous: Path | None = None) -> dict[str, Any]:
    """Add the signature of the authority's folder, write the document to `out` or back, and return it as JSON.

    With `previous`, the file of the charter before, it says who must still sign under that one, too.
    """
    with naming(document):
        data = sign(read_document(document, TRUST).strip(), authority)
    return _written(data, out or document, newest_charter(previous) if previous else b"")


def accept_documents(trust: Path, files: Sequence[Path], fingerprint: str | None) -> list[Accepted]:
    """Take the documents in `files`, one on each line, into a trust folder; stop at the first that is refused."""
    clock, taken = SystemClock(), []
    given = [(file, line) for file in files for line in read_documents(file, TRUST)]
    for file, line in given:
        with naming(file):
            taken += import_document(trust, line, clock, fingerprint)
    return taken


def verify_charter(file: Path, fingerprint: str | None) -> tuple[dict[str, Any], int]:
    """Verify a charter with all its versions; return the newest as JSON, and the number of versions.

    `first_fingerprint` is that of the oldest, by which people know the federation.
    """
    versions = read_documents(file, CHARTER)
    with naming(file):
        charter = verify_charter_chain(versions, SystemClock().now(), fingerprint)
    return describe_charter(charter.data) | {"first_fingerprint": charter_fingerprint(versions[0])}, len(versions)


def show_charter(file: Path, previous: Path | None = None) -> dict[str, Any]:
    """Return the newest charter in a file as JSON, and who must still sign it; no chain of versions is verified.

    The one before is looked for in `previous`, else in the file itself.
    """
    with naming(file):
        versions = read_documents(file, CHARTER)
        newest = versions[-1]
        if previous is not None:
            versions = [line for line in read_documents(previous, CHARTER) if line != newest] + [newest]
        return describe_charter(newest, _before(newest, versions))


def _before(data: bytes, versions: Sequence[bytes]) -> bytes:
    """Return the version before a charter among others, or nothing."""
    version = parse_charter(data).charter.version
    return next((line for line in versions if parse_charter(line).charter.version == version - 1), b"")


def _written(data: bytes, out: Path, before: bytes = b"") -> dict[str, Any]:
    write_document(out, data)
    kind = kind_of(data)
    return (describe_charter(data, before) if kind == "charter" else {"kind": kind}) | {"out": str(out)}
