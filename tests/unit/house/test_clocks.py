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

_LOOPS = re.compile(r"\bget_(?:running|event)_loop\(\)$|\bloop$")
"""Fits what gives an event loop, whose `time` is a clock."""

_IN_TURNS = "CPU of its own thread for data and for half of it, in turns until it fits: other work takes from neither"
_PACED = "what is let in is at most rate times elapsed time: a busy machine makes both larger"
_AT_LEAST = "it asks for a least time, which a busy machine makes longer"
_ATTACKS = "an attack lasts for some seconds, and until something of it has been seen; what is let in has a rate"
_BUILT = "its source was built beside a watch, which it does not look at"

ELSEWHERE = {
    "test_the_rate_of_one_member_counts_over_both": _PACED,
    "test_a_source_with_a_rate_is_asked_evenly_and_what_would_come_too_late_is_refused": _PACED,
    "test_calls_without_end_have_a_rate_and_wait_for_their_refusals": _PACED,
    "test_refusals_of_a_message_leave_together_and_streams_beyond_the_pace_are_not_read": _PACED,
    "test_a_parser_takes_linear_time_up_to_its_limit": _IN_TURNS,
    "test_the_measure_finds_a_quadratic_parser": _IN_TURNS,
    "test_looking_at_a_file_takes_linear_time": _IN_TURNS,
    "test_making_a_copy_takes_linear_time": _IN_TURNS,
    "test_a_member_that_is_not_accepted_uses_up_nothing_of_its_members_and_few_farewells": _PACED,
    "test_documents_of_its_own_without_end_are_few_entries_and_little_evidence": _ATTACKS,
    "test_forks_without_end_hide_no_fork_of_another_member": _ATTACKS,
    "test_i7_a_flood_of_requests_and_greetings_that_acknowledges_nothing": _ATTACKS,
    "test_i1_half_open_streams_and_a_server_that_stalls": _ATTACKS,
    "test_greetings_of_every_millisecond_end_their_stream": _ATTACKS,
    "test_heads_that_no_key_signed_and_nonsense_in_greetings": _ATTACKS,
    "test_long_lists_and_documents_without_end_are_left": _ATTACKS,
    "test_a_charter_of_ten_megabytes_is_not_taken": _ATTACKS,
    "test_old_documents_change_nothing": _ATTACKS,
    "test_streams_that_end_with_nonsense_are_opened_again_at_times": _ATTACKS,
    "test_questions_for_documents_without_end_are_turned_away": _ATTACKS,
    "test_many_changes_in_a_moment_are_two_greetings": _AT_LEAST,
    "test_a_loop_that_waits_for_a_processor_is_late_and_not_held": _AT_LEAST,
    "test_n282_a_deadline_is_over_when_its_own_time_is_over_and_not_at_the_end_of_a_pause": _AT_LEAST,
    "test_a_comparison_of_all_rows_changes_nothing_when_nothing_has_changed": _BUILT,
    "test_a_common_name_is_capped_and_says_so_and_its_birth_date_makes_it_one": _BUILT,
    "test_no_exchange_fails_while_each_key_is_rotated_in_turn": "it asks at a pace",
}
"""Tests that read a clock and judge by no time that other work takes, each with its reason."""


def reads_a_clock(node: ast.AST) -> bool:
    """Tell whether an expression reads a clock of the system, or how long something took by a loop's or node's own."""
    if isinstance(node, ast.Attribute) and node.attr == "time" and _LOOPS.search(ast.unparse(node.value)):
        return True
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
    """Yield the tests of a file without the mark that read a clock: they, a helper beside them, or a fixture."""
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
        if each.name not in reading and not each.name.startswith("test_") and uses(each, reading)
    }:
        reading |= more
    for each in made:
        if not each.name.startswith("test_") or is_timed(each.decorator_list):
            continue
        if each.name in reading or uses(each, reading):
            yield each.name


def uses(each: ast.FunctionDef | ast.AsyncFunctionDef, reading: set[str]) -> bool:
    """Tell whether a function calls one of these, hands one on, or takes one as a fixture."""
    return bool(given(each) & reading) or any(called(node) & reading for node in ast.walk(each))


def called(node: ast.AST) -> set[str]:
    """Return the names of what is called and of what is handed on to be called, or of the methods."""
    used = [node.func, *node.args] if isinstance(node, ast.Call) else []
    names = [each.id for each in used if isinstance(each, ast.Name)]
    return {*names, *(each.attr for each in used if isinstance(each, ast.Attribute))}


def given(test: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """Return the names of the fixtures that a test or another fixture takes."""
    return {each.arg for each in test.args.args}


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
