"""`liaison suspend`: switch off. It needs nothing else to be up."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from gateway.cli.acts import key_option
from gateway.cli.options import home_option, json_option
from gateway.cli.switches import switch_options, tell_switch, wanted_target
from gateway.clock import SystemClock
from gateway.ops.acts.switches import home_to_switch
from gateway.ops.acts.switches import suspend as suspend_target
from gateway.signing.keys import load_signing_key


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
@json_option
def suspend(home: Path, reason: str, humanitarian: str, keys: tuple[Path, ...], as_json: bool, **names: Any) -> int:
    """Switch a source, an agency, a counterpart or everything off, within 5 seconds.

    It always works from the machine itself. The entry says who signed; without --key, the account, as unproved.

    \b
    Examples:
      liaison suspend --home th --source th.police.records --reason "maintenance until noon"
      liaison suspend --home th --peer vn --reason "agreement under review"
      liaison suspend --home th --peer vn --type Person --reason "agreement under review" \\
              --humanitarian-approved-by "minister of the interior"
      liaison suspend --home th --all --reason "key lost"
    """
    place, clock = home_to_switch(home), SystemClock()
    target, _ = wanted_target(place, clock, reason, **names)
    line = suspend_target(place, clock, target, reason, humanitarian, list(map(load_signing_key, keys)))
    return tell_switch(place, clock, asdict(line), as_json=as_json)
