"""A rehearsal: the decisions of a draft on questions that were really asked.

The attributes of each decision are kept in its entry. They are decided again by the policy in force and by the draft,
and differences are counted by counterpart and field. Equal attributes are decided once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from gateway.model.names import MemberId
from policy.attributes import QuestionAttributes, RecordAttributes
from policy.engine.engine import PolicyEngine


@dataclass(frozen=True, slots=True)
class Recorded:
    """One decided question and the records that it was about, with the time of its entry in microseconds."""

    time_us: int
    question: QuestionAttributes
    records: tuple[RecordAttributes, ...] = ()


@dataclass(slots=True)
class Rehearsal:
    """The changes by a draft. Keys of the counters are (counterpart, record type, field) and (counterpart, purpose).

    `with_human` counts fields that a human could newly let out, `without_human` those that no human could any more.

    `decisions` is the number of decisions that were made again.
    """

    exchanges: int = 0
    decisions: int = 0
    released: Counter[tuple[MemberId, str, str]] = field(default_factory=Counter)
    withheld: Counter[tuple[MemberId, str, str]] = field(default_factory=Counter)
    with_human: Counter[tuple[MemberId, str, str]] = field(default_factory=Counter)
    without_human: Counter[tuple[MemberId, str, str]] = field(default_factory=Counter)
    served: Counter[tuple[MemberId, str]] = field(default_factory=Counter)
    refused: Counter[tuple[MemberId, str]] = field(default_factory=Counter)
    shown: Counter[tuple[MemberId, str]] = field(default_factory=Counter)
    hidden: Counter[tuple[MemberId, str]] = field(default_factory=Counter)

    @property
    def changes(self) -> int:
        """The number of decisions with another result."""
        counters = (
            self.released,
            self.withheld,
            self.with_human,
            self.without_human,
            self.served,
            self.refused,
            self.shown,
            self.hidden,
        )
        return sum(sum(counter.values()) for counter in counters)


def rehearse(current: PolicyEngine, draft: PolicyEngine, recorded: Iterable[Recorded]) -> Rehearsal:
    """Decide all of `recorded` again by both policies, each at the time of its entry."""
    result = Rehearsal()
    for one in recorded:
        result.exchanges += 1
        result.decisions += 1 + len(one.records)
        before, after = (engine.may_answer(one.question, one.time_us).allow for engine in (current, draft))
        place = (one.question.counterpart, one.question.purpose)
        result.served[place] += after and not before
        result.refused[place] += before and not after
        for record in one.records:
            _compare(current, draft, record, one.time_us, (before, after), result)
    return result


def _compare(
    current: PolicyEngine,
    draft: PolicyEngine,
    record: RecordAttributes,
    time_us: int,
    served: tuple[bool, bool],
    result: Rehearsal,
) -> None:
    before, after = current.release(record, time_us), draft.release(record, time_us)
    counterpart, kind = record.question.counterpart, record.record_type
    old = before.fields if served[0] else frozenset()
    new = after.fields if served[1] else frozenset()
    for name in new - old:
        result.released[counterpart, kind, name] += 1
    for name in old - new:
        result.withheld[counterpart, kind, name] += 1
    held_before, held_after = (each.with_human - each.fields for each in (before, after))
    for name in held_after - held_before - old if served[1] else ():
        result.with_human[counterpart, kind, name] += 1
    for name in held_before - held_after - new if served[0] else ():
        result.without_human[counterpart, kind, name] += 1
    if all(served):
        result.shown[counterpart, kind] += before.hide and not after.hide
        result.hidden[counterpart, kind] += after.hide and not before.hide
