"""Making a policy ready before it comes into force, so that its first decisions are no dearer than later ones.

Two things are worked out on the thread that loads it:

1. Cedar is asked ahead what the policies can come to, for each record type and query that an agreement covers
   (`policy.engine.memory`);
2. what the policy before it decided last is decided anew, so that after a change the requests that come find their
   decisions kept, and Cedar has seen what is really asked here.

Each decision is made for the time at which it is worked out, and kept for as long as any other one: never beyond the
moment at which an agreement, or day and night, begins or ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from gateway.model.marking import Caveat, Level, Marking, Onward, SubjectCategory, UseCode
from gateway.model.names import MemberId, member_id
from gateway.model.purpose import Offence, Purpose
from gateway.model.query import QueryKind
from gateway.records.types import RECORD_TYPES
from policy.attributes import AskAttributes, LearnAttributes, QuestionAttributes, RecordAttributes
from policy.bundle.agreements import Covers
from policy.bundle.law import LawCovers
from policy.bundle.reads import PRINCIPAL
from policy.engine.cache import ALWAYS
from policy.engine.engine import PolicyEngine
from policy.engine.request import LISTED, Request, Setting, ask_request, learn_request, question_request, record_request
from policy.engine.slices import Domains

AGAIN = 500
"""Decisions of each kind that are made again after a change: those that were used last."""

MOST = 512
"""Combinations of values that Cedar is asked for, of policies that read the same attributes."""

GoOn = Callable[[], bool]
"""Called after each decision: may wait a moment, so that other threads get their turn; False ends the work."""


def make_ready(engine: PolicyEngine, before: PolicyEngine | None, now_us: int, go_on: GoOn = lambda: True) -> int:
    """Work ahead for `engine`, which follows `before`; how many decisions were worked out."""
    done = 0
    for _ in _steps(engine, before, now_us):
        done += 1
        if not go_on():
            break
    return done


def _steps(engine: PolicyEngine, before: PolicyEngine | None, now_us: int) -> Iterator[None]:
    counterparts = frozenset[str]().union(*(one.parties for one in engine.agreements)) - {engine.member}
    members = [member_id(name) for name in sorted(counterparts)]
    if members:
        words = _words(engine)
        for sample, askers, answerers in _samples(engine, members):
            known = {**words, "Member": answerers}
            domains = {path: _domain(path, value, known) for path, value in sample.context.items()}
            yield from engine.ask_ahead(sample, {**domains, PRINCIPAL: askers}, MOST)
    if before is not None and before.member == engine.member:
        yield from engine.decide_again(before, AGAIN, now_us)


def _samples(
    engine: PolicyEngine, counterparts: Sequence[MemberId]
) -> Iterator[tuple[Request, Sequence[MemberId], Sequence[MemberId]]]:
    """A request of each kind that an agreement covers, with who can ask and who can answer it."""
    own, other = engine.member, counterparts[0]
    covers, at = Covers(), Setting(LawCovers(), False, ALWAYS)
    types = frozenset[str]().union(*(one.record_types for one in engine.agreements))
    queries = frozenset[str]().union(*(one.queries for one in engine.agreements))
    for record_type in sorted(types.intersection(RECORD_TYPES)):
        record = RecordAttributes(_question(other, ""), record_type, "", Marking())
        yield learn_request(LearnAttributes.of(record)), counterparts, [own]
        yield record_request(record, own, covers, (False, False), at), counterparts, [own]
    for query in sorted(queries):
        question = _question(other, query)
        yield question_request("answer", question, other, own, covers, at), counterparts, [own]
        yield question_request("send", question, own, other, covers, at), [own], counterparts
        asked = AskAttributes("", "", "", query, "", "", has_case=False, has_ticket=False, purpose_in_token=False)
        yield ask_request(asked, own), [own], counterparts


def _question(counterpart: MemberId, query: str) -> QuestionAttributes:
    return QuestionAttributes(counterpart, "", "", "", query, "", "", "", has_case=False, has_ticket=False)


def _words(engine: PolicyEngine) -> Domains:
    """The words of the closed lists, by type; of texts, by path: agencies that an agreement names, and none."""
    named = frozenset[str]().union(*(one.agencies for one in engine.agreements))
    agencies = [*sorted({name.partition(".")[2] for name in named}), ""]
    return {
        "Role": engine.bundle.roles,
        "Purpose": [item.value for item in Purpose],
        "Offence": [item.value for item in Offence],
        "Query": [item.value for item in QueryKind],
        "Category": list(SubjectCategory),
        "Level": list(Level),
        "Use": list(UseCode),
        "Caveat": list(Caveat),
        "Onward": list(Onward),
        "requester.agency": agencies,
        "agency": agencies,
        "owner": [*sorted(name for name in named if name.startswith(f"{engine.member}.")), ""],
    }


def _domain(path: str, value: Any, words: Domains) -> Sequence[Any]:
    if isinstance(value, bool):
        return (False, True)
    return words.get(LISTED.get(path, path), ("",))
