"""Share between `liaison suspend` and `liaison resume` their options, the target, and the printing of a switch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from gateway.cli.output import print_json, say
from gateway.clock import Clock
from gateway.config import Home, Suspensions
from gateway.errors import Malformed
from gateway.ops.acts.switches import known_targets, target_of

_F = TypeVar("_F", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--source", default="", help="One source, such as th.police.records."),
    click.option("--agency", default="", help="All sources of an agency."),
    click.option("--peer", default="", help="Everything with one counterpart."),
    click.option("--type", "record_type", default="", help="With --peer: one record type, such as Person."),
    click.option("--all", "everything", is_flag=True, help="Everything."),
    click.option("--reason", required=True, help="Why; it is logged, and the counterpart does not see it."),
)


def switch_options(command: _F) -> _F:
    """Give a command the options that name a target and a reason."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def wanted_target(home: Home, clock: Clock, reason: str, **names: Any) -> tuple[str, dict[str, str]]:
    """Return the target that the options name, and the targets that are switched off now. Raises `UsageError`."""
    if not reason.strip():
        raise click.UsageError("--reason is empty: say why; it is logged, and the counterpart does not see it")
    try:
        target = target_of(**names)
    except Malformed as error:
        raise click.UsageError(str(error)) from error
    active = Suspensions(home.suspensions, clock.monotonic).active
    if target not in active:
        _check_known(target, *known_targets(home, clock))
    return target, active


def tell_switch(home: Home, clock: Clock, line: Mapping[str, Any], *, as_json: bool) -> int:
    """Print what was switched, and the targets that are off now; return the exit code."""
    active = Suspensions(home.suspensions, clock.monotonic).active
    if as_json:
        print_json({name: line[name] for name in ("id", "time", "action", "target")} | {"suspended": active})
    else:
        say(f"{'suspended' if line['action'] == 'suspend' else 'resumed'}: {line['target']} ({line['reason']})", "good")
        _tell_active(active)
    return 0


def _check_known(target: str, known: dict[str, set[str]], certain: bool) -> None:
    """Refuse an unknown name. Where that is not certain, print a note: the off-switch must always work."""
    kind, _, name = target.partition("/")[0].partition(":")
    if kind not in known or name in known[kind]:
        return
    text = f"there is no {kind} `{name}` here; known: {', '.join(sorted(known[kind])) or 'none'}"
    if certain:
        raise click.UsageError(f"{text}; nothing was changed")
    say(f"note: {text}; settings or trust documents could not be read, so it is taken as it is", "warn", err=True)


def tell_nothing(target: str, active: dict[str, str], *, as_json: bool) -> int:
    """Print that there is nothing to switch on; return the exit code."""
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
