"""The steps of a rotation, which the running node makes by itself: publish, wait, switch, retire.

1. the authority's descriptor lists the new key beside the old one;
2. the new key takes the place of the old one as soon as
   a. no one takes the old one any more, since a status removed it, its time is over, or it is compromised, or
   b. an administrator said that the counterparts have the descriptor, or
   c. every other active member is known to hold it, and no source process has to accept it by hand, or
   d. a day has passed since it was published;
3. where both sign for a while (heads of logs, cosignatures, officer tokens), the old one goes on beside the new one;
4. the old private key is deleted. Its public half stays listed, so that what it has signed can be verified.

A key that counterparts need not know is switched at once; one that issues tokens, when the node accepts them.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from msgspec.structs import replace

from gateway.config import TOKEN_ISSUER, Home
from gateway.errors import Unknown
from gateway.model.names import MemberId
from gateway.ops.keys.files import is_certified, is_listed, use_of_file
from gateway.ops.keys.guests import is_guest
from gateway.ops.keys.rotation import Rotation, Rotations
from gateway.ports.holders import Holders
from gateway.trust.ceremony.key_request import PLAIN_FILES
from gateway.trust.documents.descriptor import Descriptor, ListedKey
from gateway.trust.documents.persons import OVERLAP_DAYS
from gateway.trust.view import TrustView

WAIT = timedelta(hours=24)
"""The time after which a new key is used although counterparts may not hold the descriptor: each of them fetches the
newest documents within a day, or its own status is about to end."""

_TAKEN_UP = timedelta(seconds=10)
"""The time in which a running node accepts tokens of a new key, before any is issued with it."""

_BESIDE = timedelta(days=7)
_BESIDE_TOKENS = timedelta(days=1)
_US = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Moved:
    """A step that was made: `published`, `switched` or `retired`, with its reason in words."""

    file: str
    key_id: str
    step: str
    why: str

    @property
    def use(self) -> str:
        """The word by which commands name the key."""
        return use_of_file(self.file)


@dataclass(frozen=True, slots=True)
class Standing:
    """A member's own documents as of now, and what is known of the other members.

    `agencies` have a source process of their own, which accepts the node's statement keys by their certificates.
    """

    member: MemberId
    view: TrustView
    holders: Holders
    now_us: int
    agencies: Sequence[str] = ()

    @property
    def descriptor(self) -> Descriptor:
        """Our own descriptor. Raises `Unknown`."""
        return self.view.descriptor(self.member)

    @property
    def version(self) -> int:
        """The version of our own descriptor; 0 where there is none yet."""
        try:
            return self.descriptor.version
        except Unknown:
            return 0

    def listed(self, key_id: str) -> ListedKey | None:
        """Return the listing of one of our keys."""
        return next((key for key in self.descriptor.keys if key.key_id == key_id), None)

    def is_usable(self, key_id: str) -> bool:
        """Tell whether counterparts take one of our keys now."""
        key, status = self.listed(key_id), self.view.status(self.member)
        if key is None or (status is not None and key_id in status.removed):
            return False
        compromised = key.compromised_us is not None and key.compromised_us <= self.now_us
        return key.start_us <= self.now_us < key.stop_us and not compromised

    def may_be_lengthened(self, key_id: str) -> bool:
        """Tell whether one of our keys was not removed; one that is not listed yet was not."""
        key, status = self.listed(key_id) if self.version else None, self.view.status(self.member)
        return (status is None or key_id not in status.removed) and (key is None or key.compromised_us is None)

    def waits_for(self, rotation: Rotation) -> list[str]:
        """Return who is not known to accept the new key: members, and agencies whose people accept it by hand."""
        document = bytes.fromhex(rotation.document)
        others = [name for name in sorted(self.view.members) if name != self.member and self.view.active(name)]
        by_hand = [f"source/{name}" for name in self.agencies] if rotation.file == "statement" else []
        return by_hand + [name for name in others if not self.holders.hold(MemberId(name), rotation.version, document)]


def advance(rotations: Rotations, standing: Standing) -> list[Moved]:
    """Make every step that is due, and return them. Call it in `Rotations.locked`."""
    return [step for rotation in rotations.all() for step in _advance(rotations, standing, rotation)]


def _advance(rotations: Rotations, standing: Standing, rotation: Rotation) -> list[Moved]:
    moved = []

    def step(name: str, why: str) -> None:
        moved.append(Moved(rotation.file, rotation.new, name, why))

    if is_listed(rotation.file) and not rotation.published_us:
        if standing.listed(rotation.new) is None:
            return []
        rotation = rotations.write(_published(rotation, standing))  # 1
        step("published", f"descriptor {rotation.version} lists it")
    if not rotation.switched_us:
        why = _due(rotations.home, standing, rotation)
        if not why:
            return moved
        rotation = rotations.switch(rotation, _certificate(rotations.home, standing, rotation), standing.now_us)  # 2
        step("switched", why)
    if standing.now_us >= rotation.switched_us + beside_us(rotation.file):  # 3
        rotations.retire(rotation)  # 4
        step("retired", f"{rotation.old[:16]} signs no more")
    return moved


def beside_us(file: str) -> int:
    """Return the microseconds for which the old key signs, or counts, beside the new one."""
    if is_guest(file):
        return timedelta(days=OVERLAP_DAYS) // _US
    beside = _BESIDE if file in PLAIN_FILES else _BESIDE_TOKENS if file == TOKEN_ISSUER else timedelta()
    return beside // _US


def _published(rotation: Rotation, standing: Standing) -> Rotation:
    descriptor = standing.descriptor
    return replace(rotation, published_us=standing.now_us, version=descriptor.version, document=descriptor.hash.hex())


def _due(home: Home, standing: Standing, rotation: Rotation) -> str:
    """Return why the new key is to be used from now on; empty while it is not."""
    if not is_listed(rotation.file):
        return _unlisted(home, standing, rotation)
    if not standing.is_usable(rotation.new):
        return ""
    if not standing.is_usable(rotation.old):
        return "the old one is not taken any more"  # a
    if rotation.assumed:
        return "an administrator said that the counterparts have it"  # b
    if not standing.waits_for(rotation):
        return "all active members hold the descriptor"  # c
    return "a day has passed" if standing.now_us >= rotation.published_us + WAIT // _US else ""  # d


def _unlisted(home: Home, standing: Standing, rotation: Rotation) -> str:
    if rotation.file == TOKEN_ISSUER:
        taken_up = standing.now_us >= rotation.begun_us + _TAKEN_UP // _US
        return "the node accepts its tokens already" if taken_up else ""
    is_ready = not is_certified(rotation.file) or home.next_certificate(rotation.file).exists()
    return "counterparts need not know it" if is_ready else ""


def _certificate(home: Home, standing: Standing, rotation: Rotation) -> bytes:
    """Return the certificate (PEM) of a new key: the one that the descriptor lists; empty for a key without one."""
    listed = standing.listed(rotation.new) if is_listed(rotation.file) else None
    if listed is not None and listed.certificate:
        return ssl.DER_cert_to_PEM_cert(listed.certificate).encode("ascii")
    file = home.next_certificate(rotation.file)
    return file.read_bytes() if file.exists() else b""


def plan(standing: Standing, rotation: Rotation) -> str:
    """Return in words what a rotation waits for."""
    if is_guest(rotation.file) and rotation.published_us:
        return f"the person may sign with either key; the old one ends {OVERLAP_DAYS} days after the new one was listed"
    if rotation.switched_us:
        return "the old key signs beside the new one for a while"
    if rotation.file == TOKEN_ISSUER:
        return "the running node uses it in a few seconds"
    if not rotation.published_us:
        return "waits for the authority's answer: `liaison cert sign`, then `liaison cert rotate --answer`"
    if not standing.is_usable(rotation.new):
        return "the new key is not valid yet"
    return f"waits until {_names(standing.waits_for(rotation))} hold the descriptor, a day at most"


def _names(members: Sequence[str]) -> str:
    return ", ".join(members) or "all members"
