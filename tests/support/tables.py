"""Tables: one test that runs its function for each row, names every row that failed, and runs one row alone by name.

`@table(names, rows)` is written like `pytest.mark.parametrize` and names its rows alike, but makes one test of them.
Each row is run, whatever became of the others. A fixture that a test asks for is made once for all its rows, apart
from those that pytest itself makes for each test: a row has a `tmp_path` and a `monkeypatch` of its own, and `capsys`
and `caplog` hold what it wrote itself. A row that starts a process or a server stays parametrised.
"""

from __future__ import annotations

import difflib
import enum
import functools
import inspect
import itertools
import re
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

import pytest

_SKIPPED = "rows that were skipped"
_WHOLE_REPORTS = 10
_LONGEST_WORD = 100


class Row(NamedTuple):
    """One row: its name and the arguments that it gives."""

    name: str
    arguments: dict[str, Any]


class Table(NamedTuple):
    """What a test runs over: its function and its rows."""

    function: Callable[..., Any]
    rows: list[Row]


def table(
    names: str | Sequence[str],
    rows: Iterable[Any],
    *,
    ids: Iterable[object] | Callable[[Any], object] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make one test that runs the decorated function for each row, as `pytest.mark.parametrize` makes many."""
    columns = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
    own = _rows(columns, len(columns) == 1 and isinstance(names, str), list(rows), ids)

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        inner = getattr(function, "table", None)
        if inner is None:
            return _test(Table(function, own))
        pairs = itertools.product(inner.rows, own)
        joined = [Row(f"{a.name}-{b.name}", {**a.arguments, **b.arguments}) for a, b in pairs]
        return _test(Table(inner.function, _apart(joined)), function)

    return decorate


def _rows(columns: list[str], single: bool, values: list[Any], ids: Any) -> list[Row]:
    """Return the rows with the names that pytest would have given them; rows that are named alike are numbered."""
    given = [None] * len(values) if ids is None or callable(ids) else list(ids)
    if len(given) != len(values):
        raise ValueError(f"{len(values)} rows and {len(given)} ids")
    if not values:
        raise ValueError("a table that has no rows tests nothing")
    found: list[Row] = []
    for index, value in enumerate(values):
        name, cells = given[index], value
        if hasattr(value, "marks") and hasattr(value, "values"):
            if value.marks:
                raise ValueError(f"a row of a table has no marks: {value}")
            name, cells = value.id if value.id is not None else name, value.values
        elif single:
            cells = (value,)
        if len(cells) != len(columns):
            raise ValueError(f"row {index} has {len(cells)} values for {', '.join(columns)}")
        if name is None:
            makers = zip(columns, cells, strict=True)
            name = "-".join(_word(cell, f"{column}{index}", ids if callable(ids) else None) for column, cell in makers)
        found.append(Row(_readable(str(name)), dict(zip(columns, cells, strict=True))))
    return _apart(found)


def _word(value: object, otherwise: str, maker: Callable[[Any], object] | None) -> str:
    """Return what a value adds to the name of its row."""
    made = maker(value) if maker else None
    if made is not None:
        value = made
    if isinstance(value, str | bytes) and len(value) > _LONGEST_WORD:
        return otherwise
    match value:
        case bytes():
            return value.decode("ascii", "backslashreplace")
        case re.Pattern():
            return str(value.pattern)
        case str() | None | int() | float() | complex() | enum.Enum():
            return str(value)
    return str(getattr(value, "__name__", None) or otherwise)


def _readable(name: str) -> str:
    """Return a name that can be typed: what a terminal does not show is escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)


def _apart(rows: list[Row]) -> list[Row]:
    """Number the rows whose names are there more than once."""
    counts = Counter(row.name for row in rows)
    taken, numbers, found = set(counts), Counter[str](), []
    for row in rows:
        own = row.name
        while counts[row.name] > 1 and own in taken:
            own = f"{row.name}{'_' if row.name[-1:].isdigit() else ''}{numbers[row.name]}"
            numbers[row.name] += 1
        taken.add(own)
        found.append(row._replace(name=own))
    return found


def _test(made: Table, outer: Callable[..., Any] | None = None) -> Callable[..., Any]:
    """Return the test that pytest collects: it asks for what the function takes beside its row, and for the request."""
    function = made.function
    if getattr(function, "is_hypothesis_test", False) and inspect.iscoroutinefunction(
        function.hypothesis.inner_test  # type: ignore[attr-defined]
    ):
        raise TypeError(f"{function.__name__}: a property over a coroutine stays parametrised")
    taken = inspect.signature(function).parameters
    columns = set().union(*(row.arguments for row in made.rows))
    if not columns <= set(taken):
        raise TypeError(f"{function.__name__} does not take {', '.join(sorted(columns - set(taken)))}")
    asks = "request" in taken

    def plain(*args: Any, request: pytest.FixtureRequest, **fixtures: Any) -> None:
        run = _Run(request, made)
        for row in run.rows():
            with run.row(row, fixtures | ({"request": request} if asks else {})) as arguments:
                function(*args, **arguments)
        run.close()

    async def coroutine(*args: Any, request: pytest.FixtureRequest, **fixtures: Any) -> None:
        run = _Run(request, made)
        for row in run.rows():
            with run.row(row, fixtures | ({"request": request} if asks else {})) as arguments:
                await function(*args, **arguments)
        run.close()

    test: Any = coroutine if inspect.iscoroutinefunction(function) else plain
    functools.update_wrapper(test, function, updated=())
    del test.__wrapped__
    test.pytestmark = list(getattr(outer or function, "pytestmark", []))
    test.table = made
    own = [kind for name, kind in taken.items() if name not in columns | {"request"}]
    asked = inspect.Parameter("request", inspect.Parameter.KEYWORD_ONLY)
    test.__signature__ = inspect.Signature([*own, asked])
    return test  # type: ignore[no-any-return]


class _Run:
    """One run of a table: which rows it runs, and what became of them."""

    def __init__(self, request: pytest.FixtureRequest, made: Table) -> None:
        self._request = request
        self._rows = made.rows
        self._problems: dict[str, BaseException] = {}
        self._begun = 0
        self._late = ""

    def rows(self) -> Iterator[Row]:
        """Give each row that was asked for, until the time of the test is over."""
        patterns = self._request.config.getoption("--row")
        self._rows = [row for row in self._rows if not patterns or _fits(row.name, patterns)]
        yield from itertools.takewhile(lambda _: not self._late, self._rows)

    @contextmanager
    def row(self, row: Row, fixtures: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Give the arguments of one row, and keep how it ended."""
        try:
            with ExitStack() as own:
                self._begun += 1
                given = {name: _own(own, name, value, self._begun) for name, value in fixtures.items()}
                yield given | row.arguments
        except pytest.skip.Exception as reason:
            self._problems[row.name] = reason
        except (Exception, pytest.fail.Exception) as problem:  # noqa: BLE001 - told when all rows were run
            self._problems[row.name] = problem
            if "from pytest-timeout" in str(problem):
                self._late = f"; the time of the test was over in row `{row.name}`, and no later row was run"

    def close(self) -> None:
        """Raise one error that names every row that failed; tell those that were skipped."""
        failed = {name: end for name, end in self._problems.items() if not isinstance(end, pytest.skip.Exception)}
        skipped = {name: str(end) for name, end in self._problems.items() if isinstance(end, pytest.skip.Exception)}
        if failed and len(self._rows) == 1:
            raise next(iter(failed.values()))
        if failed:
            pytest.fail(self._told(failed, skipped), pytrace=False)
        if skipped and len(skipped) == len(self._rows):
            pytest.skip("; ".join(sorted(set(skipped.values()))))
        if skipped:
            self._request.node.user_properties.append((_SKIPPED, [f"{row}: {why}" for row, why in skipped.items()]))

    def _told(self, failed: dict[str, BaseException], skipped: dict[str, str]) -> str:
        """Return the text of a failure: all names first, then the first reports whole and one line for each other."""
        names = ", ".join(f"`{name}`" for name in failed)
        lines = [f"{len(failed)} of {len(self._rows)} rows failed: {names}{self._late}"]
        lines += [f"skipped: `{name}`: {why}" for name, why in skipped.items()]
        for index, (name, problem) in enumerate(failed.items()):
            info = pytest.ExceptionInfo.from_exception(problem)
            while len(info.traceback) > 1 and str(info.traceback[0].path) == __file__:
                info.traceback = type(info.traceback)(info.traceback[1:])
            report = str(info.getrepr(style="short")) if index < _WHOLE_REPORTS else info.exconly().partition("\n")[0]
            lines += ["", f"row `{name}`:", report]
        alone = shlex.join(["pytest", self._request.node.nodeid, "--row", next(iter(failed))])
        return "\n".join([*lines, "", f"one row alone: {alone}"])


def _own(stack: ExitStack, name: str, value: Any, index: int) -> Any:
    """Return what a row gets for a fixture: those that pytest makes for each test are made for each row."""
    match value:
        case pytest.MonkeyPatch():
            return stack.enter_context(pytest.MonkeyPatch.context())
        case Path() if name == "tmp_path":
            folder = value / str(index)
            folder.mkdir()
            return folder
        case pytest.CaptureFixture():
            value.readouterr()
        case pytest.LogCaptureFixture():
            value.clear()
    return value


def add_option(parser: pytest.Parser) -> None:
    """Add `--row`, which runs only the rows of that name."""
    text = "run only the rows with this name, which may have * and ?; may be given more than once"
    parser.addoption("--row", action="append", default=[], metavar="NAME", help=text)


def choose_rows(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the tests that have a row that `--row` names; refuse a name that no row has, with the nearest ones."""
    patterns = config.getoption("--row")
    if not patterns:
        return
    rows = {item: _rows_of(item) for item in items}
    known = {name for names in rows.values() for name in names}
    for pattern in patterns:
        if not any(_fits(name, [pattern]) for name in known):
            near = difflib.get_close_matches(pattern, sorted(known), 5, 0.3) or sorted(known)[:5]
            told = f"the nearest are {', '.join(f'`{name}`' for name in near)}" if near else "they have none"
            raise pytest.UsageError(f"--row: no row of the tests is named `{pattern}`: {told}")
    kept = [item for item in items if any(_fits(name, patterns) for name in rows[item])]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def tell_skipped(reporter: pytest.TerminalReporter) -> None:
    """Write which rows were skipped in tables whose other rows passed."""
    for report in reporter.getreports("passed"):
        for name, rows in report.user_properties:
            if name == _SKIPPED:
                for row in rows:
                    reporter.write_line(f"SKIPPED ROW {report.nodeid}: {row}")


def _rows_of(item: pytest.Item) -> list[str]:
    """Return the names of the rows of a test: those of its table, or the one that it was parametrised with."""
    made: Table | None = getattr(getattr(item, "function", None), "table", None)
    if made is not None:
        return [row.name for row in made.rows]
    return [item.name.partition("[")[2].removesuffix("]")] if "[" in item.name else []


def _fits(name: str, patterns: list[str]) -> bool:
    return any(name == pattern or fnmatchcase(name, pattern) for pattern in patterns)
