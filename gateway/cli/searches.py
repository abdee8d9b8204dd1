"""Print a search while it runs: each line as it comes, then the ids. `liaison ask` and `search show` share it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gateway.cli.client import failure
from gateway.cli.output import print_result, say, working
from gateway.cli.speech import spoken
from gateway.config import argument
from gateway.errors import Unavailable
from gateway.language.catalogue import tell
from gateway.views.search.lines import all_answered, answer_lines, last_lines


def show_search(states: Iterator[dict[str, Any]], own: str, *, as_json: bool, to_the_end: bool = False) -> int:
    """Print a search as it comes until its budget is over; return the exit code.

    `to_the_end`: until no late answer can come any more. Raises what kept our own node from running it, if anything,
    after all that there is.
    """
    language, shown = spoken(), list[dict[str, Any]]()
    search: dict[str, Any] = {"waiting_for": []}
    while newer := _next(states, search["waiting_for"] or search.get("awaiting_late", [])):
        search = newer
        for line in (each for each in search["lines"] if each not in shown and not as_json):
            shown.append(line)
            print_result(line, answer_lines(line, own, language), as_json=False)
        if search["done"] and not to_the_end:
            break
    if error := failure(search):
        raise error
    print_result(search, last_lines(search, language), as_json=as_json)
    return 0 if all_answered(search) else 1


@contextmanager
def remembered(search_id: str, home: Path, officer: str) -> Iterator[None]:
    """Tell how to look at the search again when the command ends before the search does."""
    try:
        yield
    except (KeyboardInterrupt, Unavailable):
        command = f"liaison search show {search_id} --home {argument(home)} --as {officer}"
        say(tell(spoken(), "the search goes on; look at it again: {command}", command=command), "warn", err=True)
        raise


def _next(states: Iterator[dict[str, Any]], waiting_for: list[str]) -> dict[str, Any] | None:
    if not waiting_for:
        return next(states, None)
    with working(tell(spoken(), "asking {members}", members=", ".join(waiting_for))):
        return next(states, None)
