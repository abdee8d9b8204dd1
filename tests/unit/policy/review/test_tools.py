"""Explaining, comparing and rehearsing policy: true sentences, found changes, attributes that survive."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings

from gateway.cli.main import run
from gateway.errors import Malformed
from gateway.views.lines.policy import matrix_lines
from policy.attributes import RecordAttributes
from policy.engine.engine import PolicyEngine
from policy.review.cases import read_case
from policy.review.diff import difference
from policy.review.kept_attributes import question_from, record_from
from policy.review.matrix import as_html, matrix, overview
from policy.review.mutants import mutants, read_country, survivors
from policy.review.reasons import change_sentences, explain_decision
from policy.review.rehearse import Recorded, rehearse
from tests.support.policies import DOCUMENT, KH, NATIONAL, NOW_US, QUESTION, VN, records
from tests.support.tables import table


@pytest.fixture(scope="module")
def vn() -> PolicyEngine:
    return PolicyEngine.load(NATIONAL / "vn", VN)


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    folder = tmp_path / "kh"
    shutil.copytree(NATIONAL / "kh", folder)
    file = folder / "records.cedar"
    text = file.read_text(encoding="utf-8")
    assert "names,birth,nationalities,status" in text
    file.write_text(text.replace("names,birth,nationalities,status", "names,birth,sex,status"), encoding="utf-8")
    return folder


@pytest.mark.long
@settings(max_examples=200)
@given(records)
def test_kept_attributes_are_read_back_as_they_were(record: RecordAttributes) -> None:
    question = question_from(json.loads(json.dumps(record.question.as_json())))
    assert question == record.question
    assert record_from(json.loads(json.dumps(record.as_json())), question) == record


@pytest.mark.parametrize("missing", ["counterpart", "role", "has_case"])
def test_kept_attributes_that_lack_something_are_malformed(missing: str) -> None:
    kept = QUESTION.as_json()
    del kept[missing]
    with pytest.raises(Malformed):
        question_from(kept)


@table("marking", [{}, {"level": "SECRET"}, None, []])
def test_a_kept_marking_that_no_list_knows_is_malformed(marking: object) -> None:
    with pytest.raises(Malformed):
        record_from({**DOCUMENT.as_json(), "marking": marking}, QUESTION)


@settings(max_examples=25, deadline=None)
@given(records)
@pytest.mark.long
def test_what_would_have_to_differ_really_turns_the_decision_around(record: RecordAttributes) -> None:
    engine = PolicyEngine.load(NATIONAL / "vn", VN)
    explained = explain_decision(engine, "release", record, NOW_US)
    assert explained.allow == engine.release(record, NOW_US).decision.allow
    assert [rule.name for rule in explained.rules] == list(engine.release(record, NOW_US).decision.policies)
    assert len(change_sentences(explained.instead)) <= len(explained.instead)
    by_purpose = [change.instead for change in explained.instead if change.attribute == "purpose"]
    for purpose in by_purpose:
        kept = record.question.as_json() | {"purpose": purpose}
        other = record_from(record.as_json(), question_from(kept))
        assert engine.release(other, NOW_US).decision.allow != explained.allow


def test_a_refusal_names_rule_file_line_and_the_purposes_that_would_do(vn: PolicyEngine) -> None:
    case = read_case(NATIONAL / "vn" / "cases" / "prevention-is-not-covered.toml")
    explained = explain_decision(vn, case.action, case.attributes, case.now_us)
    assert not explained.allow
    assert explained.rules[0].name == "base/question-purpose"
    assert explained.rules[0].where.rpartition(":")[0].endswith("question.cedar")
    assert any(
        "`purpose`" in sentence and "`BORDER_CHECK`" in sentence for sentence in change_sentences(explained.instead)
    )


@pytest.mark.long
def test_the_matrix_shows_what_leaves_and_nothing_else(vn: PolicyEngine) -> None:
    rows = matrix(vn, NOW_US)
    border = [row for row in rows if (row.counterpart, row.agency) == ("th", "police")]
    documents = [row for row in border if (row.purpose, row.record_type) == ("BORDER_CHECK", "TravelDocument")]
    assert documents
    assert "status" in documents[0].with_ticket
    assert not [row for row in rows if row.purpose in ("STATISTICS", "TRAINING")]
    page = as_html(rows, VN, "hash", "today")
    assert "<script" not in page
    assert "TravelDocument" in page


@pytest.mark.long
def test_the_matrix_shows_what_leaves_for_one_query_alone(draft: Path) -> None:
    before = {row.record_type for row in matrix(PolicyEngine.load(draft, KH), NOW_US)}
    where = 'principal, action == Action::"release", resource == RecordType::'
    with (draft / "records.cedar").open("a", encoding="utf-8") as file:
        file.write(f'@id("few")\nforbid ({where}"Vehicle")\nunless {{ context.query == Query::"vehicle" }};\n')
        file.write(f'@id("none")\nforbid ({where}"Person");\n')
    after = {row.record_type for row in matrix(PolicyEngine.load(draft, KH), NOW_US)}
    assert before - after == {"Person"}


@pytest.mark.long
def test_the_matrix_begins_with_an_overview_in_words(vn: PolicyEngine) -> None:
    rows = matrix(vn, NOW_US)
    most = {(item.place, item.record_type): item for item in overview(rows)}
    assert {place for place, _ in most} == {f"{row.counterpart}.{row.agency}" for row in rows}
    mine = [row for row in rows if (f"{row.counterpart}.{row.agency}", row.record_type) == ("th.police", "Person")]
    person = most["th.police", "Person"]
    assert person.with_case == len(frozenset[str]().union(*(row.with_case | row.with_ticket for row in mine)))
    assert person.with_ticket <= person.with_case <= person.total
    page = as_html(rows, VN, "hash", "today")
    assert page.index("Overview") < page.index('<h2 id="th.police">')
    assert '<a href="#th.police">Thailand: police (th.police)</a></td>' in page
    assert "border check (BORDER_CHECK)" in page
    lines = [line[0] if isinstance(line, tuple) else line for line in matrix_lines(rows, "")]
    assert "Thailand: th.police" in lines
    assert f"  person (Person): {person.said}" in lines


@pytest.mark.long
def test_a_difference_is_told_in_words_and_in_cases(draft: Path) -> None:
    found = difference(NATIONAL / "kh", draft, KH, NOW_US)
    assert any("national/kh-person" in words and "sex" in words for words in found.words)
    assert "person-four-of-nine" in {change.name for change in found.cases}
    assert difference(draft, draft, KH, NOW_US).words == ()


@pytest.mark.long
def test_a_difference_tells_of_law_hours_quotas_and_annotations(draft: Path) -> None:
    new = draft.parent / "new" / "kh"
    shutil.copytree(draft, new)
    (draft / "quotas.toml").write_text("default = 9\n[in.th]\nBORDER_CHECK = 5\n[out.la]\nPREVENTION = 1\n")
    (new / "quotas.toml").write_text("[in.th]\nBORDER_CHECK = 4\n[out.la]\nPREVENTION = 1\n")
    (new / "hours.toml").write_text("night_from = 22:00:00\nnight_until = 06:30:00\nutc_offset = 420\n")
    law = (new / "law.toml").read_text()
    (new / "law.toml").write_text(re.sub(r"(?m)^OTHER = .*$", "OTHER = { years = 9, death = true }", law, count=1))
    records = (new / "records.cedar").read_text()
    (new / "records.cedar").write_text(records.replace('@show("count")\n', "", 1))
    words = "\n".join(difference(draft, new, KH, NOW_US).words)
    assert "questions from `th` for `BORDER_CHECK`: 4 a day instead of 5 a day" in words
    assert "what no quota names: no limit instead of 9 a day" in words
    assert "out" not in words
    assert "it is night from 15:00 to 23:30 UTC; before, never" in words
    assert "says of OTHER: 9 years or death instead of" in words
    assert "no longer shows how many fields were kept back" in words


def test_a_rehearsal_counts_what_would_newly_leave_and_stay(draft: Path) -> None:
    current, planned = PolicyEngine.load(NATIONAL / "kh", KH), PolicyEngine.load(draft, KH)
    case = read_case(NATIONAL / "kh" / "cases" / "person-four-of-nine.toml")
    assert isinstance(case.attributes, RecordAttributes)
    recorded = Recorded(case.now_us, case.attributes.question, (case.attributes,))
    result = rehearse(current, planned, [recorded] * 3)
    assert result.released == {("th", "Person", "sex"): 3}
    assert result.withheld == {("th", "Person", "nationalities"): 3}
    assert (result.exchanges, result.decisions, result.changes) == (3, 6, 6)
    assert rehearse(current, current, [recorded]).changes == 0


@pytest.mark.long
def test_a_case_that_speaks_of_a_rule_kills_its_mutant() -> None:
    country = read_country(NATIONAL / "kh", KH)
    alive, made = survivors([country])
    assert made > 50
    assert "national/kh-consignment-watched" not in {one.name for one in alive if one.change == "dropped"}
    assert {one.change for one in mutants(country.bundle.national)} >= {
        "permit and forbid exchanged",
        "`when` 1 dropped",
    }


@pytest.mark.long
@pytest.mark.parametrize("command", ["check", "test", "matrix"])
def test_the_commands_speak_json(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["policy", command, str(NATIONAL / "kh"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)


def test_check_lists_every_mistake_with_its_place(draft: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (draft / "more.cedar").write_text('@id("a")\npermit (principal, action == Action::"lern", resource);\n', "utf-8")
    (draft / "agreements" / "other.toml").write_text("id = 1\n", "utf-8")
    assert run(["policy", "check", str(draft), "--json"]) == 1
    places = {problem["where"].rpartition("/")[2] for problem in json.loads(capsys.readouterr().out)["problems"]}
    assert {"more.cedar:2", "other.toml:1"} <= places


def test_check_lists_every_mistake_of_one_policy_and_members_beside_other_mistakes(
    draft: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (draft / "records.cedar").open("a") as file:
        file.write(
            '\n@id("vn-a")\n@fields("names,brith")\n'
            'permit (principal == Member::"sg", action == Action::"release", resource == RecordType::"Person")\n'
            'when { context.purpose == Purpose::"BORDER_CHEK" && context.nightly };\n'
            '@id("vn-b") permit (principal == Member::"sg", action == Action::"answer", resource);\n'
        )
    assert run(["policy", "check", str(draft)]) == 1
    told = capsys.readouterr().out
    assert all(word in told for word in ("`brith`", "BORDER_CHEK", "`nightly`", "`sg` is no party"))
    assert told.count("records.cedar:") == 4


def test_explain_needs_a_case_or_an_exchange(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["policy", "explain"]) == 2
    assert "--case" in capsys.readouterr().err


def test_check_does_not_call_an_empty_folder_good(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["policy", "check", str(tmp_path), "--member", "th"]) == 1
    assert "no policy here" in capsys.readouterr().out


def test_check_names_a_file_that_only_looks_as_if_it_decided(draft: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (draft / "quota.toml").write_text("[in.th]\nBORDER_CHECK = 5\n")
    assert run(["policy", "check", str(draft)]) == 1
    assert "`quota.toml` is no file of a policy" in capsys.readouterr().out


def test_explain_refuses_a_case_without_a_policy_beside_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = tmp_path / "cases" / "document.toml"
    case.parent.mkdir()
    shutil.copyfile(NATIONAL / "th" / "cases" / "document.toml", case)
    assert run(["policy", "explain", "--case", str(case), "--member", "th"]) == 1
    assert "no policy lies beside" in capsys.readouterr().err
