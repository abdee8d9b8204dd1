"""The policy engine: four questions, each decided by base and national policy apart, and both must allow.

Everything that is not permitted is denied: no policy that permits, a policy that forbids, a value that no list
knows, or any error while evaluating.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cedarpy

from gateway.model.decision import Decision, Release
from gateway.model.marking import Marking, ReleaseMarking
from gateway.model.names import MemberId
from gateway.records.types import RECORD_TYPES
from policy import explain
from policy.attributes import AskAttributes, LearnAttributes, QuestionAttributes, RecordAttributes
from policy.bundle import Bundle, Layer, load_bundle
from policy.cache import ALWAYS, DecisionCache, Window
from policy.request import ask_request, learn_request, question_request, record_request

BASE = Path(__file__).parent / "base"
"""The base policy that comes with the gateway."""

CACHE_LIMIT = 20_000
"""Decisions kept; about 2 KB each."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one layer says. `policies` are names of those that decided; `failed` that evaluating went wrong."""

    allow: bool
    policies: tuple[str, ...]
    failed: tuple[str, ...] = ()


class PolicyEngine:
    """The policy in force. Immutable but for its cache, and safe for several threads.

    `hash` is SHA-256 over all files that decide: base policy, national policy, agreements, times of retention.
    """

    def __init__(self, bundle: Bundle, member: MemberId) -> None:
        self.hash = bundle.hash
        self.member = member
        self.agreements = bundle.agreements
        self._hash_text = bundle.hash.hex()
        self._bundle = bundle
        self._entities = cedarpy.Entities.from_json_str("[]")
        self._decisions: DecisionCache[Decision] = DecisionCache(CACHE_LIMIT)
        self._releases: DecisionCache[Release] = DecisionCache(CACHE_LIMIT)
        self._learns: DecisionCache[Decision] = DecisionCache(CACHE_LIMIT)

    @classmethod
    def load(cls, national: Path, member: MemberId, base: Path | None = None) -> PolicyEngine:
        """The policy of `member` in the folder `national`, over `base` (default: the one of the gateway).

        Raises `Misconfigured` naming file, line and term when anything in it cannot be used.
        """
        return cls(load_bundle(base or BASE, national, member), member)

    def may_ask(self, a: AskAttributes, now_us: int) -> Decision:
        """May this officer of ours ask at all?"""
        key = ("ask", a)
        found = self._decisions.get(key, now_us)
        return found or self._decide(key, ask_request(a, self.member), a, ALWAYS)

    def may_send(self, a: QuestionAttributes, now_us: int) -> Decision:
        """May this question of ours go to that counterpart?"""
        return self._decisions.get(("send", a), now_us) or self._question("send", a, self.member, now_us)

    def may_answer(self, a: QuestionAttributes, now_us: int) -> Decision:
        """May this counterpart's question be served?"""
        return self._decisions.get(("answer", a), now_us) or self._question("answer", a, a.counterpart, now_us)

    def hides(self, a: RecordAttributes, now_us: int) -> bool:
        """Must the recipient not learn that the record exists? Never depends on what the asker can choose."""
        return not self._learn(a, now_us).allow

    def release(self, a: RecordAttributes, now_us: int) -> Release:
        """May this record go to the recipient, and which of its fields?"""
        found = self._releases.get(a, now_us)
        if found is not None:
            return found
        learn = self._learn(a, now_us)
        if not learn.allow:
            release, window = _refused(a, self._with(learn, a.as_json()), hide=True), ALWAYS
        else:
            release, window = self._release(a, now_us)
        self._releases.put(a, release, window)
        return release

    def agreement_for(self, purpose: str, recipient: MemberId, now_us: int) -> str:
        """The id of an agreement in force that covers the purpose and the recipient, or an empty text."""
        return self.agreements.find(purpose, recipient, now_us)

    def release_marking(self, marking: Marking, record_type: str, purpose: str, now_us: int) -> ReleaseMarking:
        """What the recipient must obey. Raises `Forbidden` where no time of retention is known."""
        return self._bundle.retention.release_marking(marking, record_type, purpose, now_us)

    def _question(self, action: str, a: QuestionAttributes, asker: MemberId, now_us: int) -> Decision:
        answerer = a.counterpart if asker == self.member else self.member
        covers = self.agreements.covers(a, asker, now_us)
        return self._decide((action, a), question_request(action, a, asker, answerer, covers), a, covers.window)

    def _learn(self, a: RecordAttributes, now_us: int) -> Decision:
        """No date limits whether something may be known, so the answer is kept for good."""
        key = LearnAttributes.of(a)
        found = self._learns.get(key, now_us)
        if found is None:
            base, national = self._verdicts("learn", learn_request(key))
            found = self._decision(base, national, {})
            self._learns.put(key, found, ALWAYS)
        return found

    def _decide(
        self, key: tuple[str, AskAttributes | QuestionAttributes], request: dict[str, Any], a: Any, window: Window
    ) -> Decision:
        base, national = self._verdicts(key[0], request)
        decision = self._decision(base, national, a.as_json())
        self._decisions.put(key, decision, window)
        return decision

    def _release(self, a: RecordAttributes, now_us: int) -> tuple[Release, Window]:
        question = a.question
        covers = self.agreements.covers(question, question.counterpart, now_us)
        record = self.agreements.covers_record(question.agreement, a.record_type, a.owner)
        request = record_request(a, self.member, covers, record)
        base, national = self._verdicts("release", request)
        decision = self._decision(base, national, a.as_json())
        if not decision.allow:
            return _refused(a, decision, hide=a.quiet), covers.window
        kept = [self._withheld(layer, request) for layer in (self._bundle.base, self._bundle.national)]
        failed = tuple(f"{error}" for verdict, _ in kept for error in verdict.failed)
        if failed:
            denied = self._deny(tuple(verdict.policies[0] for verdict, _ in kept if verdict.failed), decision.attributes)
            return _refused(a, denied, hide=a.quiet), covers.window
        return self._filter(a, decision, (base, national), [rules for _, rules in kept]), covers.window
