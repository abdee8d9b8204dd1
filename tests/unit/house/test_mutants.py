"""The table of deliberate mistakes fits the program, and its runner tells what a test sees from what it does not."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.mutants.rows import Mutant, chosen, rows
from tests.mutants.run import BROKEN, HUNG, KILLED, SURVIVED, Runs
from tests.support.shared import PROJECT

_FEWEST = 80

_TESTS = """
from gateway.doors import is_open


def test_a_door_is_open_by_day() -> None:
    assert is_open(12)
    assert not is_open(23)
"""
_DOORS = """
def is_open(hour: int) -> bool:
    return 8 <= hour < 20
"""


def _functions(path: Path) -> set[str]:
    return {
        node.name
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


@pytest.mark.long
def test_each_mistake_can_be_made_once_in_its_file_and_its_tests_exist() -> None:
    wrong = []
    functions: dict[str, set[str]] = {}
    for row in rows():
        text = (PROJECT / row.file).read_text(encoding="utf-8")
        if text.count(row.old) != 1:
            wrong.append(f"{row.name}: its text stands {text.count(row.old)} times in {row.file}")
            continue
        try:
            changed = ast.parse(row.applied(text))
        except SyntaxError as error:
            wrong.append(f"{row.name}: {error}")
            continue
        if ast.dump(changed) == ast.dump(ast.parse(text)):
            wrong.append(f"{row.name}: it changes nothing")
        for test in row.tests:
            file, _, function = test.partition("::")
            if file not in functions:
                functions[file] = _functions(PROJECT / file) if (PROJECT / file).is_file() else set()
            if not functions[file] or (function and function not in functions[file]):
                wrong.append(f"{row.name}: there is no test {test}")
    assert wrong == []


def test_there_are_at_least_eighty_mistakes_each_with_a_plain_name() -> None:
    names = [row.name for row in rows()]
    assert len(names) >= _FEWEST
    assert [name for name in names if not name.replace("-", "").isalnum() or name != name.lower()] == []


def test_mistakes_are_chosen_by_words_of_their_names_and_files() -> None:
    every = rows()
    assert chosen([], every) == every
    assert {row.file for row in chosen(["gateway/trust/view.py"], every)} == {"gateway/trust/view.py"}
    assert [row.name for row in chosen([every[0].name], every)] == [every[0].name]
    assert chosen(["no such mistake"], every) == []


@pytest.mark.process
@pytest.mark.long
@pytest.mark.small_form
def test_the_runner_tells_killed_survived_hung_and_broken_apart_and_leaves_the_tree_as_it_is(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for name, text in (
        ("gateway/__init__.py", ""),
        ("gateway/doors.py", _DOORS),
        ("tests/__init__.py", ""),
        ("tests/test_doors.py", _TESTS),
        ("tests/test_red.py", "def test_red() -> None:\n    assert False\n"),
        ("tests/test_skipped.py", "import pytest\n\n\ndef test_skipped() -> None:\n    pytest.skip()\n"),
        ("proto/gen/liaison/nothing.py", ""),
    ):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)

    def row(name: str, new: str, tests: str = "tests/test_doors.py") -> Mutant:
        return Mutant(name, "gateway/doors.py", "return 8 <= hour < 20", new, (tests,))

    mutants = [
        row("always-open", "return True"),
        row("open-at-seven", "return 7 <= hour < 20"),
        row("no-module", "return True\nimport no_such_module"),
        row("red-before", "return True", "tests/test_red.py"),
        row("skipped", "return True", "tests/test_skipped.py"),
    ]
    outcomes = list(Runs(mutants, jobs=1, tree=tree).outcomes())
    assert [outcome.verdict for outcome in outcomes] == [KILLED, SURVIVED, BROKEN, BROKEN, BROKEN]
    assert outcomes[0].detail == "tests/test_doors.py::test_a_door_is_open_by_day"
    assert (tree / "gateway" / "doors.py").read_text() == _DOORS

    (hung,) = Runs([row("for-ever", "\n    while True: pass")], jobs=1, tree=tree, hangs_s=3.0).outcomes()
    assert hung.verdict == HUNG

    known = list(Runs(mutants[:2], jobs=1, tree=tree).outcomes())
    assert [(outcome.verdict, outcome.kept) for outcome in known] == [(KILLED, True), (SURVIVED, True)]

    (tree / "tests" / "test_doors.py").write_text(_TESTS.replace("is_open(12)", "not is_open(7)"))
    (again,) = Runs(mutants[1:2], jobs=1, tree=tree).outcomes()
    assert (again.verdict, again.kept) == (KILLED, False)
