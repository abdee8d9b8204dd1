"""The parts that asking and answering work with, handed in by the composition root."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from certs.profile import read_leaf
from gateway.audit.tree.checkpoint import Shown
from gateway.clock import Clock, SystemClock
from gateway.config.suspensions import Suspensions
from gateway.errors import Overloaded, Unavailable
from gateway.model.names import MemberId
from gateway.model.purpose import Purpose
from gateway.ports.documents import DocumentStore
from gateway.ports.journal import Journal
from gateway.ports.quotas import QuotaPlace, QuotaStore
from gateway.records.sdjwt import RecordIssuer
from gateway.signing.keys import SigningKey
from gateway.telemetry import Counters, Recorder
from gateway.trust.standing import check_own_key
from gateway.trust.view import TrustView
from policy.bundle.limits import Quotas
from policy.engine.engine import PolicyEngine

URGENT = frozenset({Purpose.THREAT_TO_LIFE, Purpose.MISSING_PERSON, Purpose.VICTIM_PROTECTION, Purpose.BORDER_CHECK})
"""Purposes for which a person stands at the gate or is in danger: served first within their member's line."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The node's identity and parts. `trust`, `policy` and `statement_key` return what is in force now."""

    member: MemberId
    clock: Clock
    trust: Callable[[], TrustView]
    suspensions: Suspensions
    issuers: Mapping[str, RecordIssuer]
    make_reference: Callable[[str, str, str, str, str], str]
    statement_key: Callable[[], SigningKey]
    policy: Callable[[], PolicyEngine]
    journal: Journal
    operations: Journal
    documents: DocumentStore
    quotas: QuotaStore
    begun_us: int = 0
    """When our exchange log began its present number because entries were lost; 0 for the first number."""

    heard: Callable[[MemberId], bool] = field(default=lambda _member: True)
    """Tells whether a member has told us which of its notices our database lost, where it was restored."""

    held_back: Callable[[MemberId, str], frozenset[str]] = field(default=lambda _member, _source: frozenset())
    """Returns the keys of a source's records of which a member gets nothing, since their owner withdrew them."""

    is_forgotten: Callable[[int], bool] = field(default=lambda _us: False)
    """Tells whether the claims that expire at a time may be forgotten."""

    signed_time: Callable[[MemberId, int], None] = field(default=lambda _member, _us: None)
    """Called with the time that a counterpart signed just now."""

    recorder: Recorder = field(default=Recorder(Counters(), SystemClock().now_us, SystemClock().monotonic))
    """Takes the spans of exchanges; this one is off."""

    urgent: frozenset[Purpose] = field(default=URGENT)
    note_head: Callable[[Shown], None] = field(default=lambda _head: None)
    """Called with each verified head of a counterpart, and the entry that it was shown with."""

    @property
    def key(self) -> SigningKey:
        """The key that signs our statements. Raises `Unavailable` once our own documents removed it."""
        self.check_key()
        return self.statement_key()

    def check_key(self) -> None:
        """Raise `Unavailable` once our own documents removed the key that signs our statements."""
        check_own_key(self.trust(), self.member, self.statement_key())

    def has_lost_key(self, owner: str) -> bool:
        """Tell whether our own documents removed the key by which this node signs for an agency."""
        gone = self.trust().withdrawn.get(self.member)
        issuer = self.issuers.get(owner) if gone else None
        return issuer is not None and gone is not None and _key_id(issuer.certificate_der) in gone

    def issuer(self, agency: str) -> RecordIssuer:
        """Return what signs for an agency of ours. Raises `Unavailable` where this node has no key of it."""
        found = self.issuers.get(f"{self.member}.{agency}")
        if found is None:
            raise Unavailable(
                "this node has no key of `{agency}` to sign with",
                code="no-agency-key",
                where="keys",
                remedy="`liaison init --agency {agency}`, then `liaison trust publish`; in production it gets none: "
                "docs/guides/desk.md says why, and what to do instead",
                agency=agency,
            )
        return found

    def over_quota(self, quotas: Quotas, places: Sequence[QuotaPlace]) -> list[Overloaded | None]:
        """Return for each question, in order, its refusal when today's quota is used up, else None; count the others.

        So a question beyond a quota reaches no source and no peer (design, section 5, step 5). Where the policy sets no
        quota, the store is not asked. Raises `StorageBroken`.
        """
        if not quotas.named or not places:
            return [None] * len(places)
        granted = self.quotas.take(places, lambda place: quotas.limit(*place), self.clock.now_us())
        return [None if ok else _beyond(place) for ok, place in zip(granted, places, strict=True)]


@lru_cache(maxsize=64)
def _key_id(certificate: bytes) -> str:
    """Return the id of the key of an issuer's certificate, which never changes."""
    return read_leaf(certificate).key_id


def _beyond(place: QuotaPlace) -> Overloaded:
    whose = "from" if place.direction == "in" else "to"
    words = place.purpose.replace("_", " ").lower()
    return Overloaded(
        "today's quota of questions {whose} `{peer}` for `{words}` is used up",
        code="quota",
        remedy="ask again tomorrow (UTC), or through the duty desk",
        whose=whose,
        peer=place.peer,
        words=words,
    )
