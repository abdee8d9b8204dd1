"""`liaison suspend`: switch off. It needs nothing else to be up, so it imports no part that opens a log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from certs.keyfiles import KeyPlace
from gateway.audit.acts.act import Proved
from gateway.cli.inputs.acts import key_option
from gateway.cli.options import home_option, together
from gateway.cli.output import Output, printed, say
from gateway.clock import Clock, SystemClock
from gateway.config import Home, Suspensions
from gateway.errors import Malformed
from gateway.ops.acts.switches import home_to_switch, known_targets, signers_of, target_of, wait_for_look
from gateway.ops.acts.switches import suspend as suspend_target
from gateway.signing.keys import load_signing_key
from gateway.views.lines import Exact, Line

switch_options = together(
    click.option("--source", default="", help="One source, such as th.police.records."),
    click.option("--agency", default="", help="All sources of an agency."),
    click.option("--peer", default="", help="Everything with one counterpart."),
    click.option("--type", "record_type", default="", help="With --peer: one record type, such as Person."),
    click.option("--client", default="", help="One agency system at our REST API, with all of its certificates."),
    click.option("--certificate", default="", help="One certificate of an agency system: its file, or its x5t#S256."),
    click.option("--all", "everything", is_flag=True, help="Everything."),
    click.option("--reason", required=True, help="Why; it is logged, and the counterpart does not see it."),
)


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


def switched(home: Home, clock: Clock, line: Mapping[str, Any], by: Proved) -> Output:
    """Return what was switched, who the entry names, and the targets that are off now."""
    active, counts = Suspensions(home.suspensions, clock.monotonic).active, wait_for_look(home)
    told = f"{'suspended' if line['action'] == 'suspend' else 'resumed'}: {line['target']} ({line['reason']})"
    value = {name: line[name] for name in ("id", "time", "action", "target")}
    value |= {"proof": by.proof.value, "by": by.words, "suspended": active, "counts": counts}
    when = "the running node counts it from now on" if counts else "no node runs: it counts at the next start"
    return Output(value, [(Exact(told), "good"), f"  {when}", _signed_line(by), *_active_lines(active)])


def _signed_line(by: Proved) -> Line:
    if by.persons:
        return f"  signed by {by.words}, as the entry says"
    told = f"  no listed administrator signed: the entry names the account `{by.words}` of this machine, as unproved"
    return f"{told} (--key ONE.key proves it)", "warn"


def _check_known(target: str, known: dict[str, set[str]], certain: bool) -> None:
    """Refuse an unknown name. Where that is not certain, print a note: the off-switch must always work."""
    kind, _, name = target.partition("/")[0].partition(":")
    if kind not in known or name in known[kind]:
        return
    text = f"there is no {kind} `{name}` here; known: {', '.join(sorted(known[kind])) or 'none'}"
    if certain:
        raise click.UsageError(f"{text}; nothing was changed")
    say(f"note: {text}; settings or trust documents could not be read, so it is taken as it is", "warn", err=True)


def nothing_to_switch(target: str, active: dict[str, str]) -> Output:
    """Return that there is nothing to switch on."""
    what = "nothing was" if target == "all" else f"{target} was not"
    value = {"id": "", "time": "", "action": "resume", "target": target, "suspended": active}
    return Output(value, [(f"{what} switched off; nothing was changed", "warn"), *_active_lines(active)])


def _active_lines(active: dict[str, str]) -> list[Line]:
    return [(f"  switched off: {name}: {why}", "warn") for name, why in active.items()]


@click.command()
@home_option
@switch_options
@click.option(
    "--humanitarian-approved-by",
    "humanitarian",
    default="",
    help="Who approved that missing persons, victims in danger and threats to life go on all the same.",
)
@key_option("An administrator's key")
@printed
def suspend(home: Path, reason: str, humanitarian: str, keys: tuple[KeyPlace, ...], **names: Any) -> Output:
    """Switch a source, agency, counterpart, calling system, certificate or everything off.

    It is off when the command ends: it waits for a second until a running node counts it.

    It always works from the machine itself. The entry says who signed; without --key, the account, as unproved.

    \b
    Examples:
      liaison suspend --home th --source th.police.records --reason "maintenance until noon"
      liaison suspend --home th --peer vn --reason "agreement under review"
      liaison suspend --home th --peer vn --type Person --reason "agreement under review" \\
              --humanitarian-approved-by "minister of the interior"
      liaison suspend --home th --certificate records-desk.pem --reason "laptop stolen"
      liaison suspend --home th --all --reason "key lost"
    """
    place, clock = home_to_switch(home), SystemClock()
    target, _ = wanted_target(place, clock, reason, **names)
    signing = list(map(load_signing_key, keys))
    line = suspend_target(place, clock, target, reason, humanitarian, signing)
    return switched(place, clock, asdict(line), signers_of(place, clock, signing))
