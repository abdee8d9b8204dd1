"""The folder of the documents: `trust/` in a node's home. A document is durable before it is used, and never goes back.

::

    charter.jsonl               all versions, one a line; the first was accepted by its fingerprint
    descriptors/<member>.jsonl  all versions that were accepted, one a line
    statuses/<member>.json      the newest one, the last; before it those whose removals count, too, one a line
    appointments/<member>.jsonl auditors' appointments, one a line, each with its scope and its end
    conflicts/<hash>.json       signed documents that contradict one held: kept as evidence
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from gateway.clock import Clock
from gateway.errors import (
    BadSignature,
    Contradicted,
    Malformed,
    Misconfigured,
    Stale,
    StorageBroken,
    Unknown,
)
from gateway.host.durable import make_folder
from gateway.trust.documents.appointment import parse_appointment, verify_appointment
from gateway.trust.documents.charter import (
    Charter,
    check_expiry,
    check_fingerprint,
    check_signatures,
    parse_charter,
    verify_charter_chain,
)
from gateway.trust.documents.descriptor import Descriptor, check_keys, parse_descriptor, verify_descriptor
from gateway.trust.documents.fields import SKEW_US
from gateway.trust.documents.kept_lines import Conflicts, Once, read_lines, write_lines
from gateway.trust.documents.members import CharterMember
from gateway.trust.documents.removals import Verdict, behind, in_force, judge, removed_by, verified
from gateway.trust.documents.status import Status, parse_status, verify_status


@dataclass(frozen=True, slots=True)
class Accepted:
    """The result for a document: `changed` is False when it was held already."""

    kind: str
    member: str
    version: int
    changed: bool


class TrustDocuments:
    """The documents in one folder. Writers of several processes take turns; readers need no lock.

    `evidence` holds the documents that contradict one held.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._holder = 0
        self.evidence = Conflicts(folder / "conflicts")
        self._charter: Once[Charter] = Once()
        self._descriptors: Once[Descriptor] = Once()
        self._statuses: Once[Status] = Once()
        self._key_ids: Once[frozenset[str]] = Once()

    @property
    def charter_path(self) -> Path:
        """The file of all versions of the charter."""
        return self.folder / "charter.jsonl"

    def descriptor_path(self, member: str) -> Path:
        """Return the file of all accepted descriptors of a member."""
        return self.folder / "descriptors" / f"{member}.jsonl"

    def status_path(self, member: str) -> Path:
        """Return the file of the newest status of a member."""
        return self.folder / "statuses" / f"{member}.json"

    def appointment_path(self, member: str) -> Path:
        """Return the file of the appointments of a member's auditors."""
        return self.folder / "appointments" / f"{member}.jsonl"

    # -------------------------------------------------------------- reading

    def charter_before(self) -> bytes:
        """Return the charter before the newest one; empty where there is one alone."""
        versions = self.charter_versions()
        return versions[-2] if len(versions) > 1 else b""

    def charter_versions(self) -> list[bytes]:
        """Return all versions held, oldest first."""
        return read_lines(self.charter_path)

    def charter(self, clock: Clock) -> Charter:
        """Return the newest charter, its chain verified again; it may have expired.

        Raises `Misconfigured` without one.
        """
        versions = self.charter_versions()
        if not versions:
            raise Misconfigured(
                "there is no charter yet",
                code="no-charter",
                where=str(self.charter_path),
                remedy="draft one with `liaison trust draft`, or take the federation's with `liaison trust accept`",
            )
        return self._charter.get("", versions, lambda: verify_charter_chain(versions, clock.now(), allow_expired=True))

    def descriptor(self, member: str, charter: Charter) -> Descriptor | None:
        """Return the newest descriptor of a member, verified under `charter`; None when there is none."""
        lines = read_lines(self.descriptor_path(member))
        if not lines:
            return None
        return self._descriptors.get(
            member,
            (lines[-1], charter.hash),
            lambda: verify_descriptor(lines[-1], charter.members[member], charter.federation),
        )

    def descriptor_versions(self, member: str) -> list[Descriptor]:
        """Return all versions held of a member's descriptor, oldest first; each was verified when it was accepted."""
        return [parse_descriptor(line)[0] for line in read_lines(self.descriptor_path(member))]

    def held_descriptor(self, member: str) -> Descriptor | None:
        """Return the newest descriptor of a member as it was accepted; its signers may have been replaced since."""
        lines = read_lines(self.descriptor_path(member))
        return parse_descriptor(lines[-1])[0] if lines else None

    def status(self, descriptor: Descriptor) -> Status | None:
        """Return the newest status of a member, verified, with the removals of all held ones; it may have expired.

        None when there is none. Raises as `removals.verified`.
        """
        lines = self.status_lines(descriptor.member)
        if not lines:
            return None
        return self._statuses.get(
            descriptor.member,
            (lines, descriptor.hash),
            lambda: in_force(verified(lines, descriptor), descriptor),
        )

    def statuses(self, descriptor: Descriptor) -> list[Status]:
        """Return the held statuses of a member that verify, the newest last.

        None does where the descriptor says that the key that signed them was compromised before. Raises `Malformed`.
        """
        with suppress(BadSignature):
            return verified(self.status_lines(descriptor.member), descriptor)
        return []

    def descriptors(self, member: str) -> list[bytes]:
        """Return all accepted descriptors of a member, oldest first."""
        return read_lines(self.descriptor_path(member))

    def status_lines(self, member: str) -> list[bytes]:
        """Return all held statuses of a member, the newest last; not verified again."""
        return read_lines(self.status_path(member))

    def appointments(self, member: str) -> list[bytes]:
        """Return all accepted appointments of a member's auditors, oldest first."""
        return read_lines(self.appointment_path(member))

    # -------------------------------------------------------------- accepting

    def accept_charter(self, data: bytes, clock: Clock, fingerprint: str | None = None) -> Accepted:
        """Accept a charter: the first one by its fingerprint, each next one by the rules of the chain.

        A fingerprint that is given later must still be that of the first one.

        Raises `Misconfigured` (no fingerprint), `Contradicted` (another charter of the same version, or another
        fingerprint), `Stale` (older, or from the future), `Malformed`, `BadSignature`.
        """
        draft = parse_charter(data)
        new = draft.charter
        with self.locked():
            versions = self.charter_versions()
            if not versions:
                self._accept_first(new.data, clock, fingerprint)
                return Accepted("charter", "", new.version, True)
            if fingerprint is not None:
                check_fingerprint(parse_charter(versions[0]).charter, fingerprint)
            held = self.charter(clock)
            if new.version == held.version:
                if new.hash == held.hash:
                    return Accepted("charter", "", new.version, False)
                before = parse_charter(versions[-2]) if len(versions) > 1 else None
                check_signatures(draft, before)
                raise self._conflict(new, f"charter {new.version}")
            if new.version < held.version:
                if any(parse_charter(line).charter.hash == new.hash for line in versions):
                    return Accepted("charter", "", new.version, False)
                raise behind("charter", new.version, held.version)
            # An expired version on the way to a newer one is accepted; `freshness` refuses exchanges under it.
            verify_charter_chain([*versions, new.data], clock.now(), allow_expired=True)
            _check_issued(new.issued_us, clock, "charter")
            write_lines(self.charter_path, [*versions, new.data])
        return Accepted("charter", "", new.version, True)

    def accept_descriptor(self, data: bytes, member: str, clock: Clock) -> Accepted:
        """Accept a member's descriptor: exactly the next version, naming the hash of the one held.

        The first one that this node sees may have any version. Raises as `accept_charter`.
        """
        with self.locked():
            charter = self._current_charter(clock)
            new = verify_descriptor(data, _member(charter, member), charter.federation)
            lines, held = read_lines(self.descriptor_path(member)), self.held_descriptor(member)
            if held and not self._is_next(new, held, lines):
                return Accepted("descriptor", member, new.version, False)
            check_keys(new)
            self._check_foreign_keys(new, charter)
            _check_issued(new.issued_us, clock, "descriptor")
            write_lines(self.descriptor_path(member), [*lines, new.data])
        return Accepted("descriptor", member, new.version, True)

    def accept_status(self, data: bytes, member: str, clock: Clock) -> Accepted:
        """Accept a member's status that may follow those held (`removals.judge`). Raises as `accept_charter`.

        One that contradicts is kept, and what it removes counts, also where it is refused.
        """
        with self.locked():
            charter = self._current_charter(clock)
            descriptor = self.descriptor(_member(charter, member).member, charter)
            if descriptor is None:
                raise Misconfigured(
                    "there is no descriptor of `{member}` yet",
                    code="no-descriptor",
                    remedy="import that one first",
                    member=member,
                )
            held = self.statuses(descriptor)
            version = parse_status(data)[0].descriptor_version
            gone = removed_by(item for item in held if item.descriptor_version == version)
            new = verify_status(data, descriptor, gone)
            if any(item.hash == new.hash for item in held):
                return Accepted("status", member, new.sequence, False)
            _check_issued(new.issued_us, clock, "status")
            known = self.descriptor_versions(member)
            self._hold(new, judge(new, held, known, clock.now_us()), held)
        return Accepted("status", member, new.sequence, True)

    def _hold(self, new: Status, verdict: Verdict, held: Sequence[Status]) -> None:
        """Write the statuses that are held from now on. Raises the refusal of the new one, its evidence kept."""
        if verdict.evidence:
            place = str(self.evidence.keep(new))
        if list(verdict.held) != list(held):
            write_lines(self.status_path(new.member), [item.data for item in verdict.held])
        if verdict.refusal is not None:
            verdict.refusal.where = place
            raise verdict.refusal

    def accept_appointment(self, data: bytes, clock: Clock) -> Accepted:
        """Accept an auditor's appointment that the member's authority signed. It counts while its key is listed."""
        with self.locked():
            charter = self._current_charter(clock)
            member = _member(charter, parse_appointment(data)[0].member)
            new = verify_appointment(data, member, charter.federation)
            _check_issued(new.issued_us, clock, "appointment")
            lines = self.appointments(new.member)
            held = [parse_appointment(line)[0] for line in lines]
            if any(item.hash == new.hash for item in held):
                return Accepted("appointment", new.member, 1, False)
            if any(item.key_id == new.key_id and item.issued_us >= new.issued_us for item in held):
                raise Stale(
                    "a newer appointment of this key is held, or one of the same second",
                    code="appointment-behind",
                    where=new.auditor,
                    remedy="the authority appoints anew: liaison audit appoint",
                )
            write_lines(self.appointment_path(new.member), [*lines, new.data])
        return Accepted("appointment", new.member, 1, True)

    # -------------------------------------------------------------- inside

    def _accept_first(self, data: bytes, clock: Clock, fingerprint: str | None) -> None:
        if not fingerprint:
            raise Misconfigured(
                "the first charter is accepted by its fingerprint",
                code="fingerprint-needed",
                remedy="get it from the authorities by voice or in person, and give it with --fingerprint",
            )
        charter = verify_charter_chain([data], clock.now(), fingerprint, allow_expired=True)
        _check_issued(charter.issued_us, clock, "charter")
        write_lines(self.charter_path, [data])

    def _current_charter(self, clock: Clock) -> Charter:
        charter = self.charter(clock)
        check_expiry(charter, clock.now_us())
        return charter

    def _check_foreign_keys(self, new: Descriptor, charter: Charter) -> None:
        """Raise `BadSignature` for a key of an authority or a CA, or of another member: a key has one use."""
        mine = {key.key_id for key in new.keys}
        for member in charter.members.values():
            if taken := mine & member.offline_keys:
                raise BadSignature(
                    "key `{taken}` is the authority's or the CA's of `{member}`, and is listed for no use",
                    code="key-not-admitted",
                    taken=min(taken)[:16],
                    member=member.member,
                )
        for path in sorted((self.folder / "descriptors").glob("*.jsonl")):
            if path == self.descriptor_path(new.member) or not (lines := read_lines(path)):
                continue
            line = lines[-1]
            listed = self._key_ids.get(path.stem, line, lambda line=line: _key_ids(line))  # type: ignore[misc]
            if taken := mine & listed:
                raise BadSignature(
                    "key `{taken}` is a key of `{member}`",
                    code="other-member",
                    taken=min(taken)[:16],
                    member=path.stem,
                )

    def _is_next(self, new: Descriptor, held: Descriptor, lines: list[bytes]) -> bool:
        """Return True for the next version, False for one that is held; raise an error for every other version."""
        if new.data in lines or (new.version, new.hash) == (held.version, held.hash):
            return False
        if new.version == held.version:
            raise self._conflict(new, f"descriptor {new.version} of `{new.member}`")
        if new.version < held.version:
            raise behind("descriptor", new.version, held.version)
        if new.version != held.version + 1:
            raise Malformed(
                "version {version} does not follow version {held_version}",
                code="version-gap",
                remedy="import the versions between them first",
                version=new.version,
                held_version=held.version,
            )
        if new.previous != held.hash.hex():
            raise self._conflict(new, f"descriptor {held.version} of `{new.member}`, before this one")
        return True

    def _conflict(self, new: Charter | Descriptor, what: str) -> Contradicted:
        """Store the contradicting document beside the held one, and return the error to raise (design, section 3)."""
        return Contradicted(
            "there are two different signed documents: {what}",
            code="equivocation",
            where=str(self.evidence.keep(new)),
            remedy="alarm: ask that member's authority by another way which one it signed",
            what=what,
        )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder's turn to write; within it, this thread may ask again."""
        if self._holder == threading.get_ident():
            yield
            return
        make_folder(self.folder)
        try:
            with os.fdopen(os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600), "ab") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                self._holder = threading.get_ident()
                try:
                    yield
                finally:
                    self._holder = 0
        except OSError as error:
            raise StorageBroken(
                "the trust folder cannot be used: {strerror}", where=str(self.folder), strerror=error.strerror
            ) from error


def _key_ids(line: bytes) -> frozenset[str]:
    return frozenset(key.key_id for key in parse_descriptor(line)[0].keys)


def _member(charter: Charter, member: str) -> CharterMember:
    found = charter.members.get(member)
    if found is None:
        raise Unknown(
            "`{member}` is not in charter {version}",
            code="unknown-member",
            remedy="take the newest charter",
            member=member,
            version=charter.version,
        )
    return found


def _check_issued(issued_us: int, clock: Clock, kind: str) -> None:
    if issued_us > clock.now_us() + SKEW_US:
        raise Stale(
            "the {kind} was issued in the future", code="from-the-future", remedy="check this node's clock", kind=kind
        )
