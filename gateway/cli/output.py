"""Print for commands: plain words on a terminal, one JSON document with `--json`, errors with their remedy."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any

import click

from gateway.cli.options import json_option
from gateway.cli.speech import Speech, with_home
from gateway.errors import LiaisonError, each_of
from gateway.language.catalogue import tell
from gateway.language.dates import with_zones
from gateway.language.sentences import sentence
from gateway.views.lines import Exact, Line
from gateway.views.words.printable import printable

_STYLES = {"good": "green", "bad": "red", "warn": "yellow", "title": "bold", "dim": "bright_black"}


_TELLING = frozenset({"next", "remedy", "command"})
"""Members of a JSON document that name commands to run next."""


def print_json(value: Any) -> None:
    """Print one JSON document, with control and direction characters escaped, also those that JSON allows (CASE-L4).

    The commands that it tells to run next have the `--home` that the running one was given.
    """
    click.echo(printable(json.dumps(_told(value, _speech()), ensure_ascii=not _utf8(), indent=2)))


def _told(value: Any, speech: Speech | None) -> Any:
    """Return a value whose commands to run next have the home of this run."""
    if isinstance(value, Mapping):
        return {
            key: with_home(item, speech) if key in _TELLING and isinstance(item, str) else _told(item, speech)
            for key, item in value.items()
        }
    return [_told(item, speech) for item in value] if isinstance(value, list | tuple) else value


def _speech() -> Speech | None:
    context = click.get_current_context(silent=True)
    return context.find_object(Speech) if context else None


def say(text: str = "", style: str = "", *, err: bool = False) -> None:
    """Print one line, its times in the country's time with the zone unless it holds what somebody wrote (`Exact`).

    The commands that it names have the `--home` that the running one was given.

    `style` is one of good, bad, warn, title, dim, and only seen on a terminal.
    """
    stream = sys.stderr if err else sys.stdout
    line = printable(text if isinstance(text, Exact) else with_home(with_zones(text), _speech()))
    if style and stream.isatty() and not os.environ.get("NO_COLOR"):
        name = _STYLES[style]
        line = click.style(line, bold=True) if name == "bold" else click.style(line, fg=name)
    click.echo(line, err=err, color=None if stream.isatty() else False)


def print_result(value: Any, lines: Iterable[Line], *, as_json: bool) -> None:
    """Print one JSON document, or lines: each a text, or a text with its style."""
    if as_json:
        print_json(value)
        return
    for line in lines:
        say(*((line,) if isinstance(line, str) else line))


@dataclass(frozen=True, slots=True)
class Output:
    """The result of a command: one JSON document, the same in lines, and the exit code."""

    value: Any
    lines: Iterable[Line]
    code: int = 0


def printed(command: Callable[..., Output]) -> Callable[..., int]:
    """Give a command the option `--json`, print its output in that form or in lines, and return its exit code."""

    @wraps(command)
    def call(*arguments: Any, as_json: bool, **options: Any) -> int:
        output = command(*arguments, **options)
        print_result(output.value, output.lines, as_json=as_json)
        return output.code

    return json_option(call)


_WIDEST = 1_000
"""Columns of a terminal that no table needs."""


def print_table(titles: Sequence[str], rows: Iterable[Sequence[str]], *, names: int) -> None:
    """Print a table over the width of the terminal, elsewhere over 120 columns; figures follow the first `names`.

    Headings break between words where the table is too wide with whole ones. No word and no figure is cut off: a table
    that needs more columns takes them.
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.measure import Measurement
    from rich.table import Table

    console, rows = Console(width=None if sys.stdout.isatty() else 120), list(rows)

    def laid_out(titles: Iterable[str]) -> tuple[Table, int]:
        table = Table(*titles, box=SIMPLE_HEAD, pad_edge=False, padding=0, show_edge=False)
        for column in table.columns[names:]:
            column.justify = "right"
        for row in rows:
            table.add_row(*row)
        return table, Measurement.get(console, console.options.update(width=_WIDEST), table).maximum

    table, width = laid_out(titles)
    if width > console.width:
        table, width = laid_out("\n".join(title.split()) for title in titles)
    console.width = max(console.width, width)
    console.print(table)


@contextmanager
def working(text: str) -> Iterator[None]:
    """Show on a terminal that something takes time; show nothing elsewhere."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(text):
        yield


@contextmanager
def progress_bars() -> Iterator[Callable[[str, int, int], None]]:
    """Yield a reporter that shows a bar for each name, with the done part and the total, on a terminal only."""
    if not sys.stderr.isatty():
        yield lambda _name, _done, _total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def report(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=None)
            bars.update(tasks[name], completed=done, total=max(done, total) or None)

        yield report


@contextmanager
def progress_bar(text: str) -> Iterator[Callable[[int, int], None]]:
    """Yield a reporter that moves one bar by the done part and the total, on a terminal only."""
    with progress_bars() as report:
        report(text, 0, 0)
        yield partial(report, text)


def show_error(error: LiaisonError, speech: Speech, *, as_json: bool) -> None:
    """Print an error on standard error: what, where, what to do; and as JSON on standard output if asked.

    Of an error that tells several mistakes of a file at once each is printed.
    """
    from gateway.cli.remedies import advice

    language = speech.language
    told = [
        {"message": sentence(each, language), "where": each.where, "remedy": with_home(advice(each, speech), speech)}
        for each in each_of(error)
    ]
    for one in told:
        say(tell(language, "error: {error}", error=one["message"]), "bad", err=True)
        if one["where"]:
            say(tell(language, "  where:  {place}", place=one["where"]), err=True)
        say(tell(language, "  remedy: {remedy}", remedy=one["remedy"]), err=True)
    if as_json:
        body = {"code": error.code, "reason": error.reason.value, **told[0]}
        print_json({"error": body | ({"mistakes": told} if len(told) > 1 else {})})


def show_unforeseen(error: BaseException, *, as_json: bool) -> None:
    """Print an unforeseen error: its class and place, no trace."""
    from gateway.telemetry.logs import describe

    about = describe(error)
    say(
        f"error: something unforeseen happened: {about['error']} at {about.get('at', 'an unknown place')}",
        "bad",
        err=True,
    )
    say("  remedy: run `liaison doctor`; if that finds nothing, report it with this line", err=True)
    if as_json:
        print_json({"error": {"code": "internal", "reason": "INTERNAL", "message": about["error"]}})


def _utf8() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
