"""What is decided ahead: every profile of a source, once for each question and policy."""

from __future__ import annotations

from dataclasses import replace

from gateway.exchange.evenness import MAX_PROFILES, Evenness, decoy
from gateway.model.marking import Caveat, Marking, SubjectCategory
from gateway.ports import Profile
from policy.attributes import RecordAttributes
from policy.engine import PolicyEngine
from tests.support.policies import KH, NATIONAL, NOW_US, QUESTION

HIDDEN = Marking(caveats=frozenset({Caveat.HIDDEN_FOR_OPERATION}), releasable_to=frozenset({"th"}))
PROFILES: list[Profile] = [
    ("Person", Marking(releasable_to=frozenset({"th"})), SubjectCategory.SUSPECT),
    ("Person", HIDDEN, SubjectCategory.SUSPECT),
    ("Vehicle", HIDDEN, SubjectCategory.OWNER),
]


class Counted:
    """The profiles of a source, and how often they were asked for."""

    def __init__(self, profiles: list[Profile]) -> None:
        self.found = profiles
        self.times = 0

    def __call__(self) -> list[Profile]:
        self.times += 1
        return self.found


def kept(engine: PolicyEngine) -> int:
    return len(engine._releases)


def test_every_profile_is_decided_before_anything_is_found() -> None:
    engine, profiles = PolicyEngine.load(NATIONAL / "kh", KH), Counted(PROFILES)
    Evenness().decide_ahead(engine, QUESTION, "kh.customs", "customs", profiles, NOW_US)
    before = kept(engine)
    assert before == len(PROFILES)
    for record_type, marking, category in PROFILES:
        engine.release(RecordAttributes(QUESTION, record_type, "customs", marking, category), NOW_US)
    assert kept(engine) == before


def test_a_question_is_decided_ahead_once_for_each_source_and_policy() -> None:
    engine, profiles, even = PolicyEngine.load(NATIONAL / "kh", KH), Counted(PROFILES), Evenness()
    for _ in range(3):
        even.decide_ahead(engine, QUESTION, "kh.customs", "customs", profiles, NOW_US)
    assert profiles.times == 1
    even.decide_ahead(engine, QUESTION, "kh.other", "customs", profiles, NOW_US)
    even.decide_ahead(engine, replace(QUESTION, office="th.blo.other"), "kh.customs", "customs", profiles, NOW_US)
    assert profiles.times == 3


def test_a_source_with_very_many_profiles_costs_a_bounded_number() -> None:
    engine = PolicyEngine.load(NATIONAL / "kh", KH)
    many: list[Profile] = [
        ("Person", Marking(releasable_to=frozenset({"th", f"th.unit-{number}"})), SubjectCategory.SUSPECT)
        for number in range(MAX_PROFILES + 10)
    ]
    Evenness().decide_ahead(engine, QUESTION, "kh.customs", "customs", Counted(many), NOW_US)
    assert kept(engine) == MAX_PROFILES


def test_the_decoy_is_nobodys_record() -> None:
    engine = PolicyEngine.load(NATIONAL / "kh", KH)
    assert engine.release(decoy(QUESTION, "Person", "customs"), NOW_US).hide
