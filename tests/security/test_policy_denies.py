"""What policy promises whatever a national folder says (CASE-F; domain, section 3.1)."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.errors import Misconfigured
from gateway.model.decision import Release
from gateway.model.marking import Caveat, Marking, SubjectCategory
from gateway.model.names import MemberId
from gateway.records.types import RECORD_TYPES
from policy.attributes import QuestionAttributes, RecordAttributes
from policy.bundle.bundle import File, load_bundle, read_files
from policy.engine.engine import PolicyEngine
from policy.explain import sentence
from tests.support.policies import BASE, DOCUMENT, KH, NATIONAL, NOW_US, QUESTION, TH, VN, questions, records
from tests.support.tables import table

PERSON = replace(DOCUMENT, record_type="Person", category=SubjectCategory.SUSPECT)
OPEN_NATIONAL = """
@id("all-questions")
permit (principal, action in [Action::"ask", Action::"send", Action::"answer", Action::"learn"], resource);
@id("all-records") @fields("*") @show("count")
permit (principal, action == Action::"release", resource);
"""
NEVER = '@id("never") forbid (principal, action == Action::"release", resource == RecordType::"Person");'
CONDITIONS = (
    'context.purpose == Purpose::"BORDER_CHECK"',
    "context.hasCase",
    'context.category == Category::"TRAVELLER"',
    'context.marking.caveats.contains(Caveat::"NOTIP")',
    'principal == Member::"th"',
    "context.named.unit",
)


@pytest.fixture(scope="module")
def vn() -> PolicyEngine:
    return PolicyEngine.load(NATIONAL / "vn", VN)


def _engine(national: dict[str, str], base: dict[str, str] | None = None) -> PolicyEngine:
    """An engine of Viet Nam's agreements, its law and these policies; `base` adds to the base policy."""
    files = {name: file for name, file in read_files(NATIONAL / "vn").items() if not name.endswith(".cedar")}
    files |= {name: File(Path(name), text.encode()) for name, text in national.items()}
    below = read_files(BASE) | {name: File(Path(name), text.encode()) for name, text in (base or {}).items()}
    return PolicyEngine(load_bundle(below, files, VN), VN)


def _open_base() -> dict[str, File]:
    files = {name: file for name, file in read_files(BASE).items() if not name.endswith(".cedar")}
    return files | {"open.cedar": File(Path("open.cedar"), OPEN_NATIONAL.encode())}


def _wider(one: Release, other: Release) -> bool:
    """Whether `one` lets out or tells anything that `other` does not."""
    return (
        (one.decision.allow and not other.decision.allow)
        or (other.hide and not one.hide)
        or not one.fields <= other.fields
    )


def test_f1_an_empty_national_policy_denies_everything() -> None:
    engine = _engine({})
    assert engine.may_answer(QUESTION, NOW_US).policies == ("national/default",)
    assert not engine.may_send(QUESTION, NOW_US).allow
    assert engine.hides(DOCUMENT, NOW_US)
    assert engine.release(DOCUMENT, NOW_US).fields == frozenset()


def test_f1_an_empty_base_policy_denies_everything() -> None:
    files = {name: file for name, file in read_files(BASE).items() if not name.endswith(".cedar")}
    engine = PolicyEngine(load_bundle(files, read_files(NATIONAL / "vn"), VN), VN)
    assert engine.may_answer(QUESTION, NOW_US).policies == ("base/default",)
    assert not engine.release(DOCUMENT, NOW_US).decision.allow


@settings(max_examples=40)
@given(
    record=records,
    condition=st.sampled_from(CONDITIONS),
    withhold=st.booleans(),
    opposite=st.booleans(),
)
def test_f2_a_forbid_more_never_widens(
    vn: PolicyEngine, record: RecordAttributes, condition: str, withhold: bool, opposite: bool
) -> None:
    scope = f'resource == RecordType::"{record.record_type}"' if withhold else "resource"
    field = RECORD_TYPES[record.record_type].fields[0]
    annotation = f'@withhold("{field}")' if withhold else ""
    clause = "unless" if opposite else "when"
    forbid = (
        f'@id("more") {annotation} forbid (principal, action == Action::"release", {scope}) {clause} {{ {condition} }};'
    )
    folder = {name: file.text for name, file in read_files(NATIONAL / "vn").items()}
    more = _engine({**folder, "more.cedar": forbid})
    assert not _wider(more.release(record, NOW_US), vn.release(record, NOW_US))


@given(record=records)
def test_base_and_national_together_are_never_wider_than_either(vn: PolicyEngine, record: RecordAttributes) -> None:
    together = vn.release(record, NOW_US)
    assert not _wider(together, _OPEN.release(record, NOW_US))
    assert not _wider(together, _NATIONAL_ALONE.release(record, NOW_US))
    assert together.fields.isdisjoint(together.withheld)
    if together.decision.allow:
        assert {name.partition("/")[0] for name in together.decision.policies} == {"base", "national"}


_OPEN = _engine({"open.cedar": OPEN_NATIONAL})
_NATIONAL_ALONE = PolicyEngine(load_bundle(_open_base(), read_files(NATIONAL / "vn"), VN), VN)


@given(question=questions)
def test_a_national_policy_that_permits_all_is_still_held_by_the_base_policy(question: QuestionAttributes) -> None:
    decision = _OPEN.may_answer(question, NOW_US)
    agreement = _OPEN.agreements.get(question.agreement)
    covered = (
        agreement is not None
        and question.counterpart != VN
        and question.purpose in agreement.purposes
        and question.offence in agreement.offences
        and f"{question.counterpart}.{question.agency}" in agreement.agencies
        and question.role != "nobody"
    )
    assert covered or not decision.allow


@table("field", ["role", "query", "purpose", "offence"])
@table("value", ["", "ANYTHING", 'x"; permit', "BORDER_CHECK ", "Ｂ", "\x00"])
def test_f3_an_unknown_value_denies(vn: PolicyEngine, field: str, value: str) -> None:
    for engine in (vn, _OPEN):
        unknown: dict[str, Any] = {field: value}
        question = replace(QUESTION, **unknown)
        assert not engine.may_answer(question, NOW_US).allow
        assert not engine.release(replace(DOCUMENT, question=question), NOW_US).decision.allow


@pytest.mark.parametrize("part", ["level", "use", "caveats", "category", "record_type"])
def test_f3_an_unknown_marking_denies_and_hides(part: str) -> None:
    """RULE-MARKING-9: an unknown marking value means deny."""
    unknown: Any = "SECRET" if part in ("level", "category", "record_type") else frozenset({"SECRET"})
    in_record = part in ("category", "record_type")
    changes = {part: unknown}
    record = replace(DOCUMENT, **changes if in_record else {"marking": replace(DOCUMENT.marking, **changes)})
    assert _OPEN.hides(record, NOW_US)
    assert not _OPEN.release(record, NOW_US).decision.allow


def test_f4_an_active_member_without_an_agreement_gets_nothing(vn: PolicyEngine) -> None:
    stranger = replace(QUESTION, counterpart=MemberId("la"), office="la.blo.houayxay")
    assert vn.may_answer(stranger, NOW_US).code == "not-a-party"
    assert vn.may_answer(replace(stranger, agreement=""), NOW_US).code == "agreement-unknown"
    assert vn.may_send(replace(stranger, agency="immigration"), NOW_US).code == "not-a-party"
    assert not _OPEN.may_answer(stranger, NOW_US).allow


@pytest.mark.parametrize("name", ["marking", "caveats", "onward", "not_after", "owner"])
def test_f6_dropping_handling_data_is_refused_at_load(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "vn"
    shutil.copytree(NATIONAL / "vn", folder)
    path = folder / "records.cedar"
    path.write_text(path.read_text(encoding="utf-8").replace('"last_crossing"', f'"{name}"'), encoding="utf-8")
    with pytest.raises(Misconfigured, match=rf"records\.cedar:\d+: `{name}` is handling data"):
        PolicyEngine.load(folder, VN)


@pytest.mark.parametrize("part", ["purpose", "offence", "counterpart", "agreement"])
def test_rule_4_purpose_offence_recipient_and_agreement_must_all_permit(vn: PolicyEngine, part: str) -> None:
    bad: dict[str, Any] = {
        "purpose": "PREVENTION",
        "offence": "HERESY",
        "counterpart": MemberId("la"),
        "agreement": "other",
    }
    question = replace(QUESTION, **{part: bad[part]})
    assert vn.release(DOCUMENT, NOW_US).decision.allow
    assert not vn.release(replace(DOCUMENT, question=question), NOW_US).decision.allow


@pytest.mark.parametrize("caveat", [Caveat.NO_TIP_OFF, Caveat.PROTECT_SOURCE, Caveat.HIDDEN_FOR_OPERATION])
def test_rule_5_a_denied_quiet_record_is_hidden(caveat: Caveat) -> None:
    engine = _engine({"open.cedar": OPEN_NATIONAL + NEVER})
    quiet = replace(PERSON, marking=replace(PERSON.marking, caveats=frozenset({caveat})))
    assert engine.release(quiet, NOW_US).hide
    assert not engine.release(PERSON, NOW_US).hide


@given(record=records, question=questions)
def test_rule_5_hiding_never_depends_on_what_the_asker_can_choose(
    vn: PolicyEngine, record: RecordAttributes, question: QuestionAttributes
) -> None:
    """Purpose, offence, case, ticket, query and agreement may be anything."""
    chosen = replace(
        record.question,
        purpose=question.purpose,
        offence=question.offence,
        query=question.query,
        agreement=question.agreement,
        has_case=question.has_case,
        has_ticket=question.has_ticket,
    )
    assert vn.hides(replace(record, question=chosen), NOW_US) == vn.hides(record, NOW_US)


def test_rule_6_immigration_administration_is_no_purpose(vn: PolicyEngine) -> None:
    assert not vn.may_answer(replace(QUESTION, purpose="IMMIGRATION_ADMIN"), NOW_US).allow


@given(record=records)
def test_rule_7_nothing_reaches_whom_it_is_withheld_from(record: RecordAttributes) -> None:
    question = record.question
    names = {question.counterpart, f"{question.counterpart}.{question.agency}"}
    if names & record.marking.withhold_from:
        release = _OPEN.release(record, NOW_US)
        assert release.hide
        assert not release.fields


@given(record=records)
def test_a_marking_that_does_not_name_the_recipient_hides(record: RecordAttributes) -> None:
    question = record.question
    names = {question.counterpart, f"{question.counterpart}.{question.agency}", question.office}
    if not names & record.marking.releasable_to:
        assert _OPEN.hides(record, NOW_US)


@pytest.mark.parametrize(
    "category", [SubjectCategory.VICTIM, SubjectCategory.POTENTIAL_VICTIM, SubjectCategory.WITNESS]
)
def test_victims_are_hidden_but_for_protection_by_a_unit_that_the_owner_named(category: SubjectCategory) -> None:
    protection = replace(QUESTION, purpose="VICTIM_PROTECTION", offence="TIP", has_case=True)
    named = Marking(caveats=frozenset({Caveat.SAFETY}), releasable_to=frozenset({"th.police"}))
    victim = replace(PERSON, question=protection, category=category)
    assert _OPEN.release(victim, NOW_US).hide
    assert not _OPEN.release(replace(victim, marking=named), NOW_US).hide
    assert "addresses" in _OPEN.release(replace(victim, marking=named), NOW_US).withheld
    other = replace(victim, marking=named, question=replace(protection, purpose="INVESTIGATION"))
    assert _OPEN.release(other, NOW_US).hide


@given(record=records, caveat=st.sampled_from(Caveat))
def test_a_caveat_more_never_widens(vn: PolicyEngine, record: RecordAttributes, caveat: Caveat) -> None:
    marking = replace(record.marking, caveats=record.marking.caveats | {caveat})
    assert not _wider(vn.release(replace(record, marking=marking), NOW_US), vn.release(record, NOW_US))


def test_rule_10_each_refusal_has_a_code_and_words(vn: PolicyEngine) -> None:
    refused = replace(QUESTION, purpose="PREVENTION")
    decision = vn.may_answer(refused, NOW_US)
    assert decision.code == "purpose-not-covered"
    assert "prevention" in sentence(decision.code, refused)


def test_the_members_of_an_agreement_do_not_change_sides() -> None:
    kh = PolicyEngine.load(NATIONAL / "kh", KH)
    assert not kh.may_answer(replace(QUESTION, counterpart=KH, agency="customs"), NOW_US).allow
    # It names customs of Cambodia, and police of Thailand.
    drugs = replace(
        QUESTION, agreement="mekong-drugs-2026", counterpart=TH, purpose="INVESTIGATION", offence="NARC", has_case=True
    )
    assert kh.may_answer(replace(drugs, agency="police"), NOW_US).allow
    assert kh.may_answer(replace(drugs, agency="customs"), NOW_US).code == "not-a-party"
