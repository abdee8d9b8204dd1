"""What is decided ahead: every profile of a source, once for each question and policy."""

from __future__ import annotations

from msgspec.structs import replace

from gateway.exchange.answering.constant_work import MAX_PROFILES, ConstantWork, decoy
from gateway.model.hit import SearchResult, SourceRecord
from gateway.model.marking import Caveat, Marking, SubjectCategory
from gateway.model.query import Query, QueryKind
from gateway.model.strictness import Strictness
from gateway.ports.sources import Profile, SourceDescription
from policy.attributes import RecordAttributes
from policy.engine.engine import PolicyEngine
from tests.support.policies import KH, NATIONAL, NOW_US, QUESTION

HIDDEN = Marking(caveats=frozenset({Caveat.HIDDEN_FOR_OPERATION}), releasable_to=frozenset({"th"}))
PROFILES: list[Profile] = [
    ("Person", Marking(releasable_to=frozenset({"th"})), SubjectCategory.SUSPECT),
    ("Person", HIDDEN, SubjectCategory.SUSPECT),
    ("Vehicle", HIDDEN, SubjectCategory.OWNER),
]


class Counted:
    """A source that counts how often its profiles are asked for."""

    def __init__(self, profiles: list[Profile], name: str = "kh.customs") -> None:
        self.found = profiles
        self.times = 0
        types = frozenset(record_type for record_type, _, _ in profiles)
        self._description = SourceDescription(name, "customs", "customs records", frozenset(QueryKind), types)

    def describe(self) -> SourceDescription:
        return self._description

    def search(self, query: Query, deadline: float, strictness: Strictness = Strictness.USUAL) -> SearchResult:
        raise AssertionError("nothing is searched here")

    def fetch(self, key: str, record_type: str, deadline: float) -> SourceRecord:
        raise AssertionError("nothing is fetched here")

    def health(self) -> str:
        return ""

    def profiles(self) -> list[Profile]:
        self.times += 1
        return self.found


def kept(engine: PolicyEngine) -> int:
    return len(engine._releases)


def test_every_profile_is_decided_before_anything_is_found() -> None:
    engine, profiles = PolicyEngine.load(NATIONAL / "kh", KH), Counted(PROFILES)
    ConstantWork().decide_ahead(engine, QUESTION, profiles, NOW_US)
    before = kept(engine)
    assert before == len(PROFILES)
    for record_type, marking, category in PROFILES:
        engine.release(RecordAttributes(QUESTION, record_type, "customs", marking, category), NOW_US)
    assert kept(engine) == before


def test_a_question_is_decided_ahead_once_for_each_source_and_policy() -> None:
    engine, profiles, even = PolicyEngine.load(NATIONAL / "kh", KH), Counted(PROFILES), ConstantWork()
    for _ in range(3):
        even.decide_ahead(engine, QUESTION, profiles, NOW_US)
    assert profiles.times == 1
    other = Counted(PROFILES, "kh.other")
    even.decide_ahead(engine, QUESTION, other, NOW_US)
    even.decide_ahead(engine, replace(QUESTION, office="th.blo.other"), profiles, NOW_US)
    assert (profiles.times, other.times) == (2, 1)


def test_a_source_with_very_many_profiles_costs_a_bounded_number() -> None:
    engine = PolicyEngine.load(NATIONAL / "kh", KH)
    many: list[Profile] = [
        ("Person", Marking(releasable_to=frozenset({"th", f"th.unit-{number}"})), SubjectCategory.SUSPECT)
        for number in range(MAX_PROFILES + 10)
    ]
    ConstantWork().decide_ahead(engine, QUESTION, Counted(many), NOW_US)
    assert kept(engine) == MAX_PROFILES


def test_the_decoy_is_nobodys_record() -> None:
    engine = PolicyEngine.load(NATIONAL / "kh", KH)
    assert engine.release(decoy(QUESTION, Counted(PROFILES).describe()), NOW_US).hide
