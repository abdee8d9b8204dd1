"""Every citation in code, tests and documents leads to something in `docs/`, and what does not is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.citations import defined, find_unresolved

PAGE = """\
# Cases

| id | what |
|---|---|
| <a id="CASE-A1"></a>CASE-A1 | a case |
| <a id="CASE-B12"></a>CASE-B12 | another one |
| <a id="DUTY-L24"></a>DUTY-L24 | a duty |
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A project with two cases, one duty, two sections and a decision."""
    for folder in ("docs/decisions", "gateway", "tests"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "docs" / "cases.md").write_text(PAGE)
    (tmp_path / "docs" / "design.md").write_text("# Design\n\n## 1. Words\n\n## 7. Log\n")
    (tmp_path / "docs" / "domain.md").write_text("# Domain\n\n## 3. Marking\n\n### 3.1 Rules\n")
    (tmp_path / "docs" / "decisions" / "0012-index.md").write_text("# 0012: the index\n")
    return tmp_path


@pytest.mark.long
def test_every_citation_of_this_repository_resolves() -> None:
    assert find_unresolved() == []


def test_the_documents_define_all_duties_promises_facts_rules_and_groups_of_cases() -> None:
    expected = {f"CASE-{group}" for group in "ABCDEFGHIJKLM"} | {f"CASE-{group}1" for group in "ABCDEFGHIJKLM"}
    for kind, last in (("DUTY-L", 27), ("THREAT-T", 18), ("FACT-", 20), ("MEASURED-", 11), ("INVARIANT-", 6)):
        expected |= {f"{kind}{number}" for number in range(1, last + 1)}
    for kind, last in (("RULE-MARKING-", 10), ("RULE-NAMES-", 13)):
        expected |= {f"{kind}{number}" for number in range(1, last + 1)}
    assert expected <= set(defined())


@pytest.mark.parametrize(
    "text",
    [
        '"""It says so (CASE-A1 to CASE-B12; DUTY-L24)."""\n',
        "# CASE-B12, in the design, section 7, and the\n# design, sections 1\n# and 7\n",
        '"""Markings (domain, sections 3 and 3.1)."""\n',
        '"""Why: decision 0012."""\n',
        "def test_a1_b12_it_is_refused() -> None: ...\n",
        "def test_duty_l24_it_is_noted() -> None: ...\n",
        'CODES = ("K5", "A4")  # `A4` is a size of paper\n',
        "ids = ['CASE-A1-without-certificate']\n",
    ],
)
def test_what_resolves_is_not_named(tree: Path, text: str) -> None:
    (tree / "tests" / "test_it.py").write_text(text)
    assert find_unresolved(tree) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"""It says so (CASE-Z9)."""\n', "`CASE-Z9` is defined nowhere"),
        ("\n# since DUTY-24\n", "`DUTY-24` is defined nowhere"),
        ("X = 1  # design, section 8\n", "`docs/design.md` has no section 8"),
        ('"""The design, sections 1\nand 9."""\n', "`docs/design.md` has no section 9"),
        ('"""Markings (domain, section 3.7)."""\n', "`docs/domain.md` has no section 3.7"),
        ('"""Why: decision 0099."""\n', "there is no decision `0099` (four digits)"),
        ('"""Why: decision 12."""\n', "there is no decision `12` (four digits)"),
        ("def test_k9_it_hangs() -> None: ...\n", "a test is named after `CASE-K9`, which is defined nowhere"),
        ("def test_duty_l9_it() -> None: ...\n", "a test is named after `DUTY-L9`, which is defined nowhere"),
        ('"""As threats.md says."""\n', "`threats.md` is a paper outside the repository"),
        ("# ../shared/house/plan.md\n", "`shared/house/plan.md` is a paper outside the repository"),
        ('"""A1."""\n', "`A1` does not say of what: a case, a duty, an invariant"),
        ("# refused (fact 9)\n", "`fact 9` is an older form: `FACT-13`, `CASE-E`"),
    ],
)
def test_what_leads_nowhere_is_named_with_its_place(tree: Path, text: str, expected: str) -> None:
    (tree / "gateway" / "it.py").write_text(text)
    [found] = find_unresolved(tree)
    assert re.fullmatch(rf"gateway/it\.py:\d: {re.escape(expected)}", found)


def test_documents_and_contracts_are_read_too(tree: Path) -> None:
    (tree / "docs" / "guide.md").write_text("See [the domain](domain.md), `K5`, CASE-A1, and L7.\n")
    (tree / "proto").mkdir()
    (tree / "proto" / "a.proto").write_text("// As CASE-C1 asks.\n")
    assert find_unresolved(tree) == [
        "proto/a.proto:1: `CASE-C1` is defined nowhere",
        "docs/guide.md:1: `L7` does not say of what: a case, a duty, an invariant",
    ]


def test_an_id_that_is_defined_twice_is_named(tree: Path) -> None:
    (tree / "docs" / "more.md").write_text('<a id="CASE-A1"></a>CASE-A1\n')
    assert find_unresolved(tree) == ["docs/cases.md, docs/more.md: `CASE-A1` is defined 2 times"]
