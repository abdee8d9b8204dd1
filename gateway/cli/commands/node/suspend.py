"""`liaison suspend` and `liaison resume`: the country's off-switch. It needs nothing else to be up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from gateway.cli.options import home_option, json_option
from gateway.cli.output import print_json, say
from gateway.clock import SystemClock
from gateway.config import Suspensions
from gateway.config.suspensions import Action
from gateway.errors import Malformed
from gateway.ops.homes.suspensions import home_to_switch, known_targets, switch, target_of

_F = TypeVar("_F", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--source", default="", help="One source, such as th.police.records."),
    click.option("--agency", default="", help="All sources of an agency."),
    click.option("--peer", default="", help="Everything with one counterpart."),
    click.option("--type", "record_type", default="", help="With --peer: one record type, such as Person."),
    click.option("--all", "everything", is_flag=True, help="Everything."),
    click.option("--reason", required=True, help="Why; it is logged, and the counterpart does not see it."),
)


def _options(command: _F) -> _F:
    for option in reversed(_OPTIONS):
        command = option(command)
    return home_option(json_option(command))


@click.command()
@_options
@click.option(
    "--humanitarian-approved-by",
    "humanitarian",
    default="",
    help="Who approved that missing persons, victims in danger and threats to life go on all the same.",
)
def suspend(**options: Any) -> int:
    """Switch a source, an agency, a counterpart or everything off, within 5 seconds.

    \b
    Examples:
      liaison suspend --home th --source th.police.records --reason "maintenance until noon"
      liaison suspend --home th --peer vn --reason "agreement under review"
      liaison suspend --home th --peer vn --type Person --reason "agreement under review" \\
              --humanitarian-approved-by "minister of the interior"
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
    action: Action, home: Path, everything: bool, reason: str, as_json: bool, humanitarian: str = "", **names: str
) -> int:
    place = home_to_switch(home)
    if not reason.strip():
        raise click.UsageError("--reason is empty: say why; it is logged, and the counterpart does not see it")
    try:
        target = target_of(**names, everything=everything)
    except Malformed as error:
        raise click.UsageError(str(error)) from error
    clock = SystemClock()
    before = Suspensions(place.suspensions, clock.monotonic).active
    if target not in before:
        _check_known(target, *known_targets(place, clock))
        if action is Action.RESUME and not (everything and before):
            return _nothing_to_resume(target, before, as_json)
    line = switch(place, clock, action, target, reason, humanitarian)
    active = Suspensions(place.suspensions, clock.monotonic).active
    if as_json:
        print_json({"id": line.id, "time": line.time, "action": action.value, "target": target, "suspended": active})
    else:
        say(f"{'suspended' if action is Action.SUSPEND else 'resumed'}: {target} ({reason})", "good")
        _tell_active(active)
    return 0


def _check_known(target: str, known: dict[str, set[str]], certain: bool) -> None:
    """Refuse a name that is not here. Where that is not certain, note it: the off-switch must always work."""
    kind, _, name = target.partition("/")[0].partition(":")
    if kind not in known or name in known[kind]:
        return
    text = f"there is no {kind} `{name}` here; known: {', '.join(sorted(known[kind])) or 'none'}"
    if certain:
        raise click.UsageError(f"{text}; nothing was changed")
    say(f"note: {text}; settings or trust documents could not be read, so it is taken as it is", "warn", err=True)


def _nothing_to_resume(target: str, active: dict[str, str], as_json: bool) -> int:
    if as_json:
        print_json({"id": "", "time": "", "action": "resume", "target": target, "suspended": active})
    else:
        what = "nothing was" if target == "all" else f"{target} was not"
        say(f"{what} switched off; nothing was changed", "warn")
        _tell_active(active)
    return 0


def _tell_active(active: dict[str, str]) -> None:
    for name, why in active.items():
        say(f"  switched off: {name}: {why}", "warn")
