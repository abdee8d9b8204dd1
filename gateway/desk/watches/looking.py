"""Look for what a watch meets: the index is searched, or a changed row compared; policy decides anew for each record.

Nothing was decided when the watch began. The record is read from its source, since its marking and its subject may have
changed since the index was written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from gateway.desk.originator.reading import See, read_records, search_records
from gateway.desk.watches.book import LiveWatch
from gateway.desk.watches.goods import RECORD_TYPE, goods_match
from gateway.errors import Forbidden
from gateway.exchange.answering.constant_work import ConstantWork, as_ours_see
from gateway.exchange.answering.gather import believed, foreign
from gateway.exchange.parts import Parts
from gateway.exchange.sources.bulkhead import Bulkhead
from gateway.matching.confirm import confirm
from gateway.matching.thresholds import SETS
from gateway.model.desk.watches import Goods, Subject, as_question
from gateway.model.exchange import Request
from gateway.model.hit import OF_WATCH, OWN_AGENCY, UNRELEASED, Hit, Match, SourceRecord
from gateway.model.requester import Officer
from gateway.ports.sources import Source, TellingSource
from policy.attributes import AskAttributes, QuestionAttributes, RecordAttributes

_HALF_DAY_US = 12 * 3_600_000_000
MAX_RULES = 16


class Met(msgspec.Struct, frozen=True):
    """A record of ours that a watch has met: the hit as its author learns of it, and the source's own key."""

    source: str
    key: str
    agency: str
    record_type: str
    match: Match
    rules: tuple[str, ...]

    @property
    def record(self) -> str:
        """The owner's own name of the record, as the ledger of copies has it."""
        return f"{self.source}/{self.key}"

    def as_hit(self, reference: str) -> Hit:
        """Return the hit under its reference."""
        return Hit(reference, self.match.quality, self.record_type, self.rules)


class Findings(msgspec.Struct, frozen=True):
    """The hits of a search for a watch. `capped`: there is more than a search tells."""

    met: tuple[Met, ...]
    capped: bool


def takes(wall: Bulkhead, subject: Subject) -> bool:
    """Tell whether a source holds what a watch is about."""
    if isinstance(subject, Goods):
        return RECORD_TYPE in wall.description.record_types
    return subject.kind in wall.description.queries


def is_watched(wall: Bulkhead) -> bool:
    """Tell whether a source can be watched: it has a key index here, whose writer knows its changed rows."""
    return not wall.signs and isinstance(wall.source, TellingSource)


@dataclass(frozen=True, slots=True)
class Looker:
    """Searches sources for watches, and compares changed records with them.

    What is hidden from the author of a watch, or withdrawn, is not there for its search: it makes no watch too wide.
    """

    parts: Parts
    constant_work: ConstantWork = field(default_factory=ConstantWork)

    def check_allowed(self, watch: LiveWatch) -> None:
        """Raise `Forbidden` where policy does not let the question be answered at all now."""
        parts, now_us = self.parts, self.parts.clock.now_us()
        if watch.request is None:
            return
        decision = parts.policy().may_answer(QuestionAttributes.of(watch.request, parts.member), now_us)
        if not decision.allow:
            raise Forbidden("policy does not allow this watch", code=decision.code or "policy-denies", where="policy")

    def is_allowed_later(self, watch: LiveWatch) -> bool:
        """Tell whether policy lets the question be answered half a day from now, as where it refuses by night only."""
        parts, later_us = self.parts, self.parts.clock.now_us() + _HALF_DAY_US
        question = QuestionAttributes.of(watch.request, parts.member) if watch.request is not None else None
        return question is not None and parts.policy().may_answer(question, later_us).allow

    async def search(self, watch: LiveWatch, wall: Bulkhead) -> Findings:
        """Return what the index of a source holds for a watch. Raises as `search_records` does."""
        query = watch.subject
        if isinstance(query, Goods):  # no index finds it: what is declared from now on is met
            return Findings((), capped=False)
        strictness = self.parts.policy().strictness(watch.purpose)
        result = await search_records(self.parts, wall, query, strictness, self._see(watch))
        candidates = believed(wall.description, result, query.kind)
        found = await read_records(self.parts, wall, [(each.key, each.record_type) for each in candidates])
        met = (self.met(watch, wall, record) for record in found if record is not None)
        return Findings(tuple(each for each in met if each is not None), result.capped)

    async def count(
        self, query: Subject, purpose: str, walls: Sequence[Bulkhead], officer: Officer
    ) -> tuple[int, bool]:
        """Return how many rows fit of which an officer of ours may learn, and whether there are more than are told."""
        total, capped = 0, False

        def see(source: Source, anew: bool) -> Source:
            del anew  # it is decided on each time
            return as_ours_see(source, self.parts.member, officer)

        for wall in walls:
            if is_watched(wall) and takes(wall, query) and not isinstance(query, Goods):
                strictness = self.parts.policy().strictness(purpose)
                result = await search_records(self.parts, wall, query, strictness, see)
                total, capped = total + len(result.candidates), capped or result.capped
        return total, capped

    def met(self, watch: LiveWatch, wall: Bulkhead, record: SourceRecord) -> Met | None:
        """Return what the author of a watch learns of a record as it is now; None where that is nothing."""
        description = wall.description
        if record.owner not in (description.agency, f"{self.parts.member}.{description.agency}"):
            raise foreign(description.id, f"a record of `{record.owner[:64]!a}`")
        match = self._match(watch, record)
        if match is None:
            return None
        why_bare = OWN_AGENCY
        if watch.request is not None:
            why_bare = self._released(watch, watch.request, description.agency, record)
        if not why_bare:
            return None
        rules = (*match.rules[: MAX_RULES - 1], why_bare)
        return Met(record.source, record.key, description.agency, record.record_type, match, rules)

    def _match(self, watch: LiveWatch, record: SourceRecord) -> Match | None:
        thresholds = SETS[self.parts.policy().strictness(watch.purpose)]
        if isinstance(watch.subject, Goods):
            is_declaration = record.record_type == RECORD_TYPE
            return goods_match(watch.subject, record.fields, thresholds) if is_declaration else None
        return confirm(watch.subject, record, thresholds)

    def _see(self, watch: LiveWatch) -> See | None:
        """Return how the author of a watch sees a source; None for our own agencies."""
        parts, request = self.parts, watch.request
        if request is None:
            return None
        question = QuestionAttributes.of(request, parts.member)

        def see(source: Source, anew: bool) -> Source:
            without = parts.suspensions.suspended_types(watch.peer, watch.purpose)
            now_us = parts.clock.now_us()
            held_back = parts.held_back(watch.peer, source.describe().id)
            return self.constant_work.seen(parts.policy(), question, source, now_us, without, held_back, anew=anew)

        return see

    def _released(self, watch: LiveWatch, request: Request, agency: str, record: SourceRecord) -> str:
        """Return the last rule of a hit for a counterpart: why it has no record; empty where it may not learn of it."""
        parts, now_us = self.parts, self.parts.clock.now_us()
        if record.record_type in parts.suspensions.suspended_types(watch.peer, watch.purpose):
            return ""
        if record.key in parts.held_back(watch.peer, record.source):
            return ""
        question = QuestionAttributes.of(request, parts.member)
        attributes = RecordAttributes(question, record.record_type, agency, record.marking, record.category)
        release = parts.policy().release(attributes, now_us)
        if release.hide:
            return ""
        return OF_WATCH if release.decision.allow else f"{UNRELEASED}{release.decision.code}"


def own_question(officer: Officer, subject: Subject, purpose: str, offence: str, case: str) -> AskAttributes:
    """Return the attributes by which policy lets an officer of ours watch our own agencies' records."""
    return AskAttributes(
        role=officer.role,
        agency=officer.agency,
        office=officer.office,
        query=as_question(subject).kind.value,
        purpose=purpose,
        offence=offence,
        has_case=bool(case),
        has_ticket=False,
        purpose_in_token=purpose in officer.purposes,
    )
