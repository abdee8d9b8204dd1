"""The third answer of policy: what a human may let out, with one person or two, and what not even a human may."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.errors import Misconfigured
from gateway.model.decision import Human
from gateway.model.marking import Caveat, Marking, SubjectCategory
from gateway.model.names import MemberId
from gateway.records.types import RECORD_TYPES
from policy.attributes import RecordAttributes
from policy.bundle.bundle import File, load_bundle, read_files
from policy.engine.engine import PolicyEngine
from tests.support.policies import BASE, DOCUMENT, NATIONAL, NOW_US, QUESTION, VN, records
from tests.support.tables import table

CASE = replace(QUESTION, purpose="INVESTIGATION", offence="TIP", has_case=True)
PERSON = replace(DOCUMENT, record_type="Person", category=SubjectCategory.SUSPECT, question=CASE)
EVERY = frozenset(RECORD_TYPES["Person"].fields)
OPEN = """
@id("questions")
permit (principal, action in [Action::"ask", Action::"send", Action::"answer", Action::"learn"], resource);
@id("records") @fields("*") @show("count")
permit (principal, action == Action::"release", resource);
"""
PERSON_RULE = 'permit (principal, action == Action::"release", resource == RecordType::"Person");'


def engine(*rules: str, toml: str = "", member: MemberId = VN) -> PolicyEngine:
    """An engine of Viet Nam's agreements and law, with these rules."""
    files = {name: file for name, file in read_files(NATIONAL / "vn").items() if not name.endswith(".cedar")}
    files["rules.cedar"] = File(Path("rules.cedar"), "\n".join(rules).encode())
    if toml:
        files["desk.toml"] = File(Path("desk.toml"), toml.encode())
    return PolicyEngine(load_bundle(read_files(BASE), files, member), member)


def marked(*caveats: Caveat, **changes: Any) -> RecordAttributes:
    marking = Marking(caveats=frozenset(caveats), releasable_to=frozenset({"th", "th.police"}))
    return replace(PERSON, marking=marking, **changes)


def test_a_permit_with_a_human_adds_fields_that_no_machine_lets_out() -> None:
    rule = f'@id("names") @fields("names") {PERSON_RULE} @id("more") @human("duty") @fields("phones,addresses") '
    release = engine(OPEN.partition('@id("records")')[0], rule + PERSON_RULE).release(marked(), NOW_US)
    assert release.decision.allow
    assert release.fields == {"names"}
    assert (release.human, release.with_human, release.two) == (
        Human.DUTY,
        frozenset({"names", "phones", "addresses"}),
        frozenset(),
    )
    assert release.withheld["phones"] == "national/more"
    assert release.withheld["sex"] == "national/default"


def test_of_several_permits_the_strictest_holds() -> None:
    rule = (
        f'@id("one") @human("duty") @fields("phones,names") {PERSON_RULE} @id("two") @human("two") @fields("phones") '
    )
    release = engine(OPEN, rule + PERSON_RULE).release(marked(), NOW_US)
    assert release.fields == EVERY - {"phones", "names"}
    assert (release.human, release.two, release.with_human) == (Human.TWO, frozenset({"phones"}), EVERY)


@pytest.mark.parametrize(
    ("record", "code", "human", "two"),
    [
        (marked(Caveat.JUVENILE), "needs-human", Human.TWO, EVERY),
        (marked(Caveat.COURT_ORDER), "needs-court", Human.NONE, frozenset()),
    ],
)
def test_the_base_policy_names_the_reason(
    record: RecordAttributes, code: str, human: Human, two: frozenset[str]
) -> None:
    release = engine(OPEN).release(record, NOW_US)
    assert not release.decision.allow
    assert not release.hide
    assert (release.decision.code, release.human, release.two) == (code, human, two)


def test_where_the_offence_may_cost_a_life_a_human_decides_and_the_asker_learns_why() -> None:
    cn = PolicyEngine.load(NATIONAL / "cn", MemberId("cn"))
    question = replace(CASE, offence="NARC", agreement="mekong-drugs-2026")
    record = replace(PERSON, question=question, owner="narcotics", marking=Marking(releasable_to=frozenset({"th"})))
    release = cn.release(record, NOW_US)
    assert (release.decision.allow, release.decision.code, release.fields) == (False, "needs-assurance", frozenset())
    given = cn.release_by_human(record, NOW_US)
    assert {"names", "birth"} <= given.fields
    assert given.takes({"names"}) is Human.DUTY
    assert given.takes({"names", "addresses"}) is Human.TWO


@pytest.mark.parametrize("caveat", [Caveat.SAFETY, Caveat.PROTECT_SOURCE, Caveat.JUVENILE])
def test_whatever_a_human_lets_out_of_these_takes_two_persons(caveat: Caveat) -> None:
    question = replace(CASE, purpose="VICTIM_PROTECTION")
    given = engine(OPEN).release_by_human(marked(caveat, question=question), NOW_US)
    assert given.fields
    assert given.two == given.fields
    assert given.takes({"names"}) is Human.TWO
    assert ("addresses" in given.fields) == (caveat is not Caveat.SAFETY)


def test_a_record_that_must_not_be_known_stays_hidden_also_where_a_human_could_release_it() -> None:
    for record in (marked(Caveat.SAFETY), marked(category=SubjectCategory.WITNESS)):
        release = engine(OPEN).release(record, NOW_US)
        assert release.hide
        assert not release.decision.allow
        assert release.human is Human.TWO


def test_what_even_a_human_may_not_release_says_why() -> None:
    opened = engine(OPEN)
    assert opened.release_by_human(marked(Caveat.COURT_ORDER), NOW_US).code == "needs-court"
    never = engine(OPEN, '@id("never") forbid (principal, action == Action::"release", resource);')
    assert never.release_by_human(marked(), NOW_US).code == "policy-denies"
    wrong = replace(PERSON, question=replace(CASE, purpose="PREVENTION"))
    given = opened.release_by_human(wrong, NOW_US)
    assert (given.fields, given.code) == (frozenset(), "purpose-not-covered")
    hidden = opened.release_by_human(marked(Caveat.HIDDEN_FOR_OPERATION), NOW_US)
    assert (hidden.fields, hidden.hide) == (frozenset(), True)


def test_a_withheld_field_is_withheld_from_humans_too() -> None:
    rule = '@id("kept") @withhold("phones") forbid (principal, action == Action::"release", '
    rule += 'resource == RecordType::"Person");'
    more = f'@id("more") @human("duty") @fields("phones") {PERSON_RULE}'
    release = engine(OPEN, rule, more).release(marked(), NOW_US)
    assert "phones" not in release.with_human
    assert release.human is Human.NONE


ANY = 'permit (principal, action == Action::"release", resource);'


@table(
    ("annotations", "rule", "line", "words"),
    [
        ('@human("four")\n@fields("*")', ANY, 2, "`four`"),
        ('@human("")\n@fields("*")', ANY, 2, "@human"),
        ('@human("duty")', ANY.replace("permit", "forbid"), 2, "@human"),
        ('@human("duty")', ANY.replace("release", "answer"), 2, "@human"),
        ('@code("needs-human")', ANY.replace("permit", "forbid"), 2, "needs-human"),
        ('@human("duty")\n@code("case-missing")\n@fields("*")', ANY, 3, "case-missing"),
    ],
)
def test_a_bad_annotation_fails_at_load(annotations: str, rule: str, line: int, words: str) -> None:
    with pytest.raises(Misconfigured, match=words) as caught:
        engine(f'@id("x")\n{annotations}\n{rule}')
    assert caught.value.where.endswith(f":{line}")


@pytest.mark.long
@settings(max_examples=40)
@given(record=records, human=st.sampled_from(["duty", "two"]))
def test_a_permit_with_a_human_never_widens_what_leaves_by_itself(record: RecordAttributes, human: str) -> None:
    before, after = _OPEN.release(record, NOW_US), _MORE[human].release(record, NOW_US)
    assert after.fields <= before.fields
    assert not after.decision.allow or before.decision.allow
    assert after.hide or not before.hide


_OPEN = engine(OPEN)
_MORE = {
    human: engine(
        OPEN, f'@id("more") @human("{human}") @fields("*") permit (principal, action == Action::"release", resource);'
    )
    for human in ("duty", "two")
}
