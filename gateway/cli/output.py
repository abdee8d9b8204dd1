"""What commands print: plain words on a terminal, one JSON document with `--json`, errors with their remedy."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from gateway.errors import LiaisonError
from gateway.language.catalogue import tell
from gateway.language.languages import Language
from gateway.language.sentences import remedy, sentence
from gateway.views.printable import printable

_F = TypeVar("_F", bound=Callable[..., Any])

_STYLES = {"good": "green", "bad": "red", "warn": "yellow", "title": "bold", "dim": "bright_black"}


def json_option(command: _F) -> _F:
    """`--json`: one JSON document on standard output."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(command)


def home_option(command: _F) -> _F:
    """`--home`: an existing home."""
    kind = click.Path(file_okay=False, path_type=Path)
    return click.option("--home", required=True, type=kind, envvar="LIAISON_HOME", help="The node's home.")(command)


def print_json(value: Any) -> None:
    """One JSON document; control and direction characters are escaped, also those that JSON allows (L4)."""
    click.echo(printable(json.dumps(value, ensure_ascii=not _utf8(), indent=2)))


def say(text: str = "", style: str = "", *, err: bool = False) -> None:
    """One line in words; `style` is one of good, bad, warn, title, dim, and only seen on a terminal."""
    stream = sys.stderr if err else sys.stdout
    line = printable(text)
    if style and stream.isatty() and not os.environ.get("NO_COLOR"):
        name = _STYLES[style]
        line = click.style(line, bold=True) if name == "bold" else click.style(line, fg=name)
    click.echo(line, err=err, color=None if stream.isatty() else False)


@contextmanager
def working(text: str) -> Iterator[None]:
    """Show on a terminal that something takes time; elsewhere nothing."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(text):
        yield


@contextmanager
def progress_bar(text: str) -> Iterator[Callable[[int, int], None] | None]:
    """On a terminal a bar, moved by calls with what is done and what there is in all; elsewhere None."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(text, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)


def show_error(error: LiaisonError, language: Language, *, as_json: bool) -> None:
    """Print an error on standard error: what, where, what to do; and as JSON on standard output if asked."""
    told, advice = sentence(error, language), remedy(error, language)
    say(tell(language, "error: {error}", error=told), "bad", err=True)
    if error.where:
        say(tell(language, "  where:  {place}", place=error.where), err=True)
    if advice:
        say(tell(language, "  remedy: {remedy}", remedy=advice), err=True)
    if as_json:
        body = {"code": error.code, "reason": error.reason.value, "message": told}
        print_json({"error": body | {"where": error.where, "remedy": advice}})


def show_unforeseen(error: BaseException, *, as_json: bool) -> None:
    """An error that nobody foresaw: its class and place, no trace."""
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
