"""A table is one test that runs its function for each row, names every row that failed, and runs one row alone."""

from __future__ import annotations

import enum
import re
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.tables import table

pytest_plugins = ["pytester"]

_HEAD = """
import pytest
from tests.support.tables import table
"""


def _run(inner: pytest.Pytester, source: str, *options: str) -> pytest.RunResult:
    """Run tests within this process, with the hooks of this suite."""
    inner.makeini("[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n")
    inner.makepyfile(test_inner=_HEAD + dedent(source))
    return inner.runpytest_inprocess("-p", "tests.conftest", "-ra", *options)


@pytest.mark.long
def test_all_rows_are_run_and_those_that_fail_are_named_first_with_their_values(pytester: pytest.Pytester) -> None:
    result = _run(
        pytester,
        """
        ran = []

        @table(("left", "right"), [(1, 2), (3, 3), ("a", "b")])
        def test_it(left, right):
            ran.append(left)
            assert left == right

        def test_after():
            assert ran == [1, 3, "a"]
        """,
    )
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "2 of 3 rows failed: `1-2`, `a-b`",
            "row `1-2`:",
            "*test_inner.py:*: in test_it",
            "E   assert 1 == 2",
            "row `a-b`:",
            "E   AssertionError: assert 'a' == 'b'",
            "one row alone: pytest test_inner.py::test_it --row 1-2",
            "FAILED test_inner.py::test_it - Failed: 2 of 3 rows failed: `1-2`, `a-b`",
        ]
    )
    result.stdout.no_fnmatch_line("*tables.py*")


@pytest.mark.long
def test_many_failures_are_all_named_and_the_last_ones_told_in_a_line(pytester: pytest.Pytester) -> None:
    result = _run(
        pytester,
        """
        @table("number", range(30))
        def test_it(number):
            assert number < 0, "too\\nlarge"
        """,
    )
    result.stdout.fnmatch_lines([f"30 of 30 rows failed: {', '.join(f'`{number}`' for number in range(30))}"])
    result.stdout.fnmatch_lines(["row `9`:", "*test_inner.py:*", "E   * too", "row `10`:", "AssertionError: too"])


@pytest.mark.long
def test_a_row_is_run_alone_by_its_name_and_fails_as_a_test_does(pytester: pytest.Pytester) -> None:
    source = """
        @table("number", [1, 2, 12])
        def test_it(number):
            held = number
            assert held == 0

        @pytest.mark.parametrize("number", [2, 3])
        def test_parametrised(number):
            assert number == 2

        def test_else():
            raise AssertionError
        """
    result = _run(pytester, source, "--row", "2")
    result.assert_outcomes(failed=1, passed=1, deselected=2)
    result.stdout.fnmatch_lines([">       assert held == 0", "E       assert 2 == 0"])
    result = _run(pytester, source, "--row", "1*", "--row=3")
    result.assert_outcomes(failed=2, deselected=2)
    result.stdout.fnmatch_lines(["2 of 2 rows failed: `1`, `12`"])


@pytest.mark.long
def test_a_name_that_no_row_has_is_refused_with_the_nearest_ones(pytester: pytest.Pytester) -> None:
    source = """
        @table("word", ["passport", "passports", "vessel", "vessels"])
        def test_it(word): ...
        """
    result = _run(pytester, source, "--row", "vessel", "--row", "pasport")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*no row of the tests is named `pasport`: the nearest are `passport`, `passports`*"])


@pytest.mark.long
def test_a_row_that_is_skipped_ends_no_other_and_is_told(pytester: pytest.Pytester) -> None:
    result = _run(
        pytester,
        """
        @table("number", [1, 2, 3])
        def test_some(number):
            if number == 2:
                pytest.skip("no server")

        @table("number", [1, 2])
        def test_all(number):
            pytest.skip("no server at all")

        @table("number", [1, 2])
        def test_both(number):
            if number == 1:
                pytest.skip("no client")
            raise OSError("gone")
        """,
    )
    result.assert_outcomes(passed=1, skipped=1, failed=1)
    result.stdout.fnmatch_lines(["1 of 2 rows failed: `2`", "skipped: `1`: no client", "E   OSError: gone"])
    result.stdout.fnmatch_lines(["SKIPPED ROW test_inner.py::test_some: 2: no server"])
    result.stdout.fnmatch_lines(["SKIPPED*no server at all"])


@pytest.mark.long
def test_a_row_that_hangs_ends_the_table_and_is_named(pytester: pytest.Pytester) -> None:
    result = _run(
        pytester,
        """
        import threading

        @pytest.mark.timeout(0.2)
        @table("number", [1, 2, 3])
        def test_it(number):
            if number == 2:
                threading.Event().wait()
        """,
    )
    result.stdout.fnmatch_lines(["1 of 3 rows failed: `2`; the time of the test was over in row `2`*"])


@pytest.mark.long
def test_what_pytest_makes_for_each_test_is_made_for_each_row(pytester: pytest.Pytester) -> None:
    result = _run(
        pytester,
        r"""
        import logging, os

        @table("number", [1, 2])
        def test_it(number, tmp_path, monkeypatch, capsys, caplog):
            assert list(tmp_path.iterdir()) == [] and "OF_A_ROW" not in os.environ
            (tmp_path / "file").touch()
            monkeypatch.setenv("OF_A_ROW", "1")
            print(number)
            logging.getLogger().error("%s", number)
            assert capsys.readouterr().out == f"{number}\n"
            assert caplog.messages == [str(number)]
            print("left for the next row")
        """,
    )
    result.assert_outcomes(passed=1)


@pytest.mark.long
def test_coroutines_properties_classes_and_other_fixtures_are_run_for_each_row(pytester: pytest.Pytester) -> None:
    result = _run(
        pytester,
        """
        import asyncio
        from hypothesis import given, strategies

        @pytest.fixture
        async def base():
            return 1

        @table("number", [1, 2, 3])
        async def test_coroutine(number, base, request):
            await asyncio.sleep(0)
            assert number <= base, request.node.name

        class TestOfAClass:
            @table("number", [1, 2])
            def test_method(self, number):
                assert self and number == 1

        @table("number", [1, 2])
        @given(other=strategies.integers(0, 9))
        def test_property(number, other):
            assert number + other < 11

        @table("left", [1, 2])
        @pytest.mark.parametrize("middle", [3, 4])
        @table("right", [5, 6])
        def test_stacked(left, middle, right):
            assert (left, middle) != (2, 4)
        """,
    )
    result.assert_outcomes(failed=4, passed=1)
    for line in [
        "2 of 3 rows failed: `2`, `3`",
        "E   AssertionError: test_coroutine",
        "1 of 2 rows failed: `2`",
        "E   Failing test case: test_property(*",
        "2 of 4 rows failed: `5-2`, `6-2`",
        "one row alone: pytest 'test_inner.py::test_stacked[[]4]' --row 5-2",
    ]:
        result.stdout.fnmatch_lines([line])


class _Side(enum.Enum):
    LEFT = 1


def _names(columns: str, rows: list[Any], ids: Any = None) -> list[str]:
    @table(columns, rows, ids=ids)
    def made(a: object, b: object) -> None: ...

    return [row.name for row in made.table.rows]  # type: ignore[attr-defined]


def test_rows_are_named_as_pytest_names_them() -> None:
    plain = ["x", 1, 1.5, True, None, b"\xff", _Side.LEFT, re.compile("a+"), dedent, Path, object(), ["list"]]
    assert _names("a", plain) == [
        *["x", "1", "1.5", "True", "None", "\\xff", "_Side.LEFT", "a+", "dedent", "Path", "a10", "a11"]
    ]
    assert _names("a, b", [(1, "x"), ({}, "y"), pytest.param(1, 2, id="own")]) == ["1-x", "a1-y", "own"]
    assert _names("a", ["x", "x", "1", "1", "x0"]) == ["x1", "x2", "1_0", "1_1", "x0"]
    assert _names("a", [1, 2], ["one", None]) == ["one", "2"]
    assert _names("a", [1, [2]], lambda value: "one" if value == 1 else None) == ["one", "a1"]
    assert _names("a", ["x" * 100, "x" * 101]) == ["x" * 100, "a1"]
    assert _names("a", ["สมชาย", "two\nlines"]) == ["สมชาย", "two\\nlines"]


def test_what_a_table_cannot_run_is_refused_where_it_is_written() -> None:
    def plain(a: int) -> None: ...

    @given(b=st.integers())
    async def coroutine(a: int, b: int) -> None: ...

    with pytest.raises(ValueError, match="2 rows and 1 ids"):
        table("a", [1, 2], ids=["one"])
    with pytest.raises(ValueError, match="row 1 has 1 values for a, b"):
        table("a,b", [(1, 2), (3,)])
    with pytest.raises(ValueError, match="has no marks"):
        table("a", [pytest.param(1, marks=pytest.mark.process)])
    with pytest.raises(ValueError, match="has no rows"):
        table("a", [])
    with pytest.raises(TypeError, match="plain does not take c"):
        table("c", [1])(plain)
    with pytest.raises(TypeError, match="coroutine stays parametrised"):
        table("a", [1])(coroutine)
