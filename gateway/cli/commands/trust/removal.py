"""`liaison trust revoke` and `incident`: remove a key of our own, and plan what follows a theft."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from gateway.cli.inputs.moments import TIME
from gateway.cli.options import NEW_FILE, TEXT, home_option
from gateway.cli.output import Output, printed
from gateway.clock import SystemClock, to_us
from gateway.ops.homes.documents import write_document
from gateway.ops.removals.incident import plan_incident
from gateway.ops.removals.revoke import revoke as revoke_keys
from gateway.signing.keys import load_signing_key
from gateway.views.trust.incident import describe_incident, incident_lines
from gateway.views.trust.removal import describe_removal, removal_lines

_KEY_HELP = "statement, tls, agency/AGENCY, log, witness or online-ca, or the beginning of a key's id."


@click.command()
@home_option
@click.option("--key", "name", required=True, type=TEXT, metavar="KEY", help=_KEY_HELP)
@click.option(
    "--compromised-since",
    "since",
    type=TIME,
    help="From when on it proves nothing by itself; default: when the removal takes effect.",
)
@click.option("--reason", required=True, type=TEXT, help="Why; it is logged, and counterparts do not see it.")
@click.option(
    "--signed-with",
    "keys",
    multiple=True,
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="An administrator's key (liaison trust person): the entry names that person.",
)
@click.option("--out", type=NEW_FILE, help="A file for descriptor and status, to be carried where no link leads.")
@printed
def revoke(
    home: Path, name: str, since: datetime | None, reason: str, keys: tuple[Path, ...], out: Path | None
) -> Output:
    """Remove a key of our own at once, by the status key; nothing from offline is needed.

    It works with the node running or stopped. Counterparts that are connected refuse the key within 5 seconds.
    Without --compromised-since the key counts until the removal takes effect in our own node; with it, what the key
    signed from then on is proved where other evidence shows it (audit verify), else "key in other hands".

    \b
    Examples:
      liaison trust revoke --home vn --key statement --reason "laptop stolen"
      liaison trust revoke --home vn --key agency/immigration --compromised-since yesterday --reason "copied key file"
      liaison trust revoke --home vn --key tls --reason "machine replaced" --signed-with vn.adm.key --out vn.jsonl
    """
    since_us = None if since is None else to_us(since)
    removal = revoke_keys(home, name, reason, SystemClock(), since_us, list(map(load_signing_key, keys)))
    if out is not None:
        write_document(out, removal.documents)
    about = describe_removal(removal, home) | {"out": str(out or "")}
    return Output(about, removal_lines(about))


@click.command()
@home_option
@click.option("--key", "name", required=True, type=TEXT, metavar="KEY", help=_KEY_HELP)
@click.option("--since", type=TIME, help="Since when somebody else may have it; default: as it was removed.")
@printed
def incident(home: Path, name: str, since: datetime | None) -> Output:
    """Write the plan that follows the theft of a key: each step a command, and whether it is done already.

    Nothing is changed. The nodes of counterparts learn of a removed key from our documents; their doctor names it.

    \b
    Examples:
      liaison trust incident --home vn --key statement --since yesterday
      liaison trust incident --home vn --key 3f2a9c01 --json
    """
    since_us = None if since is None else to_us(since)
    about = describe_incident(plan_incident(home, name, SystemClock(), since_us))
    return Output(about, incident_lines(about))
