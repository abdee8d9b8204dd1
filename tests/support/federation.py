"""A federation in a temporary folder: authorities, homes, charter, descriptors and statuses, all real."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gateway.clock import Clock, SystemClock
from gateway.signing.keys import SigningKey, load_signing_key
from gateway.trust.ceremony.ceremony import draft, import_document, publish_descriptor, publish_status, sign
from gateway.trust.ceremony.found_member import create_member, create_member_keys
from gateway.trust.ceremony.member_card import read_card
from gateway.trust.documents.charter import charter_fingerprint
from gateway.trust.keeper import TrustKeeper
from gateway.trust.view import TrustView
from tests.support.persons import admit_persons

FEDERATION = "gms"
AGENCIES: Mapping[str, tuple[str, ...]] = {"th": ("police", "immigration"), "vn": ("immigration",), "kh": ("customs",)}
OFFICES: Mapping[str, tuple[str, ...]] = {
    "th": ("th.blo.aranyaprathet",),
    "vn": ("vn.blo.moc-bai",),
    "kh": ("kh.blo.poipet",),
    "la": ("la.blo.huay-xai",),
}


@dataclass(frozen=True, slots=True)
class Member:
    """One member: its folders and, read on demand, its keys."""

    id: str
    home: Path
    authority: Path
    agencies: tuple[str, ...]
    name: str
    clock: Clock

    def key(self, file: str) -> SigningKey:
        """A key of the home: `statement`, `log`, `status`, `agency-police`, …"""
        return load_signing_key(self.home / "keys" / f"{file}.key")

    def certificate(self, file: str) -> bytes:
        """A certificate of the home, PEM."""
        return (self.home / "keys" / f"{file}.pem").read_bytes()

    def keeper(self) -> TrustKeeper:
        """A new keeper of the home's trust folder."""
        return TrustKeeper(self.home / "trust", self.clock)

    def view(self) -> TrustView:
        """The view that this member has now."""
        return self.keeper().view


@dataclass(frozen=True, slots=True)
class Federation:
    """All members, the charter, and the folder they lie in (`<folder>/<member>`, `<folder>/<member>-authority`)."""

    folder: Path
    members: Mapping[str, Member]
    charter: bytes
    fingerprint: str
    clock: Clock

    def __getitem__(self, member: str) -> Member:
        return self.members[member]

    def view(self, member: str = "") -> TrustView:
        """The view of one member (of the first when none is named)."""
        return self.members[member or next(iter(self.members))].view()

    def copy(self, folder: Path, clock: Clock) -> Federation:
        """The same federation in another folder, for a test that changes it; much faster than founding."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        members = {
            name: replace(item, home=folder / name, authority=folder / f"{name}-authority", clock=clock)
            for name, item in self.members.items()
        }
        return Federation(folder, members, self.charter, self.fingerprint, clock)

    def share(self, data: bytes) -> None:
        """Hand documents to all members."""
        for member in self.members.values():
            import_document(member.home / "trust", data, self.clock, self.fingerprint)


def make_member(
    folder: Path, member: str, clock: Clock, agencies: Sequence[str] | None = None, name: str = "node1"
) -> Member:
    """A member with its authority and keys, not yet in any federation."""
    known = tuple(AGENCIES.get(member, ("police",)) if agencies is None else agencies)
    made = Member(member, folder / member, folder / f"{member}-authority", known, name, clock)
    create_member(made.authority, member, clock)
    create_member_keys(made.home, made.authority, member, known, name, clock)
    admit_persons(made.home)
    return made


def make_federation(
    folder: Path,
    members: Sequence[str] = ("th", "vn", "kh"),
    clock: Clock | None = None,
    *,
    endpoints: Mapping[str, Sequence[str]] | None = None,
    agencies: Mapping[str, Sequence[str]] = AGENCIES,
    threshold: int = 0,
) -> Federation:
    """Found a federation (more than half must agree unless `threshold` says otherwise) and share all documents."""
    clock = clock or SystemClock()
    made = {member: make_member(folder, member, clock, agencies.get(member, ("police",))) for member in members}
    charter = draft(
        [read_card(member.authority) for member in made.values()], FEDERATION, threshold or len(made) // 2 + 1, clock
    )
    for member in made.values():
        charter = sign(charter, member.authority)
    federation = Federation(folder, made, charter, charter_fingerprint(charter), clock)
    federation.share(charter)
    (folder / "charter.jsonl").write_bytes(charter + b"\n")
    for number, member in enumerate(made.values()):
        publish_descriptor(
            member.home,
            member.authority,
            clock,
            endpoints=(endpoints or {}).get(member.id, (f"127.0.0.1:{7443 + number}",)),
            offices=OFFICES.get(member.id, ()),
            agencies=member.agencies,
        )
        publish_status(member.home, clock)
    for member in made.values():
        federation.share((member.home / "trust" / "descriptors" / f"{member.id}.jsonl").read_bytes())
        federation.share((member.home / "trust" / "statuses" / f"{member.id}.json").read_bytes())
    return federation
