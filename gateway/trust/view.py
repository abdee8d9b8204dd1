"""Members, peers and keys as of now: an immutable snapshot of charter, descriptors and statuses, for the hot path.

A name or key that is not in the snapshot is refused. Keys are admitted and certificate chains verified at their first
use, and remembered: nothing is parsed for each message. A view of another epoch is another object.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

from certs.names import CertificateUse, Holder, label
from certs.profile import Leaf, check_issued, read_ca, read_leaf
from gateway.clock import Clock
from gateway.errors import BadSignature, LiaisonError, Malformed, Stale, Unauthenticated, Unknown
from gateway.model.names import MemberId
from gateway.recent import Recent
from gateway.signing.keys import VerifyKey
from gateway.signing.witness_keys import WitnessKey
from gateway.trust.contradictions import NOTHING, Withheld
from gateway.trust.documents.charter import Charter, check_expiry
from gateway.trust.documents.descriptor import Descriptor, KeyUse, ListedKey, agency_use
from gateway.trust.documents.members import CharterMember, MemberStatus
from gateway.trust.documents.status import Status
from gateway.trust.online import OnlineCas
from gateway.trust.slots import Slot, outside_time, slots_of, withdrawn_ids
from gateway.trust.versions import hash_of_versions, held_versions

_MAX_CACHE = 4_096


@dataclass(frozen=True, slots=True)
class PeerIdentity:
    """The other end of a TLS connection: member, name of the node, id of its TLS key."""

    member: MemberId
    name: str
    key_id: str


@dataclass(frozen=True, slots=True)
class ListedWitness:
    """A witness's key as its member lists it; a cosignature from `stop_us` on proves nothing."""

    member: MemberId
    key: WitnessKey
    start_us: int
    stop_us: int


@dataclass(frozen=True, slots=True)
class _KnownPeer:
    identity: PeerIdentity
    start_us: int
    stop_us: int


class TrustView:
    """One snapshot. Thread-safe: caches only ever hold entries that follow from the documents.

    `live` views hold active members only and obey removals. The others are for verifying evidence: the signatures of a
    member that has left, or of a key that was withdrawn, still count there.
    """

    def __init__(
        self,
        charter: Charter | None,
        descriptors: Mapping[str, Descriptor],
        statuses: Mapping[str, Status],
        clock: Clock,
        epoch: int = 0,
        *,
        live: bool = True,
        withheld: Withheld = NOTHING,
    ) -> None:
        self.epoch = epoch
        self.charter = charter
        self.hash = hash_of_versions(charter, descriptors, statuses, withheld)
        self.withheld = withheld
        self._descriptors, self._statuses = dict(descriptors), dict(statuses)
        self._clock = clock
        self._members = {
            name: member
            for name, member in (charter.members.items() if charter else ())
            if not live or (member.status is MemberStatus.ACTIVE and name not in withheld.members)
        }
        self.withdrawn = withdrawn_ids(self._members, descriptors, statuses if live else {}, withheld)
        """The ids of keys that the documents of a member removed or mark as compromised; nothing for most members."""
        self._slots = slots_of(self.members, self._members, descriptors, statuses if live else {}, withheld)
        self._online = OnlineCas(
            (member, slot.listed, slot.start_us, slot.stop_us)
            for (member, _, use), slot in self._slots.items()
            if use == KeyUse.ONLINE_CA
        )
        self._peers: Recent[bytes, _KnownPeer] = Recent(_MAX_CACHE)
        self._records: Recent[tuple[str, str, bytes], Slot] = Recent(_MAX_CACHE)

    @cached_property
    def evidence(self) -> TrustView:
        """Return the same documents as evidence: with members of any status, and with keys that were removed."""
        return TrustView(self.charter, self._descriptors, self._statuses, self._clock, live=False)

    # -------------------------------------------------------------- members

    @property
    def members(self) -> Mapping[str, CharterMember]:
        """All members of the charter, of any status."""
        return self.charter.members if self.charter else {}

    def active(self, member: str) -> bool:
        """Tell whether the charter lists `member` as active, and no other charter of its version suspends it."""
        return self.charter is not None and self.charter.active(member) and member not in self.withheld.members

    def descriptor(self, member: str) -> Descriptor:
        """Return the descriptor of a member, or raise `Unknown`."""
        found = self._descriptors.get(member) if member in self._members else None
        if found is None:
            raise Unknown(
                "nothing is known of `{member}`",
                code="unknown-member",
                remedy="import the member's descriptor with `liaison trust accept`",
                member=member,
            )
        return found

    def keys(self, member: str) -> tuple[ListedKey, ...]:
        """Return the keys that a member lists, removed or not; none where nothing is known of it."""
        found = self._descriptors.get(member)
        return found.keys if found else ()

    def status(self, member: str) -> Status | None:
        """Return the newest status of a member, or None."""
        return self._statuses.get(member)

    def endpoints(self, member: str) -> list[str]:
        """Return the addresses (`host:port`) of a member's nodes. Raises `Unknown`."""
        return list(self.descriptor(member).endpoints)

    def ca_pem(self, member: str) -> bytes:
        """Return the only roots on channels to an active member: its CAs, and its online CA. Raises `Unknown`."""
        found = self._members.get(member)
        if found is None:
            raise Unknown("`{member}` is not an active member", code="unknown-member", member=member)
        return found.ca_pem + self._online.pem(member, self._clock.now_us())

    def server_name(self, member: str) -> str:
        """Return the DNS name that a client checks: that of the TLS key that is valid longest. Raises `Unknown`."""
        now = self._clock.now_us()
        slots = [slot for _, slot in self._of(member, KeyUse.TLS) if slot.start_us <= now < slot.stop_us]
        if not slots:
            raise Unknown("`{member}` has no TLS key that is valid now", code="no-tls-key", member=member)
        return max(slots, key=lambda slot: slot.stop_us).listed.leaf().name.dns

    def tls_keys(self, member: str) -> frozenset[str]:
        """Return the ids of a member's TLS keys that are not removed, in their time or not."""
        return frozenset(key_id for key_id, _ in self._of(member, KeyUse.TLS))

    def freshness(self, member: str, now_us: int) -> None:
        """Raise `Stale` unless charter and status of `member` are in their time (CASE-J5)."""
        if self.charter is None:
            raise Stale("there is no charter", code="no-charter")
        check_expiry(self.charter, now_us)
        status = self._statuses.get(member)
        if status is None:
            raise Stale(
                "there is no status of `{member}`", code="no-status", remedy="fetch its newest documents", member=member
            )
        if now_us >= status.expires_us:
            raise Stale(
                "the status of `{member}` has expired",
                code="status-expired",
                remedy="fetch its newest one",
                member=member,
            )
        descriptor = self._descriptors.get(member)
        if descriptor is None or status.descriptor_version > descriptor.version:
            raise Stale(
                "`{member}` has a newer descriptor than the one held",
                code="descriptor-behind",
                remedy="fetch its newest documents",
                member=member,
            )

    @property
    def held(self) -> Iterator[tuple[str, str, int, bytes]]:
        """Yield a line for each document: kind, member, version, hash; the hash of a status covers its removals."""
        return held_versions(self.charter, self._descriptors, self._statuses)

    def about(self, member: str) -> tuple[object, ...]:
        """Return what decides about connections with a member: two views that are equal in it need no new ones."""
        table, descriptor, status = self._members.get(member), self._descriptors.get(member), self._statuses.get(member)
        roots = table.ca_certificates if table else None
        removed = frozenset(status.removed) if status else None
        return roots, descriptor.hash if descriptor else None, removed, self.withheld.keys.get(member)

    # -------------------------------------------------------------- peers

    def peer(self, certificate: bytes) -> PeerIdentity:
        """Return the identity behind a TLS certificate (PEM or DER), or raise `Unauthenticated`:

        1. the certificate fits the profile: exactly one URI SAN, EKU for both sides (CASE-A8, CASE-A9);
        2. its use is `node`;
        3. the member it names is active;
        4. that member's own CA issued it, and both are in their time (CASE-A5, CASE-A6); or its online CA did, and the
           descriptor lists the key with this name by a certificate of its own CA (decision 0062);
        5. its key is listed in the member's descriptor for `tls` (CASE-A10), in its time, not compromised;
        6. and not removed by the member's status (CASE-A11).
        """
        known = self._peers.held.get(certificate)
        if known is None:
            known = self._identify(certificate)
            self._peers.put(known.identity.member, certificate, known)
        else:
            self._peers.use(known.identity.member, certificate)
        if not known.start_us <= self._clock.now_us() < known.stop_us:
            raise Unauthenticated("the certificate is outside its time", code="certificate-expired")
        return known.identity

    def known_node(self, certificate: bytes) -> MemberId:
        """Return as `peer` the member behind a certificate, of any status, and where its listed key was removed.

        TLS has looked at the certificate's time.
        """
        return self.evidence._identify(certificate).identity.member

    def client(self, member: str, certificate: bytes) -> str:
        """Return the agency system of a client certificate that is shown at its own node, or raise `Unauthenticated`.

        Client certificates are a country's own affair: they are not listed in the descriptor.
        """
        leaf = self._leaf(certificate)
        if leaf.name.use is not CertificateUse.CLIENT or leaf.name.member != member:
            raise Unauthenticated("this is not a client certificate of this country", code="wrong-certificate")
        start, stop = self._issued(leaf)
        if not start <= self._clock.now_us() < stop:
            raise Unauthenticated("the certificate is outside its time", code="certificate-expired")
        return leaf.name.name

    def _identify(self, certificate: bytes) -> _KnownPeer:
        leaf = self._leaf(certificate)
        if leaf.name.use is not CertificateUse.NODE:
            raise Unauthenticated(
                "a certificate for `{use}` is not a node's", code="wrong-certificate", use=leaf.name.use
            )
        slot = self._slots.get((leaf.name.member, leaf.key_id, KeyUse.TLS))
        start, stop = self._issued_or_renewed(leaf, slot)
        if slot is None:
            raise Unauthenticated(
                "the key of `{uri}` is not listed for `tls`, or was removed", code="not-listed", uri=leaf.name.uri
            )
        identity = PeerIdentity(leaf.name.member, leaf.name.name, leaf.key_id)
        return _KnownPeer(identity, max(start, slot.start_us), min(stop, slot.stop_us))

    def _leaf(self, certificate: bytes) -> Leaf:
        try:
            return read_leaf(certificate)
        except Malformed as error:
            raise Unauthenticated(error.message, code="bad-certificate") from error

    def _issued(self, leaf: Leaf) -> tuple[int, int]:
        member = self._members.get(leaf.name.member)
        if member is None:
            raise Unauthenticated("`{member}` is not an active member", code="unknown-peer", member=leaf.name.member)
        return check_issued(leaf, [read_ca(pem) for pem in member.ca_certificates])

    def _issued_or_renewed(self, leaf: Leaf, slot: Slot | None) -> tuple[int, int]:
        """Return the time in which a TLS certificate counts. The online CA is heeded for a listed key only."""
        try:
            return self._issued(leaf)
        except Unauthenticated as error:
            if slot is None or error.code != "wrong-authority":
                raise
            listed = self._leaf(slot.listed.certificate)
            self._issued(listed)
            return self._online.check_renewed(leaf, listed)

    # -------------------------------------------------------------- keys

    def verify_key(self, member: str, key_id: str, use: str, at_us: int) -> VerifyKey:
        """Return the key of an active member for exactly this use, valid at `at_us`; else raise `BadSignature`.

        For a statement that is to have an effect, `at_us` is the present, not the time in the statement.
        """
        slot = self._slots.get((member, key_id, use))
        if slot is None:
            raise BadSignature(
                "the key `{key_id!a}` is not a key of `{member}` for `{use}`, or was removed",
                code="not-listed",
                key_id=key_id[:16],
                member=member,
                use=use,
            )
        key = slot.key or self._admit(member, slot)
        if not slot.start_us <= at_us < slot.stop_us:
            raise outside_time(slot.listed, f"`{member}`", at_us)
        return key

    def vkeys(self, member: str, use: str = KeyUse.LOG) -> tuple[VerifyKey, ...]:
        """Return all keys of a member for a use, by default log checkpoints, in their time or not."""
        return tuple(slot.key or self._admit(member, slot) for _, slot in self._of(member, use))

    def witness_keys(self, member: str, use: str = KeyUse.WITNESS) -> tuple[ListedWitness, ...]:
        """Return the keys with which a member's node (or its domestic witness) cosigns heads, in their time or not.

        A key that is not admitted is left out: its cosignatures do not count.
        """
        found = []
        for _, slot in self._of(member, use):
            with suppress(BadSignature):
                key = WitnessKey.admit(slot.listed.spki)
                found.append(ListedWitness(MemberId(member), key, slot.start_us, slot.stop_us))
        return tuple(found)

    def record_key(self, member: str, agency: str, certificate_der: bytes, at_us: int) -> tuple[VerifyKey, bool]:
        """Return the key with which an agency signs records, and whether the agency itself holds it (`own`).

        The certificate (DER) must be this agency's, issued by the member's CA, its key listed for `agency/<agency>` and
        valid at `at_us`. Raises `BadSignature` otherwise.
        """
        cache_key = (member, agency, certificate_der)
        slot = self._records.use(member, cache_key)
        if slot is None:
            slot = self._read_record_key(member, agency, certificate_der)
            self._records.put(member, cache_key, slot)
        if not slot.start_us <= at_us < slot.stop_us:
            raise outside_time(slot.listed, f"`{agency}` of `{member}`", at_us)
        assert slot.record
        return slot.record

    def _read_record_key(self, member: str, agency: str, certificate_der: bytes) -> Slot:
        try:
            leaf = read_leaf(certificate_der)
            name = leaf.name
            if (name.member, name.use, name.name) != (member, CertificateUse.AGENCY, label(agency, "agency")):
                raise BadSignature(
                    "the certificate is not that of `{agency}` of `{member}`",
                    code="wrong-signer",
                    agency=agency,
                    member=member,
                )
            start, stop = self._issued(leaf)
            slot = self._slots.get((member, leaf.key_id, agency_use(agency)))
            if slot is None:
                raise BadSignature(
                    "the key is not listed for `{agency}` of `{member}`",
                    code="not-listed",
                    agency=agency,
                    member=member,
                )
            record = (self._admit(member, slot), name.held is Holder.OWN)
        except BadSignature:
            raise
        except LiaisonError as error:
            raise BadSignature(error.message, code="bad-certificate") from error
        return Slot(slot.listed, max(start, slot.start_us), min(stop, slot.stop_us), slot.key, record)

    def _admit(self, member: str, slot: Slot) -> VerifyKey:
        """Admit a key at its first use; a certified key must have its certificate from the member's CA."""
        listed = slot.listed
        key = VerifyKey.admit(listed.spki)
        if key.key_id != listed.key_id or key.algorithm is not listed.algorithm:
            raise BadSignature(
                "the key `{key_id}` is not what its entry says", code="key-not-admitted", key_id=listed.key_id[:16]
            )
        if listed.certificate:
            try:
                leaf = listed.leaf()
                _, stop = self._issued(leaf)  # a renewed certificate may begin long after the key was listed
            except (Malformed, Unauthenticated) as error:
                raise BadSignature(error.message, code="bad-certificate") from error
            if leaf.name.member != member:
                raise BadSignature(
                    "`{member}` lists a key of `{leaf_member}`",
                    code="other-member",
                    member=member,
                    leaf_member=leaf.name.member,
                )
            slot.stop_us = min(stop, slot.stop_us)
        slot.key = key
        return key

    def _of(self, member: str, use: str) -> Iterator[tuple[str, Slot]]:
        """Yield id and slot of the keys of one member that count for a use; those of other members cost nothing."""
        for listed in self.keys(member):
            if listed.use == use and (slot := self._slots.get((member, listed.key_id, use))) is not None:
                yield listed.key_id, slot
