"""A federation in a temporary folder: authorities, homes, charter, descriptors and statuses, all real."""

from __future__ import annotations

import atexit
import shutil
import tempfile
import weakref
from collections import defaultdict, deque
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
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
from tests.support.ports import free_port, is_free

FEDERATION = "gms"
AGENCIES: Mapping[str, tuple[str, ...]] = {"th": ("police", "immigration"), "vn": ("immigration",), "kh": ("customs",)}
OFFICES: Mapping[str, tuple[str, ...]] = {
    "th": ("th.blo.aranyaprathet",),
    "vn": ("vn.blo.moc-bai",),
    "kh": ("kh.blo.poipet",),
    "la": ("la.blo.huay-xai",),
}
_FOUNDED = 3
"""Federations of a kind that a process founds at least, before it copies the first one again."""

_LASTS_S = 1_800.0
"""Seconds after which one is copied no more: its documents are no longer as fresh as after a founding."""

_REAL_TIME = SystemClock.__init__.__defaults__
_unused: dict[Hashable, deque[tuple[float, Federation]]] = defaultdict(deque)
"""What this process has founded and when, by kind, without those of which a copy is in use."""


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


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Federation:
    """All members, the charter, and the folder they lie in (`<folder>/<member>`, `<folder>/<member>-authority`)."""

    folder: Path
    members: Mapping[str, Member]
    charter: bytes
    fingerprint: str
    clock: Clock
    endpoints: Mapping[str, Sequence[str]]

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
        return replace(self, folder=folder, members=members, clock=clock)

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
    own_ports: bool = False,
    endpoints: Mapping[str, Sequence[str]] | None = None,
    agencies: Mapping[str, Sequence[str]] = AGENCIES,
    threshold: int = 0,
) -> Federation:
    """Make a federation whose members have all documents; more than half must agree unless `threshold` says otherwise.

    Most are copies of one that this process founded before: of two that are in use at the same time, each has keys and,
    with `own_ports`, ports of its own.
    """
    if clock is None and SystemClock.__init__.__defaults__ != _REAL_TIME:  # a clock that a test has turned
        return _found(folder, members, SystemClock(), own_ports, endpoints, agencies, threshold)
    kind = (
        tuple(members),
        clock.now_us() if clock else 0,
        own_ports,
        repr(endpoints),
        tuple(tuple(agencies.get(member, ())) for member in members),
        threshold,
    )
    clock, unused, now = clock or SystemClock(), _unused[kind], SystemClock.monotonic()
    while unused and unused[0][0] < now - _LASTS_S:
        unused.popleft()
    if len(unused) >= _FOUNDED and (not own_ports or _can_listen(unused[0][1])):
        since, original = unused.popleft()
    else:
        place = Path(tempfile.mkdtemp(dir=process_folder()))
        since, original = now, _found(place, members, clock, own_ports, endpoints, agencies, threshold)
    made = original.copy(folder, clock)
    weakref.finalize(made, unused.append, (since, original)).atexit = False
    return made


def _can_listen(federation: Federation) -> bool:
    return all(is_free(int(each.rpartition(":")[2]), again=True) for (each,) in federation.endpoints.values())


@cache
def process_folder() -> Path:
    """Return a folder for what this process makes once; it is removed when the process ends."""
    folder = Path(tempfile.mkdtemp(prefix="lsn-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _found(
    folder: Path,
    members: Sequence[str],
    clock: Clock,
    own_ports: bool,
    endpoints: Mapping[str, Sequence[str]] | None,
    agencies: Mapping[str, Sequence[str]],
    threshold: int,
) -> Federation:
    """Found a federation as its members' people do, and share all documents."""
    made = {member: make_member(folder, member, clock, agencies.get(member, ("police",))) for member in members}
    charter = draft(
        [read_card(member.authority) for member in made.values()], FEDERATION, threshold or len(made) // 2 + 1, clock
    )
    for member in made.values():
        charter = sign(charter, member.authority)
    at = {
        member: (endpoints or {}).get(member, (f"127.0.0.1:{free_port() if own_ports else 7443 + number}",))
        for number, member in enumerate(members)
    }
    federation = Federation(folder, made, charter, charter_fingerprint(charter), clock, at)
    federation.share(charter)
    (folder / "charter.jsonl").write_bytes(charter + b"\n")
    for member in made.values():
        publish_descriptor(
            member.home,
            member.authority,
            clock,
            endpoints=at[member.id],
            offices=OFFICES.get(member.id, ()),
            agencies=member.agencies,
        )
        publish_status(member.home, clock)
    for member in made.values():
        federation.share((member.home / "trust" / "descriptors" / f"{member.id}.jsonl").read_bytes())
        federation.share((member.home / "trust" / "statuses" / f"{member.id}.json").read_bytes())
    return federation
