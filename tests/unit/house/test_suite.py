"""`make test` runs what judges time alone and last, says one result, and never hides a failure."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.suite.__main__ import chosen

pytestmark = [pytest.mark.process, pytest.mark.long]

ROOT = Path(__file__).parents[3]

BESIDE = """
import os, pathlib, pytest

def test_fine(): pass
def test_wrong(): assert pathlib.Path(__file__).with_name("right").exists()
def test_left_out(): pytest.skip("not here")

@pytest.mark.small_form
def test_small(): pass
"""
ALONE = """
import os, pathlib, pytest

pytestmark = pytest.mark.timed

def test_quick_enough():
    with pathlib.Path(__file__).with_name("ran").open("a") as ran: ran.write("t")

def test_runs_beside_no_other_process():
    beside = pathlib.Path(f"/proc/{os.getppid()}/task/{os.getppid()}/children").read_text().split()
    assert beside == [str(os.getpid())]
"""


def suite(folder: Path, *arguments: str) -> tuple[int, list[str]]:
    """Run the suite on a folder. Returns its exit code and what it printed."""
    (folder / "pytest.ini").write_text(
        "[pytest]\naddopts = --strict-markers\nmarkers =\n  timed\n  small_form\n  process\ntimeout = 20\n"
    )
    own = {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    ran = subprocess.run(
        [sys.executable, "-m", "tests.suite", "-p", "pytest_timeout", "-q", *arguments],
        cwd=folder,
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.returncode, ran.stdout.splitlines()


def result(lines: list[str]) -> str:
    """Return the last line without the time taken."""
    said = re.fullmatch(r"(\d+ passed, \d+ failed, \d+ skipped) in \d+\.\d minutes", lines[-1])
    assert said, lines
    return said[1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "test_beside.py").write_text(BESIDE)
    (tmp_path / "test_alone.py").write_text(ALONE)
    return tmp_path


def test_what_judges_time_runs_last_and_alone_and_all_give_one_result(folder: Path) -> None:
    code, lines = suite(folder)
    assert (code, result(lines)) == (1, "3 passed, 1 failed, 1 skipped")
    assert "failed: test_beside.py::test_wrong" in lines
    assert (folder / "ran").read_text() == "t"
    # What failed last runs again alone, and nothing else does once it is right.
    (folder / "right").touch()
    code, lines = suite(folder, "--last-failed")
    assert (code, result(lines)) == (0, "1 passed, 0 failed, 0 skipped")
    assert (folder / "ran").read_text() == "t"


@pytest.mark.parametrize(
    ("arguments", "passed"),
    [
        (("--small-forms",), 1),
        (("--timed",), 2),
        (("-k", "fine or enough"), 2),
        (("-m", "timed or process"), 2),
        (("test_beside.py::test_fine",), 1),
        (("test_alone.py::test_quick_enough",), 1),
    ],
)
def test_arguments_of_pytest_choose_tests(folder: Path, arguments: tuple[str, ...], passed: int) -> None:
    code, lines = suite(folder, *arguments)
    assert (code, result(lines)) == (0, f"{passed} passed, 0 failed, 0 skipped"), lines


def test_a_selection_that_fits_no_test_is_a_failure(folder: Path) -> None:
    code, lines = suite(folder, "-k", "nothing_is_called_so")
    assert (code, result(lines)) == (1, "0 passed, 0 failed, 0 skipped")
    assert "failed: no test fits the arguments" in lines


def test_a_process_that_dies_is_red_whatever_it_ran(tmp_path: Path) -> None:
    """Also between two tests, where no test can be named."""
    for name, mark in (("test_dies.py", ""), ("test_dies_alone.py", "pytestmark = pytest.mark.timed\n")):
        (tmp_path / name).write_text(f"import os, pytest\n{mark}\ndef test_a(): os._exit(3)\ndef test_b(): pass\n")
    code, lines = suite(tmp_path)
    assert (code, result(lines)) == (1, "2 passed, 2 failed, 0 skipped"), lines
    assert "failed: test_dies.py::test_a" in lines
    assert "failed: test_dies_alone.py::test_a" in lines
    assert any(re.fullmatch(r"failed: process \d died", line) for line in lines)


HANGS = """
import asyncio, ctypes, threading, pytest

pytestmark = pytest.mark.timeout(2)

def test_thread():
    thread = threading.Thread(target=threading.Event().wait, daemon=True)
    thread.start()
    thread.join()

def test_loop(): asyncio.run(asyncio.Event().wait())

def test_lock():
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()

def test_call():
    library, held = ctypes.CDLL(None), ctypes.create_string_buffer(64)
    library.pthread_mutex_init(held, None)
    library.pthread_mutex_lock(held)
    library.pthread_mutex_lock(held)

def test_call_that_keeps_the_interpreter():
    while True: ctypes.PyDLL(None).sleep(100)

def test_behind(): pass
"""


def test_a_test_that_hangs_ends_by_its_limit_and_is_named_and_the_others_run(tmp_path: Path) -> None:
    (tmp_path / "test_hangs.py").write_text(HANGS)
    code, lines = suite(tmp_path, "-p", "tests.suite.limit")
    assert (code, result(lines)) == (1, "1 passed, 5 failed, 0 skipped"), lines
    for name in ("thread", "loop", "lock", "call", "call_that_keeps_the_interpreter"):
        assert f"failed: test_hangs.py::test_{name}" in lines
    said = [line for line in lines if line.endswith((": Timeout (>2.0s) from pytest-timeout.", "whose limit is 2 s"))]
    assert len([line for line in said if not line.startswith("FAILED")]) == 5, lines


def test_a_mark_expression_is_added_to_that_of_the_suite() -> None:
    assert chosen(["-m", "a or b", "-k", "x", "-mlong", "tests/unit"]) == (
        "not small_form and (a or b) and (long)",
        ["-k", "x", "tests/unit"],
    )
