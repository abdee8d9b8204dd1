"""One request on its way through the stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NotRequired, TypedDict

import msgspec

from gateway.config.suspensions import Switch
from gateway.errors import LiaisonError, Reason, Unacknowledged, Unsupported
from gateway.exchange.answering.inbound import Inbound
from gateway.exchange.ledger import GivenCopy
from gateway.exchange.stages import reraise_fatal
from gateway.model.decision import Decision
from gateway.model.exchange import Outcome, Refusal, Request, Verified
from gateway.model.hit import Candidate, Hit, Withheld
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.journal import StoredAnswer
from gateway.records.sdjwt import UnsignedRecord, present, sign_records
from gateway.statements.answer import ANSWER_VERSIONS
from gateway.statements.kind import Opened
from gateway.telemetry import Trace
from gateway.trust.view import TrustView
from policy.attributes import QuestionAttributes
from policy.engine.engine import PolicyEngine

ANSWERED = ("ok", "changed")
"""States of a source that was searched; one with a record about another subject answered, if not in full."""


class UnsignedHit(msgspec.Struct, frozen=True):
    """The record of the hit at `place`, to be signed with the others of the batch, and the fields to be shown."""

    place: int
    record: UnsignedRecord
    shown: tuple[str, ...]


class Findings(msgspec.Struct):
    """The result of one source for one request, after policy. Only `hits` leaves the node.

    `keys` has the source's own key of each record that leaves with a hit, by the hit's reference. `begun` and `ended`
    (values of `Clock.monotonic`) tell when the source was asked; both are 0 for one that was not. `as_of_us` is that of
    its search.
    """

    source: str
    kind: str
    state: str = "ok"
    hits: list[Hit] = msgspec.field(default_factory=list)
    keys: dict[str, str] = msgspec.field(default_factory=dict)
    unsigned: list[UnsignedHit] = msgspec.field(default_factory=list)
    withheld: list[Withheld] = msgspec.field(default_factory=list)
    show_withheld_count: bool = True
    suppressed: list[dict[str, str]] = msgspec.field(default_factory=list)
    denied: list[dict[str, str]] = msgspec.field(default_factory=list)
    policies: set[str] = msgspec.field(default_factory=set)
    attributes: list[dict[str, object]] = msgspec.field(default_factory=list)
    capped: bool = False
    begun: float = 0.0
    ended: float = 0.0
    as_of_us: int = 0
    changed: list[dict[str, str]] = msgspec.field(default_factory=list)

    def note_changed(self, candidate: Candidate) -> None:
        """Note a record that is not about the subject of the question: the source counts as missing."""
        self.state = "changed"
        self.changed.append({"source": candidate.source, "key": candidate.key, "type": candidate.record_type})

    def add_record(self, place: int, record: str) -> None:
        """Give the hit at `place` its signed record."""
        bare = self.hits[place]
        self.hits[place] = Hit(bare.reference, bare.quality, bare.record_type, bare.rules, bare.action, record)

    def fail(self) -> None:
        """Drop the hits: the source counts as missing, since its records cannot be signed."""
        self.state = "failed"
        self.hits.clear()
        self.withheld.clear()


def sign_findings(findings: Sequence[Findings]) -> None:
    """Sign the records that the sources gave a batch; a source whose record cannot be signed becomes missing."""
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


_Plain = str | int | float | bool | None
Attributes = dict[str, _Plain | list[_Plain] | dict[str, _Plain | list[_Plain]]]
"""The attributes of a decision, as an entry keeps them."""


class SourceNote(TypedDict):
    """A source in the private part of an entry: its state, and what policy decided on its records."""

    id: str
    state: str
    hits: int
    suppressed: list[dict[str, str]]
    denied: list[dict[str, str]]
    policies: list[str]
    attributes: list[Attributes]
    changed: NotRequired[list[dict[str, str]]]
    as_of_us: NotRequired[int]


class Drawn(msgspec.Struct, frozen=True):
    """An answer that is ready to be signed, and what its entry tells of it. `copies` are the records in it.

    `times` tell for each source when it was asked, and when it had answered (values of `Clock.monotonic`).
    """

    payload: bytes
    outcome: Outcome
    missing: tuple[str, ...]
    sources: list[SourceNote]
    hits: list[str]
    withheld: list[list[str]]
    withheld_salt: str
    copies: tuple[GivenCopy, ...]
    times: list[tuple[float, float]]


class Job:
    """A request and its findings; the last source or the timekeeper takes it to the next stage."""

    __slots__ = (
        "_found",
        "_ticket",
        "_told",
        "begun",
        "deadline",
        "decided",
        "decided_us",
        "decision",
        "drawn",
        "expected",
        "inbound",
        "is_kept",
        "is_proved",
        "off",
        "opened",
        "peer",
        "policy",
        "question",
        "refusal",
        "request",
        "stored",
        "suspended_types",
        "switches",
        "trace",
        "urgent",
        "version",
        "view",
        "why",
    )

    def __init__(self, inbound: Inbound, begun: float, deadline: float) -> None:
        self.inbound = inbound
        self.view: TrustView | None = None
        self.begun = begun
        self.deadline = deadline
        self.peer = MemberId(inbound.line)
        self.opened: Opened[Any, Request] | None = None
        self.request: Verified[Request] | None = None
        self.refusal: Refusal | None = None
        self.why: LiaisonError | None = None
        self.decision: Decision | None = None
        self.decided = (0.0, 0.0)
        self.decided_us = 0
        self.trace: Trace | None = None
        self.drawn: Drawn | None = None
        self.version = 0
        self.stored: StoredAnswer | None = None
        self.question: QuestionAttributes | None = None
        self._found: list[Findings] = []
        self._told: tuple[Findings, ...] | None = None
        self.expected: tuple[tuple[str, str], ...] = ()
        self.suspended_types: frozenset[str] = frozenset()
        self.off: frozenset[str] = frozenset()
        self.switches: Mapping[str, Switch] | None = None
        self.urgent = False
        self.is_proved = False
        self.is_kept = True
        self._ticket: list[Any] = [None]

    @property
    def rank(self) -> int:
        """The rank of a finished job: before everything that comes in, urgent ones first (`stages.Item`)."""
        return 0 if self.urgent else 1

    @property
    def line(self) -> str:
        """The member whose line the job is in."""
        return self.inbound.line

    @property
    def verified(self) -> Verified[Request]:
        """The verified request. Raises `LiaisonError` before it is verified."""
        if self.request is None:
            raise LiaisonError("the request of this job is not verified")
        return self.request

    @property
    def claim(self) -> tuple[MemberId, ExchangeId]:
        """The sender and the exchange id."""
        return self.peer, self.verified.value.exchange_id

    def come_in_under(self, view: TrustView, policy: PolicyEngine, switches: Mapping[str, Switch]) -> None:
        """Note what is in force as the request comes in: this policy decides on all of it, whatever comes after."""
        self.view, self.policy, self.switches = view, policy, switches

    def answer_version(self) -> int:
        """Return the newest version of answers that the asker reads; the oldest where it reads none of ours."""
        if not self.version:
            self.version = 1
            with suppress(Unsupported):
                if self.view is not None:
                    self.version = ANSWER_VERSIONS.newest(self.view, self.peer).payload_type.version
        return self.version

    def ask(self, member: MemberId) -> QuestionAttributes:
        """Return the attributes of the question, on which the policy of this node's `member` decides."""
        if self.question is None:
            self.question = QuestionAttributes.of(self.verified.value, member)
        return self.question

    @property
    def complete(self) -> bool:
        """Tell whether the job has gone on already."""
        return not self._ticket

    def finish(self) -> bool:
        """Take the one ticket to the next stage; False when it is taken (list.pop is atomic)."""
        try:
            self._ticket.pop()
        except IndexError:
            return False
        return True

    def ticket(self) -> Sequence[Job]:
        """Return a list that holds the job until it is finished. Call it once, before another thread has the job.

        A holder of the list does not keep the job in memory: most jobs are finished long before their deadline.
        """
        self._ticket = ticket = [self]
        return ticket

    def note(self, findings: Findings) -> None:
        """Note the state of a source that is not asked."""
        self._found.append(findings)

    def found(self, findings: Findings) -> bool:
        """Note the result of a source; True when it was the last one and the job goes on now."""
        self._found.append(findings)
        return len(self._found) == len(self.expected) and self.finish()

    def close(self) -> None:
        """Fix the findings: a source that answers later is missing in every step from here on."""
        self._told = tuple(self._found)

    @property
    def findings(self) -> tuple[Findings, ...]:
        """The results of the sources that answered in time."""
        return tuple(self._found) if self._told is None else self._told

    def refuse(self, error: LiaisonError) -> None:
        """Turn the job into a refusal; the first one stays."""
        if self.refusal is None:
            self.why = error
            # The text stays here, since it can quote our data. Only the debt of the counterpart is its own to read.
            text = error.message if isinstance(error, Unacknowledged) else ""
            self.refusal = Refusal(error.reason, error.code, text)

    def refuse_by_policy(self, decision: Decision) -> None:
        """Turn the job into the refusal of the policy."""
        self.refusal = Refusal(Reason.PERMISSION_DENIED, decision.code or "policy-denies")

    @property
    def outcome(self) -> Outcome:
        """The outcome that the answer states."""
        if self.refusal is not None:
            return Outcome.SUSPENDED if self.refusal.reason is Reason.SUSPENDED else Outcome.REFUSED
        if self.drawn is not None:
            return self.drawn.outcome
        return self.found_outcome(any(found.hits for found in self.findings))

    def found_outcome(self, is_hit: bool) -> Outcome:
        """Return the outcome of the findings.

        No hit is said only where every source answered, and suspended only where all that could answer is switched off.
        """
        if is_hit:
            return Outcome.HIT
        states = [found.state for found in self.findings]
        if any(state in ANSWERED for state in states):
            return Outcome.NO_HIT if states == ["ok"] * len(self.expected) else Outcome.PARTIAL
        return Outcome.SUSPENDED if self.kinds_off() else Outcome.NOT_SEARCHED

    def kinds_off(self) -> tuple[str, ...]:
        """Return the kinds of all that the question could find, where all of it is switched off; else nothing."""
        findings = self.findings
        is_off = len(findings) == len(self.expected) and all(found.state == "suspended" for found in findings)
        return tuple(sorted({found.kind for found in findings})) if is_off else ()
