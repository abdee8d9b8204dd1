"""The tools of policy know the third answer: explain, matrix, diff, rehearse, mutants."""

from __future__ import annotations

import shutil
from dataclasses import replace as changed
from pathlib import Path

import pytest

from gateway.model.decision import Human
from gateway.views.lines.policy import explained_lines, matrix_lines
from policy.engine.engine import PolicyEngine
from policy.review.cases import read_case
from policy.review.diff import difference
from policy.review.matrix import as_html, matrix, overview
from policy.review.mutants import mutants, read_country, survivors
from policy.review.reach import Held, reach
from policy.review.reasons import explain_decision
from policy.review.rehearse import Recorded, rehearse
from tests.support.policies import NATIONAL, NOW_US, VN

CASE = "human-adds-for-an-investigation"


@pytest.fixture(scope="module")
def vn() -> PolicyEngine:
    return PolicyEngine.load(NATIONAL / "vn", VN)


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    """Viet Nam's folder in which two persons decide on what identifies a person, and no one on warnings."""
    folder = Path(shutil.copytree(NATIONAL / "vn", tmp_path / "vn"))
    path = folder / "records.cedar"
    text = path.read_text(encoding="utf-8")
    old = '@human("duty")\n@fields("national_ids,addresses,warnings")'
    assert old in text
    path.write_text(text.replace(old, '@human("two")\n@fields("national_ids,addresses")'), encoding="utf-8")
    return folder


def test_explain_says_what_waits_for_whom_and_by_which_rule(vn: PolicyEngine) -> None:
    case = read_case(NATIONAL / "vn" / "cases" / f"{CASE}.toml")
    found = explain_decision(vn, case.action, case.attributes, case.now_us)
    assert (found.human, found.with_human, found.two) == (Human.DUTY, ("addresses", "national_ids", "warnings"), ())
    lines = [line if isinstance(line, str) else line[0] for line in explained_lines([(CASE, found)])]
    assert "  waits:  addresses, for a human, by national/vn-person-by-human" in lines
    assert not any(line.startswith("  stays:  addresses") for line in lines)


def test_explain_says_that_two_persons_decide(vn: PolicyEngine) -> None:
    la = PolicyEngine.load(NATIONAL / "la", "la")  # type: ignore[arg-type]
    case = read_case(NATIONAL / "la" / "cases" / "minor-at-the-gate.toml")
    found = explain_decision(la, case.action, case.attributes, case.now_us)
    assert found.outcome == "A human decides on this record."
    assert [rule.effect for rule in found.rules] == ["permits with two persons"]
    lines = [line if isinstance(line, str) else line[0] for line in explained_lines([("", found)])]
    assert "  waits:  names, for two persons, by base/release-minor" in lines


def test_explain_knows_notices(vn: PolicyEngine) -> None:
    case = read_case(NATIONAL / "vn" / "cases" / "desk-question-without-a-case.toml")
    found = explain_decision(vn, case.action, case.attributes, case.now_us)
    assert {one.attribute for one in found.instead} == {"has_case", "has_hit"}
    taken = read_case(NATIONAL / "vn" / "cases" / "desk-follow-up-is-taken.toml")
    assert (
        explain_decision(vn, taken.action, taken.attributes, taken.now_us).outcome == "The notice from `th` is taken."
    )


@pytest.mark.long
def test_the_matrix_shows_what_a_human_may_let_out(vn: PolicyEngine) -> None:
    rows = matrix(vn, NOW_US)
    row = next(
        one
        for one in rows
        if (one.record_type, one.purpose, one.subject) == ("Person", "INVESTIGATION", "ordinary")
        and one.agency == "police"
        and one.counterpart == "th"
    )
    assert row.with_human == {"national_ids", "addresses", "warnings"}
    assert row.with_human.isdisjoint(row.with_case | row.with_ticket)
    assert '<td class="human">human</td>' in as_html(rows, VN, "", "")
    lines = [line if isinstance(line, str) else line[0] for line in matrix_lines(rows, "")]
    assert "  with a human:  addresses, national_ids, warnings" in lines
    assert all(item.with_case for item in overview(rows))


@pytest.mark.long
def test_a_difference_tells_who_decides_now(draft: Path) -> None:
    found = difference(NATIONAL / "vn", draft, VN, NOW_US)
    assert (
        "the policy `national/vn-person-by-human` permits addresses, national_ids with two persons; before, it permits "
        "addresses, national_ids, warnings with a human"
    ) in found.words
    assert any(
        change.needs == "a human who lets it out" and change.fields == ("warnings",) and not change.leaves
        for change in found.released
    )
    assert {change.part for change in found.cases if change.name == CASE} == {"human", "with_human", "two"}


@pytest.mark.long
def test_a_difference_tells_of_the_rules_of_the_desk(draft: Path) -> None:
    (draft / "desk.toml").write_text(
        "[clock.hit]\nFLASH = 10\n[limits]\nalert_hours = 24\n[evidence]\npasskey = true\n"
        "[files]\nbare_pictures = true\n"
    )
    words = difference(NATIONAL / "vn", draft, VN, NOW_US).words
    assert "the desk gives a human 10 minutes instead of 15 minutes for a FLASH hit" in words
    assert "an alert is in force for 24 hours instead of 72 hours" in words
    assert "a decision now needs a passkey in any case" in words
    assert "pictures now lose camera, place and time in any case" in words


def test_a_rehearsal_counts_what_a_human_could_let_out(vn: PolicyEngine, draft: Path) -> None:
    case = read_case(NATIONAL / "vn" / "cases" / f"{CASE}.toml")
    record = case.attributes
    asked = [Recorded(case.now_us, record.question, (record,))]  # type: ignore[union-attr, arg-type]
    result = rehearse(vn, PolicyEngine.load(draft, VN), asked)
    assert list(result.without_human) == [("th", "Person", "warnings")]
    assert sum(result.with_human.values()) == 0
    assert result.changes == 1
    back = rehearse(PolicyEngine.load(draft, VN), vn, asked)
    assert list(back.with_human) == [("th", "Person", "warnings")]


@pytest.mark.long
def test_a_case_that_speaks_of_the_human_kills_the_mutant_that_drops_it() -> None:
    country = read_country(NATIONAL / "vn", VN)
    name = "national/vn-person-by-human"
    dropped = [
        one for one in mutants(country.bundle.national) if one.name == name and one.change == "the human dropped"
    ]
    assert len(dropped) == 1
    speaking = changed(country, cases=[case for case in country.cases if case.name == CASE])
    assert dropped[0] not in survivors([speaking])[0]
    silent = changed(country, cases=[])
    assert dropped[0] in survivors([silent])[0]


@pytest.mark.long
def test_what_only_a_human_lets_out_is_told_of_a_source(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(NATIONAL / "vn", tmp_path / "vn"))
    path = folder / "records.cedar"
    text = path.read_text(encoding="utf-8").replace('@id("vn-person")\n', '@id("vn-person")\n@human("duty")\n')
    path.write_text(
        text.replace(
            '@show("count")\npermit (principal, action == Action::"release", resource == RecordType::"Person");',
            'permit (principal, action == Action::"release", resource == RecordType::"Person");',
        ),
        encoding="utf-8",
    )
    engine = PolicyEngine.load(folder, VN)
    case = read_case(NATIONAL / "vn" / "cases" / f"{CASE}.toml").attributes
    profile = (case.marking, case.category)  # type: ignore[union-attr]
    held = Held("Person", "immigration", frozenset({"names"}), frozenset({"person"}), [profile])
    (found,) = reach(engine, [held], NOW_US)
    assert found.problem == "only a human lets anything out, in answer to a follow-up: names"
