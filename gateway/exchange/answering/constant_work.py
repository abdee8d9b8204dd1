"""Equal work: a hidden record costs as much as no record, also when a question is new (design, section 5).

A kept decision is quick and a new one is slow. An asker who chooses a new question could see by the time of the answer
that something had to be decided. So the first time that a unit asks, everything that a source could give rise to is
decided before the source is searched. Where a search finds nothing, one decision is looked up all the same.
"""

from __future__ import annotations

from gateway.model.marking import Marking, SubjectCategory
from gateway.ports.sources import ProfiledSource, Source, SourceDescription
from gateway.recent import Recent
from policy.attributes import QuestionAttributes, RecordAttributes
from policy.engine.engine import PolicyEngine

MAX_PROFILES = 64
"""Profiles of one source that are decided ahead; a source with more of them decides the rest as they come."""

_MAX_KNOWN = 8_192


class ConstantWork:
    """Remembers what was decided ahead. Thread-safe."""

    def __init__(self) -> None:
        self._known: Recent[tuple[bytes, str, QuestionAttributes], bool] = Recent(_MAX_KNOWN)

    def decide_ahead(self, policy: PolicyEngine, question: QuestionAttributes, source: Source, now_us: int) -> None:
        """Decide on every profile of a source for a question that is new to this policy; else do nothing."""
        description = source.describe()
        key = (policy.hash, description.id, question)
        if self._known.use(question.counterpart, key):
            return
        profiles = source.profiles()[:MAX_PROFILES] if isinstance(source, ProfiledSource) else ()
        for record_type, marking, category in profiles:
            policy.release(RecordAttributes(question, record_type, description.agency, marking, category), now_us)
        self._known.put(question.counterpart, key, True)


def decoy(question: QuestionAttributes, source: SourceDescription) -> RecordAttributes:
    """Return the attributes that are decided on where a search found nothing."""
    record_type = min(source.record_types, default="")
    return RecordAttributes(question, record_type, source.agency, Marking(), SubjectCategory.UNKNOWN)
