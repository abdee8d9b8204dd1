"""One request on its way through the stages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from gateway.errors import LiaisonError, Reason, Unacknowledged
from gateway.exchange.answering.inbound import Inbound
from gateway.exchange.stages import reraise_fatal
from gateway.model.decision import Decision
from gateway.model.exchange import Outcome, Refusal, Request, Verified
from gateway.model.hit import Hit, Withheld
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.journal import StoredAnswer
from gateway.records.sdjwt import UnsignedRecord, present, sign_records
from gateway.statements.kind import Opened
from policy.attributes import QuestionAttributes


class UnsignedHit(msgspec.Struct, frozen=True):
    """The record of the hit at `place`, to be signed with the others of the batch, and the fields to be shown."""

    place: int
    record: UnsignedRecord
    shown: tuple[str, ...]


class Findings(msgspec.Struct):
    """What one source gave for one request, after policy. Everything but `hits` stays at home."""

    source: str
    kind: str
    state: str = "ok"
    hits: list[Hit] = msgspec.field(default_factory=list)
    unsigned: list[UnsignedHit] = msgspec.field(default_factory=list)
    withheld: list[Withheld] = msgspec.field(default_factory=list)
    show_withheld_count: bool = True
    suppressed: list[dict[str, str]] = msgspec.field(default_factory=list)
    denied: list[dict[str, str]] = msgspec.field(default_factory=list)
    policies: set[str] = msgspec.field(default_factory=set)
    attributes: list[dict[str, object]] = msgspec.field(default_factory=list)
    capped: bool = False

    def add_record(self, place: int, record: str) -> None:
        """Give the hit at `place` its signed record."""
        bare = self.hits[place]
        self.hits[place] = Hit(bare.reference, bare.quality, bare.record_type, bare.rules, bare.action, record)

    def fail(self) -> None:
        """What was found cannot be told: the source counts as missing."""
        self.state = "failed"
        self.hits.clear()
        self.withheld.clear()


def sign_findings(findings: Sequence[Findings]) -> None:
    """Sign what the sources gave a batch; a source whose record cannot be signed is missing from its answer."""
    unsigned = [(found, item) for found in findings for item in found.unsigned]
    for (found, item), issued in zip(unsigned, sign_records([item.record for _, item in unsigned]), strict=True):
        try:
            if isinstance(issued, Exception):
                raise issued
            if found.state != "failed":
                found.add_record(item.place, present(issued, item.shown))
        except Exception as error:  # noqa: BLE001 - one key that does not sign must not cost the batch
            reraise_fatal(error)
            found.fail()


class Job:
    """A request, what was found for it, and whether it goes on; the last source or the timekeeper finishes it."""

    __slots__ = (
        "_found",
        "_ticket",
        "_told",
        "begun",
        "deadline",
        "decision",
        "expected",
        "inbound",
        "opened",
        "peer",
        "question",
        "refusal",
        "request",
        "stored",
        "suspended_types",
        "urgent",
        "why",
    )

    def __init__(self, inbound: Inbound, begun: float, deadline: float) -> None:
        self.inbound = inbound
        self.begun = begun
        self.deadline = deadline
        self.peer = MemberId(inbound.line)
        self.opened: Opened[Any, Request] | None = None
        self.request: Verified[Request] | None = None
        self.refusal: Refusal | None = None
        self.why: LiaisonError | None = None
        self.decision: Decision | None = None
        self.stored: StoredAnswer | None = None
        self.question: QuestionAttributes | None = None
        self._found: list[Findings] = []
        self._told: tuple[Findings, ...] | None = None
        self.expected: tuple[tuple[str, str], ...] = ()
        self.suspended_types: frozenset[str] = frozenset()
        self.urgent = False
        self._ticket: list[Any] = [None]

    @property
    def rank(self) -> int:
        """What leaves goes before what comes in, urgent ones first (`stages.Item`)."""
        return 0 if self.urgent else 1

    @property
    def line(self) -> str:
        """The member whose line it stands in."""
        return self.inbound.line

    @property
    def verified(self) -> Verified[Request]:
        """The request, once it is verified."""
        if self.request is None:
            raise LiaisonError("the request of this job is not verified")
        return self.request

    @property
    def claim(self) -> tuple[MemberId, ExchangeId]:
        """Sender and exchange id."""
        return self.peer, self.verified.value.exchange_id

    def ask(self, member: MemberId) -> QuestionAttributes:
        """Return what policy of `member`, whose node this is, is asked about the request."""
        if self.question is None:
            self.question = QuestionAttributes.of(self.verified.value, member)
        return self.question

    @property
    def complete(self) -> bool:
        """Whether it has gone on already."""
        return not self._ticket

    def finish(self) -> bool:
        """Take the one ticket to the next stage; False when it is taken (list.pop is atomic)."""
        try:
            self._ticket.pop()
        except IndexError:
            return False
        return True

    def ticket(self) -> Sequence[Job]:
        """Return the job for as long as it is not finished, for whoever looks after it until then; to be asked for
        once, before it is given away.

        Who keeps this does not keep the job: most are finished a thousand times sooner than their deadline.
        """
        self._ticket = ticket = [self]
        return ticket

    def note(self, findings: Findings) -> None:
        """Note what is known of a source before anybody is asked."""
        self._found.append(findings)

    def found(self, findings: Findings) -> bool:
        """Note what a source gave; True when it was the last one and the job goes on now."""
        self._found.append(findings)
        return len(self._found) == len(self.expected) and self.finish()

    def close(self) -> None:
        """What is there now is what is told: a source that answers later is missing, in every step from here on."""
        self._told = tuple(self._found)

    @property
    def findings(self) -> tuple[Findings, ...]:
        """What the sources gave, in time."""
        return tuple(self._found) if self._told is None else self._told

    def refuse(self, error: LiaisonError) -> None:
        """Turn the job into a refusal; the first one stays."""
        if self.refusal is None:
            self.why = error
            # The text stays at home: it can quote what is ours. What the counterpart owes is its own.
            text = error.message if isinstance(error, Unacknowledged) else ""
            self.refusal = Refusal(error.reason, error.code, text)

    def refuse_by_policy(self, decision: Decision) -> None:
        """Turn the job into the refusal that policy says."""
        self.refusal = Refusal(Reason.PERMISSION_DENIED, decision.code or "policy-denies")

    @property
    def outcome(self) -> Outcome:
        """What the answer says."""
        if self.refusal is not None:
            return Outcome.SUSPENDED if self.refusal.reason is Reason.SUSPENDED else Outcome.REFUSED
        return Outcome.HIT if any(found.hits for found in self.findings) else Outcome.NO_HIT
