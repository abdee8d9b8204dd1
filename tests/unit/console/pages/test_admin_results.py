"""What came of long work, as a page shows it: what stops first, remedies, and nothing that was masked."""

from __future__ import annotations

from typing import Any

from gateway.console.frame.shapes import Text
from gateway.console.pages.admin.people import ROLES
from gateway.console.pages.admin.results import result_sections
from gateway.console.pages.admin.sections import Section
from gateway.language.languages import Language
from gateway.model.desk.work import Role
from gateway.ops.console.jobs import Job, JobKind
from tests.support.tables import table


def shown(kind: JobKind, result: dict[str, Any], language: Language = Language.EN, chosen: str = "") -> list[Section]:
    return result_sections(Job("form", kind, "", "th.a.1", 1, 2, result), language, chosen)


def finding(severity: str, text: str, remedy: str = "") -> dict[str, str]:
    return {"check": "clock", "severity": severity, "text": text, "remedy": remedy, "where": "", "code": ""}


def test_what_stops_an_exchange_comes_first_with_its_remedy() -> None:
    found = [finding("good", "fine"), finding("warn", "soon"), finding("stop", "bad", "liaison init")]
    (section,) = shown(JobKind.DOCTOR, {"findings": found})
    assert [value for _, value in section.figures] == ["1", "1", "1"]
    assert [line.tag.tone for line in section.lines] == ["danger", "warn", "done"]
    assert Text("→ liaison init", "en") in section.lines[0].said


def test_a_failure_says_why_and_what_to_do() -> None:
    failure = {"message": "no such home", "where": "/x", "remedy": "liaison init", "code": "no-home"}
    (section,) = result_sections(Job("form", JobKind.CHECK, "", "th.a.1", 1, 2, {}, failure), Language.EN)
    assert section.rows[0].values == (Text("no such home", "en"), Text("/x", "en"), Text("liaison init", "en"))


def test_a_sample_shows_fields_and_not_what_the_record_is_about() -> None:
    result = {
        "type": "Person",
        "row": {"chue": "กกิก", "papers": []},
        "record": {"fields": {"names": [{"text": "กกิก", "script": "Thai"}], "birth": {"value": "9999"}}},
        "about": {"category": "VICTIM"},
        "left_out": "",
    }
    sections = shown(JobKind.SAMPLE, result)
    assert sections[0].rows[0].values == (Text("กกิก", "th"),)
    assert "VICTIM" not in repr(sections)
    assert "Person" in sections[1].title


def test_the_matrix_is_that_of_one_counterpart() -> None:
    row = {
        "agency": "police",
        "purpose": "BORDER_CHECK",
        "record_type": "Person",
        "subject": "ordinary",
        "with_case": ["names"],
        "with_ticket": [],
        "with_human": [],
    }
    rows = [row | {"counterpart": "kh"}, row | {"counterpart": "vn", "agency": "customs"}]
    (section,) = shown(JobKind.MATRIX, {"rows": rows}, chosen="vn")
    assert "Viet Nam" in section.title
    assert [line[0] for line in section.tables[0].rows] == ["customs"]
    assert [link.current for link in section.links] == [False, True]
    (hostile,) = shown(JobKind.MATRIX, {"rows": rows}, chosen="<script>")
    assert "Cambodia" in hostile.title
    (empty,) = shown(JobKind.MATRIX, {"rows": []})
    assert empty.tables == ()


def test_a_proposed_policy_says_what_newly_leaves() -> None:
    leaving = {
        "leaves": True,
        "record_type": "Person",
        "subject": "ordinary",
        "fields": ["names"],
        "needs": "a case",
        "purposes": ["BORDER_CHECK"],
        "recipients": ["kh"],
    }
    difference = {"words": [], "rules": [], "released": [leaving], "cases": []}
    result = {
        "version": 3,
        "signers": ["a"],
        "hash": "ab",
        "against": "version 2",
        "cases": [],
        "difference": difference,
    }
    proposed, changes = shown(JobKind.REVIEW, result)
    assert proposed.banners[0].tone == "warn"  # it carries no case
    assert changes.rows[0].values == (Text("Person: names → kh (BORDER_CHECK)", "en"),)


def test_a_rehearsal_warns_when_more_would_have_left() -> None:
    names = ("released", "withheld", "with_human", "served", "refused", "shown", "hidden")
    counts: dict[str, Any] = {"no_longer_with_human": []} | {f"newly_{name}": [] for name in names}
    about = {"exchanges": 5, "decisions": 9, "changes": 0, "entry": {"index": 3, "log": "operations/1"}}
    (same,) = shown(JobKind.REHEARSE, counts | about)
    assert same.banners[0].tone == "done"
    more = (
        counts | about | {"newly_released": [{"counterpart": "kh", "record_type": "Person", "field": "x", "times": 2}]}
    )
    (warned,) = shown(JobKind.REHEARSE, more)
    assert warned.banners[0].tone == "warn"
    assert warned.rows[0].values == (Text("kh Person x × 2", "en"),)


@table("language", list(Language))
def test_each_role_has_a_word(language: Language) -> None:
    assert set(ROLES) == set(Role)
    (section,) = shown(JobKind.DOCTOR, {"findings": [finding("good", "fine")]}, language)
    assert section.title
    assert language is Language.EN or section.title != "Findings"
