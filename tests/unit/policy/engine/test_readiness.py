"""A policy is made ready before it comes into force: nothing comes out otherwise by that, and nothing of it is late."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.model.names import MemberId
from gateway.recent import Recent
from policy.attributes import DeskAttributes, RecordAttributes
from policy.engine import engine as engine_module
from policy.engine.engine import PolicyEngine, ReadyPolicies
from tests.support.policies import DOCUMENT, MEMBERS, NATIONAL, NOW_US, QUESTION, records

ASK = DeskAttributes(
    counterpart=MemberId("th"), ours=False, type="ask", says="hit", urgency="FLASH", to_office="", to_life=False,
    role="officer", agency="police", office="th.blo.main", purpose="INVESTIGATION", offence="TIP",
    agreement="gms-border-2026", has_case=True, has_ticket=False, has_hit=True,
)  # fmt: skip
DAY_US = 86_400_000_000
EVERY = sorted(path.name for path in NATIONAL.iterdir() if path.is_dir())


@cache
def ready(member: str) -> PolicyEngine:
    engine = PolicyEngine.load(NATIONAL / member, MemberId(member))
    assert engine.make_ready(None, NOW_US) > 100
    return engine


@pytest.fixture
def night(tmp_path: Path) -> Path:
    """Viet Nam's policy, with night from 20:00 to 05:00 UTC, in which nothing leaves."""
    folder = tmp_path / "vn"
    shutil.copytree(NATIONAL / "vn", folder)
    (folder / "hours.toml").write_text("night_from = 20:00:00\nnight_until = 05:00:00\nutc_offset = 0\n")
    rule = '\n@id("vn-asleep")\nforbid (principal, action == Action::"release", resource) when { context.night };\n'
    with (folder / "records.cedar").open("a") as file:
        file.write(rule)
    return folder


@pytest.mark.parametrize("member", EVERY)
@settings(deadline=None)
@given(drawn=st.lists(records, min_size=2, max_size=6))
@pytest.mark.long
def test_a_ready_policy_says_what_one_says_that_is_not(member: str, drawn: list[RecordAttributes]) -> None:
    fresh = PolicyEngine.load(NATIONAL / member, MemberId(member))
    for record in drawn:
        assert ready(member).release(record, NOW_US) == fresh.release(record, NOW_US)
        assert ready(member).may_answer(record.question, NOW_US) == fresh.may_answer(record.question, NOW_US)
        assert ready(member).may_send(record.question, NOW_US) == fresh.may_send(record.question, NOW_US)


@pytest.mark.long
@pytest.mark.parametrize("member", MEMBERS)
def test_the_first_decisions_of_a_ready_policy_need_no_question_to_cedar(
    member: MemberId, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = PolicyEngine.load(NATIONAL / member, member)
    engine.make_ready(None, NOW_US)
    asked: list[Any] = []
    monkeypatch.setattr(engine._evaluator, "_matching", lambda *args: asked.append(args))
    for record in covered(engine):
        engine.release(record, NOW_US)
        engine.may_answer(record.question, NOW_US)
        engine.may_send(record.question, NOW_US)
    assert not asked


def covered(engine: PolicyEngine) -> Iterator[RecordAttributes]:
    """What agreements cover: each purpose, offence, record type, query and caveat."""
    for agreement in engine.agreements:
        other = MemberId(min(agreement.parties - {engine.member}))
        question = replace(QUESTION, counterpart=other, agreement=agreement.id)
        for record_type in agreement.record_types:
            for purpose in agreement.purposes:
                for offence in agreement.offences:
                    asked = replace(question, purpose=purpose, offence=offence, query=min(agreement.queries))
                    yield replace(DOCUMENT, question=asked, record_type=record_type)


def test_what_the_policy_before_decided_last_is_kept_by_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "AGAIN", 3)
    before, engine = (PolicyEngine.load(NATIONAL / "vn", MemberId("vn")) for _ in range(2))
    asked = [replace(DOCUMENT, question=replace(QUESTION, office=f"th.blo.o{number}")) for number in range(5)]
    for record in asked:
        before.release(record, NOW_US)
        before.may_answer(record.question, NOW_US)
    engine.make_ready(before, NOW_US)
    assert [key in engine._releases.recent(10) for key in asked] == [False, False, True, True, True]
    assert [("answer", key.question) in engine._decisions.recent(10) for key in asked] == [
        False,
        False,
        True,
        True,
        True,
    ]


def test_nothing_is_taken_over_from_the_policy_of_another_member() -> None:
    before, engine = (
        PolicyEngine.load(NATIONAL / "kh", MemberId("kh")),
        PolicyEngine.load(NATIONAL / "vn", MemberId("vn")),
    )
    before.release(DOCUMENT, NOW_US)
    engine.make_ready(before, NOW_US)
    assert not engine._releases.recent(10)


@pytest.mark.long
def test_a_stricter_policy_is_not_softened_by_what_was_decided_before(night: Path) -> None:
    before, engine = (PolicyEngine.load(folder, MemberId("vn")) for folder in (NATIONAL / "vn", night))
    at_night = NOW_US - NOW_US % DAY_US + 22 * 3_600_000_000
    assert before.release(DOCUMENT, at_night).decision.allow
    engine.make_ready(before, at_night)
    assert not engine.release(DOCUMENT, at_night).decision.allow


def test_what_was_worked_out_by_day_does_not_last_into_the_night(night: Path) -> None:
    before, engine = (PolicyEngine.load(night, MemberId("vn")) for _ in range(2))
    midnight = NOW_US - NOW_US % DAY_US
    last, first = midnight + 20 * 3_600_000_000 - 1, midnight + 20 * 3_600_000_000
    assert before.release(DOCUMENT, last).decision.allow
    engine.make_ready(before, last)
    assert engine.release(DOCUMENT, last).decision.allow
    assert not engine.release(DOCUMENT, first).decision.allow


def test_what_was_worked_out_does_not_outlive_the_agreement() -> None:
    before, engine = (PolicyEngine.load(NATIONAL / "vn", MemberId("vn")) for _ in range(2))
    (agreement,) = (one for one in engine.agreements if one.id == QUESTION.agreement)
    last = agreement.validity.until_us - 1
    assert before.release(DOCUMENT, last).decision.allow
    engine.make_ready(before, last)
    assert engine.release(DOCUMENT, last).decision.allow
    assert not engine.release(DOCUMENT, last + 1).decision.allow


def test_the_work_ends_when_it_is_told_to() -> None:
    engine = PolicyEngine.load(NATIONAL / "vn", MemberId("vn"))
    steps = iter([True, True, False])
    assert engine.make_ready(None, NOW_US, lambda: next(steps)) == 3


@pytest.mark.long
def test_a_policy_that_was_made_ready_in_this_process_asks_cedar_nothing_ahead(night: Path) -> None:
    known: ReadyPolicies = Recent(16)
    first, again = (PolicyEngine.load(NATIONAL / "vn", MemberId("vn")) for _ in range(2))
    asked = first.make_ready(None, NOW_US, known=known)
    assert asked > 100
    assert again.make_ready(None, NOW_US, known=known) == 0
    assert PolicyEngine.load(night, MemberId("vn")).make_ready(None, NOW_US, known=known) >= asked, "by its content"
    assert PolicyEngine.load(NATIONAL / "kh", MemberId("kh")).make_ready(None, NOW_US, known=known) > 100
    for record in covered(first):
        assert again.release(record, NOW_US) == first.release(record, NOW_US)
        assert again.may_answer(record.question, NOW_US) == first.may_answer(record.question, NOW_US)


def test_what_one_engine_learns_from_requests_comes_to_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    known: ReadyPolicies = Recent(16)
    for _ in range(3):
        engine = PolicyEngine.load(NATIONAL / "vn", MemberId("vn"))
        engine.make_ready(None, NOW_US, known=known)
        asked: list[Any] = []
        matching = engine._evaluator._matching
        monkeypatch.setattr(engine._evaluator, "_matching", lambda *args, a=asked, m=matching: a.append(1) or m(*args))
        for office in ("th.blo.main", "th.blo.other"):
            engine.may_desk(replace(ASK, office=office), NOW_US)
        assert len(asked) == 1, "no notice is asked for ahead, and each engine learns for itself"


def test_a_policy_that_was_half_made_ready_is_not_taken_for_a_ready_one() -> None:
    known: ReadyPolicies = Recent(16)
    steps = iter([True, False])
    PolicyEngine.load(NATIONAL / "vn", MemberId("vn")).make_ready(None, NOW_US, lambda: next(steps), known)
    assert not known
    assert PolicyEngine.load(NATIONAL / "vn", MemberId("vn")).make_ready(None, NOW_US, known=known) > 100
