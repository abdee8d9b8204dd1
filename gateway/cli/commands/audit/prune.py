"""`liaison audit prune`: remove old entries from the log; their hashes stay in the tree."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from gateway.cli.acts import key_option
from gateway.cli.options import TIME, home_option, json_option
from gateway.cli.output import print_json, say, working
from gateway.clock import to_micros
from gateway.ops.acts.prune_home import prune_home


@click.command()
@home_option
@click.option("--before", type=TIME, required=True, help="Only entries from before this time (UTC).")
@click.option("--reason", default="", help="Why; it stands in the entry.")
@key_option("An administrator's key")
@click.option("--dry-run", is_flag=True, help="Say how far it would go and what stops it; nothing is changed.")
@json_option
def prune(home: Path, before: datetime, reason: str, keys: tuple[Path, ...], dry_run: bool, as_json: bool) -> int:
    """Delete old entries of the exchange log to a lowest index. Their hashes stay, so all other proofs do.

    The node must not run, and an administrator signs. Only entries go whose content is erased already, which no legal
    hold covers, whose receipts are there and which are under a head that witnesses cosigned; whole tiles of 256. The
    operations log is never pruned, and says what was. Make an export for the auditor before: what goes cannot be
    verified any more, and `liaison audit verify` says so from then on (check 18, exit code 3).

    \b
    Examples:
      liaison audit prune --home th --before 2024-01-01 --dry-run
      liaison audit prune --home th --before 2024-01-01 --key adm.key --reason "archive law, section 12"
    """
    if not dry_run and not reason.strip():
        raise click.UsageError("give --reason: it stands in the entry; or --dry-run")
    with working("pruning the log"):
        plans = prune_home(home, to_micros(before), reason, keys, dry_run=dry_run)
    gone = any(plan.stop > plan.first for plan in plans)
    if as_json:
        value = [
            {"log": plan.log, "before": plan.first, "lowest": plan.stop, "kept_by": plan.kept_by} for plan in plans
        ]
        print_json({"dry_run": dry_run, "logs": value})
        return 0 if gone or dry_run else 1
    for plan in plans:
        count = plan.stop - plan.first
        word = "would be pruned" if dry_run else "pruned"
        say(f"{plan.log}: {count:,} entries {word}; it begins with entry {plan.stop:,}", "good" if count else "warn")
        if plan.kept_by:
            say(f"  it goes no further: {plan.kept_by}")
    return 0 if gone or dry_run else 1
