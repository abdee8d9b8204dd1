"""The lists of cases and duties in the threat model name every case once, with tests that exist or a reason."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.views.pack.words import ABOUT_OURS, TITLES
from tests.support.tables import table

TESTS = Path(__file__).parents[2]
DOCS = TESTS.parent / "docs"
PAGE = (DOCS / "threat-model.md").read_text(encoding="utf-8")
DEFINED = re.findall(r'<a id="CASE-([A-N]\d+)"></a>', (DOCS / "threat-cases.md").read_text(encoding="utf-8"))

CASES = {
    "A": "1 2 3 4 5 6 7 8 9 10 11 15 17 18",
    "B": "1 2 3 4 5 7 9 10 12 13 14",
    "C": "1 2 3 5 7 8 9 10 11 12 14",
    "D": "1 2 3 4 5 9 10 11 12",
    "E": "1 2 3 7 8 10 11 12",
    "F": "1 2 3 4 6 7 9 11 12 13",
    "G": "1 2 3 4 5 6 7 11 13 17 18 19 20 21 23",
    "H": "1 2 3 4 5 6 7 8 10 13 14",
    "I": "1 2 4 5 6 7 10 12",
    "J": "1 2 5 6 7 8 9 10 11 12 13 15",
    "K": "1 2 4 5 6 8 10",
    "L": "1 2 4 5 6 7 9 11 13",
    "M": " ".join(str(number) for number in range(1, 27)),
    "N": " ".join(
        str(number)
        for number in (
            *range(1, 112),
            114,
            *range(116, 173),
            *range(180, 193),
            *range(197, 200),
            *range(203, 207),
            210,
            *range(211, 233),
            240,
            241,
            *range(245, 249),
            *range(250, 255),
            *range(270, 275),
            *range(280, 283),
            285,
            286,
            290,
            291,
            292,
            293,
            295,
            *range(311, 318),
        )
    ),
}
"""Every attack that was ever listed: a case that goes from the documents is missed here."""

DUTIES = [f"L{number}" for number in range(1, 28)]
NO_TEST = re.compile(r"no test: \S.{14,}")


def rows(heading: str, page: str = PAGE) -> dict[str, str]:
    """The rows of the tables under a heading, by their first cell: what is done, and the tests."""
    section = page.partition(f"\n## {heading}")[2].partition("\n## ")[0]
    found = re.findall(r"^\| (?:CASE|DUTY)-([A-Z][0-9]+) \| (.+) \|$", section, re.MULTILINE)
    assert len({name for name, _ in found}) == len(found)
    return dict(found)


def unproved(found: dict[str, str], tests: Path = TESTS) -> Iterator[str]:
    """Each row of a case that has neither tests nor a reason, and each test that is named and does not exist."""
    for case, row in found.items():
        proof = row.rpartition(" | ")[2]
        named = re.findall(r"`([^`]*::[^`]*)`", proof)
        if not named and not NO_TEST.fullmatch(proof):
            yield f"{case}: neither a test nor `no test: the reason`"
        for name in named:
            file, _, function = name.partition("::")
            path = tests / f"{file}.py"
            if not path.is_file() or not re.search(rf"\bdef {re.escape(function)}\(", path.read_text("utf-8")):
                yield f"{case}: {name} does not exist"


def test_every_case_that_was_ever_listed_is_defined() -> None:
    assert [f"{group}{number}" for group, numbers in CASES.items() for number in numbers.split()] == DEFINED


@pytest.mark.parametrize(("heading", "names"), [("Cases and their tests", DEFINED), ("Duties of", DUTIES)])
def test_every_case_stands_there_once_and_in_order(heading: str, names: list[str]) -> None:
    assert list(rows(heading)) == names


@pytest.mark.long
def test_every_case_has_tests_that_exist_or_a_reason() -> None:
    assert list(unproved(rows("Cases and their tests"))) == []


def test_the_tests_of_duties_exist() -> None:
    assert [line for line in unproved(rows("Duties of")) if line.endswith("does not exist")] == []


@table(
    "proof",
    [
        "",
        "later",
        "no test:",
        "no test: -",
        "`security/test_it`",
        "`security/test_it::test_of_something_else`",
        "`security/test_gone::test_x1`",
        "`security/test_it::test_it_holds`, `security/test_it::test_it`",
    ],
)
def test_a_case_without_a_test_or_a_reason_is_named(tmp_path: Path, proof: str) -> None:
    (tmp_path / "security").mkdir()
    (tmp_path / "security" / "test_it.py").write_text("def test_it_holds() -> None: ...\n")
    found = rows("Cases", f"\n## Cases\n\n| CASE-A1 | what is done | {proof} |\n")
    assert len(list(unproved(found, tmp_path))) == 1
    good = rows("Cases", "\n## Cases\n\n| CASE-A1 | done | `security/test_it::test_it_holds` |\n")
    assert list(unproved(good, tmp_path)) == []


def test_every_test_of_a_duty_stands_in_the_list() -> None:
    listed = rows("Duties of")
    for name in re.findall(r"def (test_duty_l\d+_\w+)", (TESTS / "federation" / "test_duties.py").read_text("utf-8")):
        number = name.removeprefix("test_duty_").partition("_")[0].upper()
        assert name in listed[number]


def test_each_duty_names_its_tests_or_why_there_is_none_and_each_figure_its_source() -> None:
    page = (TESTS.parent / "docs" / "duties.md").read_text("utf-8")
    found = re.findall(r'^\| <a id="DUTY-([A-Z]\d+)"></a>[^|]+ \| (.+) \|$', page, re.MULTILINE)
    assert [name for name, _ in found] == DUTIES
    assert list(unproved({name: f"duty | {row.rpartition(' | ')[2].partition(';')[0]}" for name, row in found})) == []
    figures = re.findall(r"^\| [^|]+ \| (`[^|]+) \| (`[^|]+) \|$", page.partition("## Figures")[2], re.MULTILINE)
    tables = {name for tables, _ in figures for name in re.findall(r"`([^`]+)`", tables)}
    assert {*TITLES, *ABOUT_OURS} - tables == {"reply", "about"}, "each table of a pack has its figure"
    for source in {one for _, sources in figures for one in re.findall(r"`([^`]+)`", sources)}:
        file, _, function = source.partition("::")
        assert re.search(rf"\bdef {function}\(", (TESTS.parent / file).read_text("utf-8")), source
