"""`liaison suspend` and `liaison resume`: the country's off-switch. It needs nothing else to be up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from gateway.cli.output import home_option, json_option, print_json, say
from gateway.config.suspensions import Action

_F = TypeVar("_F", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--source", default="", help="One source, such as th.police.records."),
    click.option("--agency", default="", help="All sources of an agency."),
    click.option("--peer", default="", help="Everything with one counterpart."),
    click.option("--all", "everything", is_flag=True, help="Everything."),
    click.option("--reason", required=True, help="Why; it is logged, and the counterpart does not see it."),
)


def _options(command: _F) -> _F:
    for option in reversed(_OPTIONS):
        command = option(command)
    return home_option(json_option(command))


@click.command()
@_options
def suspend(**options: Any) -> int:
    """Switch a source, an agency, a counterpart or everything off, within 5 seconds.

    \b
    Examples:
      liaison suspend --home th --source th.police.records --reason "maintenance until noon"
      liaison suspend --home th --peer vn --reason "agreement under review"
      liaison suspend --home th --all --reason "key lost"
    """
    return _switch(Action.SUSPEND, **options)


@click.command()
@_options
def resume(**options: Any) -> int:
    """Switch on again what `suspend` has switched off; `--all` ends every suspension.

    \b
    Example:
      liaison resume --home th --source th.police.records --reason "maintenance done"
    """
    return _switch(Action.RESUME, **options)


def _switch(
    action: Action, home: Path, source: str, agency: str, peer: str, everything: bool, reason: str, as_json: bool
) -> int:
    from gateway.clock import SystemClock
    from gateway.config import Home, Suspensions, load_settings
    from gateway.errors import Malformed
    from gateway.ops.suspensions import switch, target_of

    settings = load_settings(home)
    try:
        target = target_of(source=source, agency=agency, peer=peer, everything=everything)
    except Malformed as error:
        raise click.UsageError(str(error)) from error
    if (note := _unknown(target, settings.sources)) and action is Action.SUSPEND:
        say(note, "warn", err=True)
    clock = SystemClock()
    place = Home(settings.home)
    line = switch(place, clock, action, target, reason)
    active = Suspensions(place.suspensions, clock.monotonic).active
    if as_json:
        print_json({"id": line.id, "time": line.time, "action": action.value, "target": target, "suspended": active})
    else:
        say(f"{'suspended' if action is Action.SUSPEND else 'resumed'}: {target} ({reason})", "good")
        for name, why in active.items():
            say(f"  switched off: {name}: {why}", "warn")
    return 0


def _unknown(target: str, sources: tuple[Any, ...]) -> str:
    """A warning for a target that this node does not have; it is written all the same, since it can come."""
    kind, _, name = target.partition(":")
    known = {"source": {source.id for source in sources}, "agency": {source.agency for source in sources}}
    if kind in known and name not in known[kind]:
        return f"note: no {kind} `{name}` in node.toml; known: {', '.join(sorted(known[kind])) or 'none'}"
    return ""
