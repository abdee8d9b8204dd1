"""Policy decides ahead on every class of records of a source, once for each question and policy."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from gateway.errors import Unavailable
from gateway.exchange.answering.constant_work import ConstantWork, decoy, search_seen
from gateway.model.hit import SearchResult, SourceRecord
from gateway.model.marking import Caveat, Marking, SubjectCategory
from gateway.model.query import DocumentQuery, Query, QueryKind
from gateway.model.strictness import Strictness
from gateway.ports.sources import CLASSES_CHANGED, RecordClass, Source, SourceDescription, View
from policy.attributes import RecordAttributes
from policy.engine.engine import PolicyEngine
from tests.support.policies import KH, NATIONAL, NOW_US, QUESTION

HIDDEN = Marking(caveats=frozenset({Caveat.HIDDEN_FOR_OPERATION}), releasable_to=frozenset({"th"}))
CLASSES: list[RecordClass] = [
    ("Person", Marking(releasable_to=frozenset({"th"})), SubjectCategory.SUSPECT),
    ("Person", HIDDEN, SubjectCategory.SUSPECT),
    ("Vehicle", HIDDEN, SubjectCategory.OWNER),
]


class Counted:
    """A source that counts how often its classes are asked for, and remembers how it is seen."""

    def __init__(self, classes: list[RecordClass], name: str = "kh.customs") -> None:
        self.found = classes
        self.times = 0
        self.views: list[View] = []
        types = frozenset(record_type for record_type, _, _ in classes)
        self._description = SourceDescription(name, "customs", "customs records", frozenset(QueryKind), types)

    def describe(self) -> SourceDescription:
        return self._description

    def search(self, query: Query, deadline: float, strictness: Strictness = Strictness.USUAL) -> SearchResult:
        raise AssertionError("nothing is searched here")

    def fetch(self, key: str, record_type: str, deadline: float) -> SourceRecord:
        raise AssertionError("nothing is fetched here")

    def health(self) -> str:
        return ""

    def classes(self) -> list[RecordClass]:
        self.times += 1
        return self.found

    def within(self, view: View) -> Source:
        self.views.append(view)
        return self


def kept(engine: PolicyEngine) -> int:
    return len(engine._releases)


def test_every_class_is_decided_before_anything_is_searched() -> None:
    engine, source = PolicyEngine.load(NATIONAL / "kh", KH), Counted(CLASSES)
    ConstantWork().seen(engine, QUESTION, source, NOW_US)
    before = kept(engine)
    assert before == len(CLASSES)
    for record_type, marking, category in CLASSES:
        engine.release(RecordAttributes(QUESTION, record_type, "customs", marking, category), NOW_US)
    assert kept(engine) == before


def test_an_asker_sees_the_classes_that_policy_does_not_hide() -> None:
    engine, source = PolicyEngine.load(NATIONAL / "kh", KH), Counted(CLASSES)
    ConstantWork().seen(engine, QUESTION, source, NOW_US)
    (view,) = source.views
    assert (view.seen, view.decided) == (frozenset(CLASSES[:1]), frozenset(CLASSES))


def test_a_record_type_that_is_switched_off_is_not_seen() -> None:
    engine, source = PolicyEngine.load(NATIONAL / "kh", KH), Counted(CLASSES)
    ConstantWork().seen(engine, QUESTION, source, NOW_US, frozenset({"Person"}))
    assert source.views[0].seen == frozenset()


def test_a_question_is_decided_ahead_once_for_each_source_and_policy() -> None:
    engine, source, even = PolicyEngine.load(NATIONAL / "kh", KH), Counted(CLASSES), ConstantWork()
    for _ in range(3):
        even.seen(engine, QUESTION, source, NOW_US)
    assert source.times == 1
    other = Counted(CLASSES, "kh.other")
    even.seen(engine, QUESTION, other, NOW_US)
    even.seen(engine, replace(QUESTION, office="th.blo.other"), source, NOW_US)
    assert (source.times, other.times) == (2, 1)


def test_what_is_seen_is_decided_again_when_the_time_of_a_decision_is_over() -> None:
    engine, source, even = PolicyEngine.load(NATIONAL / "kh", KH), Counted(CLASSES), ConstantWork()
    even.seen(engine, QUESTION, source, NOW_US)
    _, window = engine.shown(QUESTION, "customs", CLASSES, NOW_US)
    even.seen(engine, QUESTION, source, window.until_us - 1)
    assert source.times == 1
    even.seen(engine, QUESTION, source, window.until_us)
    assert source.times == 2


def test_a_class_that_comes_up_is_decided_on_and_searched_for_and_never_passed_over() -> None:
    def see(anew: bool) -> Source:
        asked.append(anew)
        return Counted(CLASSES)

    changed = Unavailable("records of another class came up", code=CLASSES_CHANGED)
    asked: list[bool] = []
    steps = search_seen(see, DocumentQuery("AA1"), Strictness.USUAL)
    next(steps)
    steps.throw(changed)
    with pytest.raises(StopIteration) as end:
        steps.send(SearchResult())
    assert (end.value.value, asked) == (SearchResult(), [False, True])

    steps = search_seen(see, DocumentQuery("AA1"), Strictness.USUAL)
    next(steps)
    steps.throw(changed)
    steps.throw(changed)
    with pytest.raises(Unavailable):
        steps.throw(changed)


def test_the_decoy_is_nobodys_record() -> None:
    engine = PolicyEngine.load(NATIONAL / "kh", KH)
    assert engine.release(decoy(QUESTION, Counted(CLASSES).describe()), NOW_US).hide
