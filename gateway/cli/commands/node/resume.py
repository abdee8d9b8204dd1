"""`liaison resume`: switch on again; an administrator signs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from certs.keyfiles import KeyPlace
from gateway.audit.acts.table import ActKind
from gateway.cli.commands.node.switches import nothing_to_switch, switch_options, switched, wanted_target
from gateway.cli.inputs.acts import key_option
from gateway.cli.options import home_option
from gateway.cli.output import Output, printed
from gateway.clock import SystemClock
from gateway.ops.acts.carry import bring
from gateway.ops.acts.draft import draft
from gateway.ops.acts.switches import home_to_switch, signers_of
from gateway.signing.keys import load_signing_key


@click.command()
@home_option
@switch_options
@key_option("An administrator's key")
@printed
def resume(home: Path, reason: str, keys: tuple[KeyPlace, ...], **names: Any) -> Output:
    """Switch on again what `suspend` has switched off. An administrator signs.

    `--all` ends every suspension but those of calling systems and of their certificates, which are ended one by one.

    \b
    Example:
      liaison resume --home th --source th.police.records --reason "maintenance done" --key adm.key
    """
    place, clock = home_to_switch(home), SystemClock()
    target, before = wanted_target(place, clock, reason, **names)
    if target not in before and not (target == "all" and before):
        return nothing_to_switch(target, before)
    line = bring(home, draft(home, ActKind.RESUME, reason, {"target": target}, keys))
    return switched(place, clock, line, signers_of(place, clock, list(map(load_signing_key, keys))))
