"""Who can get what a source holds: true of every question that policy can tell apart, and with its reason if no one."""

from __future__ import annotations

import re
import shutil
from functools import cache
from itertools import product
from pathlib import Path

import pytest

from gateway.model.marking import Marking, SubjectCategory
from gateway.model.names import member_id
from gateway.model.purpose import Offence, Purpose
from gateway.model.query import QueryKind
from gateway.records.types import RECORD_TYPES
from policy.attributes import QuestionAttributes, RecordAttributes
from policy.engine.engine import PolicyEngine
from policy.review.reach import CASE, TICKET, Held, Reach, reach
from tests.support.policies import NATIONAL, NOW_US

EVERYBODY = frozenset({"cn", "kh", "la", "mm", "th", "vn"})
ALL_QUERIES = frozenset(kind.value for kind in QueryKind)


def held(record_type: str, owner: str = "police", **other: object) -> Held:
    profiles = [(Marking(releasable_to=EVERYBODY), SubjectCategory.UNKNOWN)]
    values = {"fields": frozenset(RECORD_TYPES[record_type].fields), "queries": ALL_QUERIES, "profiles": profiles}
    return Held(record_type, owner, **{**values, **other})  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return shutil.copytree(NATIONAL / "th", tmp_path / "th")


def found(folder: Path, *records: Held, now_us: int = NOW_US) -> list[Reach]:
    return reach(PolicyEngine.load(folder, member_id("th")), records, now_us)


def add(folder: Path, text: str) -> None:
    with (folder / "records.cedar").open("a", encoding="utf-8") as file:
        file.write(f"\n{text}\n")


def drop(folder: Path, record_type: str) -> None:
    """Forbid a record type to everybody."""
    where = f'resource == RecordType::"{record_type}"'
    add(folder, f'@id("th-none")\nforbid (principal, action == Action::"release", {where});')


@pytest.mark.long
def test_a_type_that_leaves_is_told_with_agreement_rule_recipients_and_purposes(folder: Path) -> None:
    (crossing,) = found(folder, held("BorderCrossing", "immigration"))
    assert {(way.agreement, way.recipients) for way in crossing.ways} == {
        ("gms-border-2026", ("kh", "vn")),
        ("la-th-border-2026", ("la",)),
        ("mm-th-border-2026", ("mm",)),
    }
    assert {way.rules for way in crossing.ways} == {("national/th-crossing",)}
    assert {way.needs for way in crossing.ways} == {CASE}
    assert "INVESTIGATION" in crossing.ways[0].purposes
    assert "to kh, vn for BORDER_CHECK" in crossing.briefly[0]


@pytest.mark.long
def test_a_rule_that_keeps_fields_back_is_not_told_as_one_that_lets_them_out(folder: Path) -> None:
    (person,) = found(folder, held("Person"))
    ways = [way for way in person.ways if "CUSTOMS_CONTROL" in way.purposes]
    assert ways
    for way in ways:
        assert "national/th-person-customs" not in way.rules
        assert "national_ids" not in way.fields


@pytest.mark.long
@pytest.mark.parametrize(
    ("record", "problem", "remedy"),
    [
        (held("Person", "navy"), "no agreement names `th.navy`", "`agencies`"),
        (held("Alert", "customs"), "no agreement that names `th.customs` covers records of Alert", "`record_types`"),
        (held("Person", profiles=[(Marking(), SubjectCategory.UNKNOWN)]), "names no recipient", "`releasable_to`"),
        (
            held("Person", profiles=[(Marking(releasable_to=frozenset({"sg"})), SubjectCategory.UNKNOWN)]),
            "its marking names none of",
            "`releasable_to`",
        ),
        (held("Person", queries=frozenset()), "it is found by nothing", "by one of container, document, national_id"),
        (held("CaseReference", "customs", queries=frozenset()), "covers records of CaseReference", "`record_types`"),
        (held("Person", fields=frozenset({"remarks"})), "the mapping fills none of them", "fill"),
        (held("Alert", "police"), "no rule of the national policy permits it", 'RecordType::"Alert"'),
    ],
)
def test_a_type_that_nobody_can_get_is_told_with_its_reason(
    folder: Path, record: Held, problem: str, remedy: str
) -> None:
    (one,) = found(folder, record)
    assert one.ways == ()
    assert problem in one.problem
    assert remedy in one.remedy


@pytest.mark.long
def test_a_rule_that_forbids_a_type_is_named(folder: Path) -> None:
    drop(folder, "Vehicle")
    (vehicle,) = found(folder, held("Vehicle"))
    assert (vehicle.ways, "by national/th-none" in vehicle.problem) == ((), True)
    assert vehicle.remedy.startswith('take `RecordType::"Vehicle"` out of national/th-none')


@pytest.mark.long
@pytest.mark.parametrize("owner", ["police", "customs"])
@pytest.mark.parametrize("record_type", ["Seizure", "Person", "Vehicle"])
def test_what_is_found_by_its_case_alone_leaves_once_the_mapping_finds_it_otherwise(
    folder: Path, record_type: str, owner: str
) -> None:
    """No permit outdoes the base policy, which answers questions for a case with references alone."""
    by_case = held(record_type, owner, queries=frozenset({"case_reference"}))
    (one,) = found(folder, by_case)
    assert one.ways == ()
    told = re.fullmatch(rf"let the mapping find it by one of (.+): `\[record.search\]` of {record_type}", one.remedy)
    assert told is not None, one.remedy
    ways = told[1].split(", ")
    assert "report" not in ways
    for query in ways:
        (after,) = found(folder, held(record_type, owner, queries=frozenset({"case_reference", query})))
        assert after.ways, query


def test_agreements_that_are_over_open_no_way(folder: Path) -> None:
    (person,) = found(folder, held("Person"), now_us=NOW_US + 5 * 366 * 86_400_000_000)
    assert (person.ways, person.problem.endswith("not in force now")) == ((), True)


@pytest.mark.parametrize(
    "condition",
    [
        'context.requester.role == Role::"supervisor"',
        'context.requester.office == "vn.blo.moc-bai"',
        'context.requester.agency == "customs"',
        'context.offence == Offence::"WILD"',
        "context.night",
        "context.law.serious && !context.law.death",
        'context.query == Query::"container"',
        'context.purpose == Purpose::"MISSING_PERSON" && context.hasTicket',
    ],
)
@pytest.mark.long
def test_one_way_is_found_however_narrow_it_is(folder: Path, condition: str) -> None:
    (folder / "hours.toml").write_text("night_from = 22:00:00\nnight_until = 05:00:00\nutc_offset = 420\n")
    where = 'resource == RecordType::"Vehicle"'
    add(folder, f'@id("th-few")\nforbid (principal, action == Action::"release", {where})\nunless {{ {condition} }};')
    (vehicle,) = found(folder, held("Vehicle"))
    assert vehicle.ways


@pytest.mark.long
def test_what_is_told_is_what_the_policy_says_to_every_asker() -> None:
    """Every role and offence, asked one by one, gets a field exactly where a way is told.

    Of the purposes that an agreement does not cover, one stands for all: it opens no way.
    """
    engine = PolicyEngine.load(NATIONAL / "cn", member_id("cn"))
    agreements = {one.id: one for one in engine.agreements}
    for record_type in ("Person", "Seizure", "ModusOperandiReport"):
        record = held(record_type, "narcotics")
        (one,) = reach(engine, [record], NOW_US)
        told = {
            (way.agreement, way.needs, purpose, name.partition(".")[0])
            for way in one.ways
            for purpose in way.purposes
            for name in way.recipients
        }
        real = set()
        for name, agreement in agreements.items():
            recipients = [each.partition(".") for each in agreement.agencies if not each.startswith("cn.")]
            uncovered = next(purpose for purpose in Purpose if purpose.value not in agreement.purposes)
            purposes = [*(purpose for purpose in Purpose if purpose.value in agreement.purposes), uncovered]
            for (member, _, agency), purpose, needs in product(recipients, purposes, (TICKET, CASE)):
                if any_field(engine, record, member, agency, purpose.value, name, needs):
                    real.add((name, needs, purpose.value, member))
        assert {(name, purpose, member) for name, _, purpose, member in told} == {
            (name, purpose, member) for name, _, purpose, member in real
        }


@cache
def _may_answer(engine: PolicyEngine, question: QuestionAttributes) -> bool:
    return engine.may_answer(question, NOW_US).allow


def any_field(
    engine: PolicyEngine, record: Held, member: str, agency: str, purpose: str, agreement: str, needs: str
) -> bool:
    for role, offence, query in product(engine.bundle.roles, Offence, QueryKind):
        question = QuestionAttributes(
            counterpart=member_id(member),
            role=role,
            agency=agency,
            office=f"{member}.office",
            query=query.value,
            purpose=purpose,
            offence=offence.value,
            agreement=agreement,
            has_case=needs == CASE,
            has_ticket=needs == TICKET,
        )
        if not _may_answer(engine, question):
            continue
        ((marking, category),) = record.profiles
        attributes = RecordAttributes(question, record.record_type, record.owner, marking, category)
        if engine.release(attributes, NOW_US).fields & record.fields:
            return True
    return False
