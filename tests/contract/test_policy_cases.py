"""The cases of the national folders hold, their bad twins do not load, and each policy decides at least one case."""

from __future__ import annotations

from collections import defaultdict
from enum import StrEnum
from pathlib import Path

import pytest

from gateway.errors import Misconfigured
from gateway.model.desk.notices import (
    About,
    ChangeCode,
    NoticeType,
    OutcomeCode,
    ReplyCode,
    ServiceCode,
    StatusCode,
    Urgency,
)
from gateway.model.desk.rooms import RoomCode
from gateway.model.desk.watches import WatchCode
from gateway.model.marking import Caveat, Level, Marking, Onward, SubjectCategory, UseCode
from gateway.model.names import MemberId
from gateway.model.purpose import Offence, Purpose
from gateway.model.query import QueryKind
from gateway.records.types import RECORD_TYPES
from policy.attributes import NOTHING_SAID
from policy.bundle.bundle import SCHEMA, listed_values, load_bundle, read_files
from policy.engine.engine import PolicyEngine
from policy.review.cases import read_case, run_case, run_cases, run_twins
from policy.review.mutants import read_country, survivors
from tests.support.policies import BASE, NATIONAL, NOW_US
from tests.support.tables import table

CASES = sorted(NATIONAL.glob("*/cases/*.toml"))
COUNTRIES = [MemberId(path.name) for path in sorted(NATIONAL.iterdir())]


@pytest.fixture(scope="module")
def engines() -> dict[str, PolicyEngine]:
    return {member: PolicyEngine.load(NATIONAL / member, member) for member in COUNTRIES}


@table("path", CASES, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_a_case_holds(path: Path, engines: dict[str, PolicyEngine]) -> None:
    result = run_case(engines[path.parts[-3]], read_case(path))
    assert not result.problems


@table("member", COUNTRIES)
def test_a_bad_twin_does_not_load_and_the_error_names_line_and_term(member: MemberId) -> None:
    results = run_twins(NATIONAL / member, member)
    assert len(results) >= 4
    assert [(result.name, result.problems) for result in results if result.problems] == []


def test_each_policy_decides_at_least_one_case() -> None:
    used = {name for member in COUNTRIES for one in run_cases(NATIONAL / member, member) for name in one.policies}
    for member in COUNTRIES:
        bundle = load_bundle(read_files(BASE), read_files(NATIONAL / member), member)
        assert set(bundle.base.by_name) | set(bundle.national.by_name) <= used


def test_the_parties_hold_the_same_agreement() -> None:
    texts: dict[str, set[bytes]] = defaultdict(set)
    holders: dict[str, set[str]] = defaultdict(set)
    for path in NATIONAL.glob("*/agreements/*.toml"):
        texts[path.stem].add(path.read_bytes())
        holders[path.stem].add(path.parts[-3])
    for member in COUNTRIES:
        for agreement in PolicyEngine.load(NATIONAL / member, member).agreements:
            assert holders[agreement.id] == agreement.parties
    assert all(len(same) == 1 for same in texts.values())


def test_there_are_cases_enough_for_six_countries() -> None:
    assert len(COUNTRIES) == 6
    assert len(CASES) >= 150


def test_each_mistake_in_a_policy_makes_a_case_fail() -> None:
    alive, made = survivors([read_country(NATIONAL / member, member) for member in COUNTRIES])
    assert [(one.name, one.change) for one in alive] == []
    assert made > 250


@table(
    ("name", "values"),
    [
        ("Query", QueryKind),
        ("Purpose", Purpose),
        ("Offence", Offence),
        ("Level", Level),
        ("Use", UseCode),
        ("Caveat", Caveat),
        ("Onward", Onward),
        ("Category", SubjectCategory),
        ("Notice", NoticeType),
        ("Urgency", Urgency),
    ],
)
def test_the_schema_lists_what_the_model_lists(name: str, values: type[StrEnum]) -> None:
    assert _listed(name) == [value.value for value in values]


def test_the_schema_lists_the_record_types() -> None:
    assert _listed("RecordType") == list(RECORD_TYPES)


def test_the_schema_lists_what_notices_say() -> None:
    """What an ask is about and all codes, each once."""
    kinds: list[type[StrEnum]] = [
        *(About, ReplyCode, StatusCode, ChangeCode, OutcomeCode),
        *(ServiceCode, RoomCode, WatchCode),
    ]
    assert _listed("Says") == [NOTHING_SAID, *dict.fromkeys(value.value for kind in kinds for value in kind)]


def _listed(name: str) -> list[str]:
    return list(listed_values((BASE / SCHEMA).read_text(encoding="utf-8"), name))


def test_each_record_type_and_covered_purpose_has_a_time_of_retention(engines: dict[str, PolicyEngine]) -> None:
    for engine in engines.values():
        for agreement in engine.agreements:
            for purpose in agreement.purposes:
                for kind in RECORD_TYPES:
                    assert engine.release_marking(Marking(), kind, purpose, NOW_US).purposes == {purpose}


def test_a_case_with_an_unknown_key_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "case.toml"
    path.write_text(CASES[0].read_text(encoding="utf-8").replace("allow =", "alow ="), encoding="utf-8")
    with pytest.raises(Misconfigured, match=r"case\.toml:\d+: unknown key `alow`"):
        read_case(path)
