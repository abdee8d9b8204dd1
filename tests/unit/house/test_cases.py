"""The lists of cases and duties in the threat model name every case once, and tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]
PAGE = (TESTS.parent / "docs" / "threat-model.md").read_text(encoding="utf-8")

CASES = [
    *("E1", "E2", "E3", "E7", "E8", "E10", "E11", "E12"),
    *("G1", "G2", "G3", "G4", "G5", "G6", "G7", "G11", "G13", "G17", "G18", "G19", "G20", "G21", "G23"),
    *("H1", "H2", "H3", "H4", "H5", "H6", "H7", "H8", "H10", "H13", "H14", "J10"),
]
ATTACKS = ["K1", "K2", "K4", "K5", "K6", "K8", "K10", "F9"]
DUTIES = [f"L{number}" for number in range(1, 28)]


def rows(heading: str) -> dict[str, str]:
    """The rows of the table under a heading, by their first cell."""
    section = PAGE.partition(f"\n## {heading}")[2].partition("\n## ")[0]
    found = re.findall(r"^\| (?:CASE|DUTY)-([A-Z][0-9]+) \| (.+) \|$", section, re.MULTILINE)
    assert len({name for name, _ in found}) == len(found)
    return dict(found)


@pytest.mark.parametrize(
    ("heading", "names"), [("Cases of", CASES), ("Attacks on sources", ATTACKS), ("Duties of", DUTIES)]
)
def test_every_case_stands_there_once_and_in_order(heading: str, names: list[str]) -> None:
    assert list(rows(heading)) == names


@pytest.mark.parametrize("heading", ["Cases of", "Attacks on sources", "Duties of"])
def test_the_tests_that_are_named_exist(heading: str) -> None:
    missing = []
    for case, row in rows(heading).items():
        for file, name in re.findall(r"`([a-z]+/test_\w+)::(test_\w+)`", row):
            path = TESTS / f"{file}.py"
            if not path.is_file() or f"def {name}(" not in path.read_text(encoding="utf-8"):
                missing.append(f"{case}: {file}::{name}")
    assert missing == []


def test_every_test_of_a_duty_stands_in_the_list() -> None:
    listed = rows("Duties of")
    for name in re.findall(r"def (test_duty_l\d+_\w+)", (TESTS / "federation" / "test_duties.py").read_text("utf-8")):
        number = name.removeprefix("test_duty_").partition("_")[0].upper()
        assert name in listed[number]
