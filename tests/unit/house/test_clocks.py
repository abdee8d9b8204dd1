"""A test reads a clock only where it judges time, and such a test runs alone: it carries the mark `timed`.

What else needs time stands in `tests.support`: `load` counts turns instead of seconds, `until` waits for a condition,
`compute` keeps a processor busy, `cost_in_turns` compares what data and half of them cost, and `loop_watch` tells how
long a loop was held whatever else runs.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.shared import PROJECT

CLOCKS = {"perf_counter", "process_time", "thread_time", "monotonic", "effort", "cost_in_turns"}
CLOCKS |= {f"{name}_ns" for name in CLOCKS}

_IN_TURNS = "CPU of its own thread for data and for half of it, in turns until it fits: other work takes from neither"
_PACED = "what is let in is at most rate times elapsed time: a busy machine makes both larger"

ELSEWHERE = {
    "test_the_rate_of_one_member_counts_over_both": _PACED,
    "test_a_source_with_a_rate_is_asked_evenly_and_what_would_come_too_late_is_refused": _PACED,
    "test_calls_without_end_have_a_rate_and_wait_for_their_refusals": _PACED,
    "test_refusals_of_a_message_leave_together_and_streams_beyond_the_pace_are_not_read": _PACED,
    "test_a_parser_takes_linear_time_up_to_its_limit": _IN_TURNS,
    "test_the_measure_finds_a_quadratic_parser": _IN_TURNS,
    "test_looking_at_a_file_takes_linear_time": _IN_TURNS,
    "test_making_a_copy_takes_linear_time": _IN_TURNS,
    "test_no_exchange_fails_while_each_key_is_rotated_in_turn": "it asks at a pace",
}
"""Tests that read a clock and judge by no time that other work takes, each with its reason."""


def reads_a_clock(node: ast.AST) -> bool:
    """Tell whether an expression reads a clock of the system, or how long something took by a node's own clock."""
    if isinstance(node, ast.Call):
        match node.func:
            case ast.Attribute(value=ast.Name(id="time"), attr=name) | ast.Name(id=name):
                return name in CLOCKS
    match node:
        case ast.BinOp(op=ast.Sub(), left=ast.Call(func=ast.Attribute(attr="monotonic")), right=ast.Name(id=name)):
            return name.islower()  # and not a moment some constant time ago
    return False


def is_timed(decorators: list[ast.expr]) -> bool:
    return any(ast.unparse(each) == "pytest.mark.timed" for each in decorators)


def unmarked(file: Path) -> Iterator[str]:
    """Yield the tests and fixtures of a file without the mark that read a clock, themselves or by a helper beside them.

    A fixture cannot carry the mark: it is one that no test may judge by.
    """
    tree = ast.parse(file.read_text())
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark":
            marks = node.value.elts if isinstance(node.value, ast.List) else [node.value]
            if is_timed(marks):
                return
    made = [each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]
    reading = {each.name for each in made if any(map(reads_a_clock, ast.walk(each)))}
    while more := {
        each.name
        for each in made
        if each.name not in reading
        and not each.name.startswith("test_")
        and any(called(node) in reading for node in ast.walk(each))
    }:
        reading |= more
    for each in made:
        if not each.name.startswith("test_") or is_timed(each.decorator_list):
            continue
        if each.name in reading or any(called(node) in reading for node in ast.walk(each)):
            yield each.name


def called(node: ast.AST) -> str | None:
    """Return the name of what is called, or of the method."""
    match node:
        case ast.Call(func=ast.Name(id=name)) | ast.Call(func=ast.Attribute(attr=name)):
            return name
    return None


@pytest.mark.long
def test_only_tests_that_run_alone_read_a_clock() -> None:
    found = {name for file in (PROJECT / "tests").rglob("test_*.py") for name in unmarked(file)}
    assert found == ELSEWHERE.keys(), "mark it `timed`, or count instead"


def test_no_example_has_a_deadline_by_the_wall() -> None:
    written = [
        f"{file.relative_to(PROJECT)}: {found}"
        for file in (PROJECT / "tests").rglob("*.py")
        for found in re.findall(r"deadline=(?!None\b)\w+", file.read_text())
    ]
    assert written == [], "let `tests.support.growth.bounded` count the CPU of each example"
