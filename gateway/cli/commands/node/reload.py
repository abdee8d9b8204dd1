"""`liaison reload`: settings in a running node."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from gateway.cli.options import home_option
from gateway.cli.output import Output, printed
from gateway.ops.homes.reload_request import Reloaded, request_reload
from gateway.views.lines import Line


@click.command()
@home_option
@printed
def reload(home: Path) -> Output:
    """Let a running node read node.toml again; it says which settings count now, and which need a restart.

    A file that cannot be used changes nothing (exit code 1). SIGHUP does the same; the node's log then says the result.
    docs/settings.md lists what can change so: limits, keys of officers' tokens, the log level. The own tables of names
    (`names/`) are read and checked, too; each row that differs needs a restart, since the key indexes are made anew.
    Mappings, access files, and the files of [notify] and of the outline of maps are compared with those of the start:
    each that is another one needs a restart, and is named.
    Where a policy folder decides that is not approved (in trials), its files are read again and decide from now on.

    \b
    Example:
      liaison reload --home th
    """
    answers = request_reload(home)
    value: dict[str, Any] = {
        "processes": [{"process": place, **msgspec.to_builtins(each)} for place, each in sorted(answers.items())]
    }
    lines = [line for place, each in sorted(answers.items()) for line in _lines(place, each)]
    return Output(value, lines, 1 if any(each.refused for each in answers.values()) else 0)


def _lines(place: int, answer: Reloaded) -> Iterator[Line]:
    """Yield what one process says."""
    if answer.refused:
        yield f"process {place}: nothing was changed: {answer.refused}", "bad"
        return
    yield f"process {place}: now in force: {', '.join(answer.live) or 'nothing differs'}", "good"
    if answer.restart:
        yield f"process {place}: needs a restart: {', '.join(answer.restart)}", "warn"
