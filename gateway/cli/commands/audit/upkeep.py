"""`liaison audit prune` and `next-log`: shorten a log, or go on under the next number of one that is lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import click

from certs.keyfiles import KeyPlace
from gateway.audit.retention.prune import Plan
from gateway.cli.inputs.acts import key_option
from gateway.cli.inputs.moments import TIME
from gateway.cli.options import home_option
from gateway.cli.output import Output, printed, working
from gateway.clock import to_micros
from gateway.ops.acts.next_log import open_next_log
from gateway.ops.retention.prune_home import prune_home
from gateway.views.lines import Line


@click.command()
@home_option
@click.option("--before", type=TIME, required=True, help="Only entries from before this time.")
@click.option("--reason", default="", help="Why; it stands in the entry.")
@key_option("An administrator's key")
@click.option("--dry-run", is_flag=True, help="Say how far it would go and what stops it; nothing is changed.")
@printed
def prune(home: Path, before: datetime, reason: str, keys: tuple[KeyPlace, ...], dry_run: bool) -> Output:
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
    logs = [{"log": plan.log, "before": plan.first, "lowest": plan.stop, "kept_by": plan.kept_by} for plan in plans]
    gone = any(plan.stop > plan.first for plan in plans)
    value = {"dry_run": dry_run, "logs": logs}
    return Output(value, _pruned_lines(plans, "would be pruned" if dry_run else "pruned"), 0 if gone or dry_run else 1)


def _pruned_lines(plans: list[Plan], done: str) -> Iterator[Line]:
    for plan in plans:
        count = plan.stop - plan.first
        yield f"{plan.log}: {count:,} entries {done}; it begins with entry {plan.stop:,}", "good" if count else "warn"
        if plan.kept_by:
            yield f"  it goes no further: {plan.kept_by}"


@click.command("next-log")
@home_option
@click.option("--log", required=True, type=click.Choice(["exchange", "operations"]), help="Which log.")
@key_option("The key of one who signs", more="; two persons sign, so give it twice")
@click.option("--reason", required=True, help="How the entries were lost, and how you know that they are.")
@click.option(
    "--unwitnessed", is_flag=True, help="Although no loss is proved: nobody can say whether this copy is right."
)
@printed
def next_log(home: Path, log: str, keys: tuple[KeyPlace, ...], reason: str, unwitnessed: bool) -> Output:
    """Open the next number of a log whose entries are lost for good. The node must not run.

    Two persons sign, one of them an administrator.

    It is refused while the database gives every signed head that is known here. So start the node first: where a
    witness has seen more than the database holds, the start is refused and that head is kept. Look for every backup and
    replica before: what is opened is never closed again.

    What is left of the old number stays, can be exported and verified, and is never again said to be the whole log. The
    first entry of the new number says what is lost, who signed its opening, and why. Counterparts notice a gap in the
    numbers of our answers. For half a minute every request is refused, since its answer may be among what is lost.

    \b
    Example:
      liaison audit next-log --home th --log exchange --key adm.key --key app.key \\
              --reason "disk of node-1 lost on 26 November; newest backup of the 25th; no replica"
    """
    opened = open_next_log(home, log, reason, keys, unwitnessed=unwitnessed)
    loss, kept = opened.loss, opened.loss.kept.size if opened.loss.kept else 0
    about = {"log": f"{log}/{opened.number}", "before": f"{log}/{loss.number}", "kept": kept, "known": loss.lost.size}
    about |= {"lost": loss.entries, "known_from": loss.known_from, "unwitnessed": unwitnessed}
    lost = f"{kept:,} entries are kept, and {loss.entries:,} are lost as far as heads are known"
    lines: list[Line] = [
        (f"the log goes on as {about['log']}; its first entry says why", "good"),
        (f"  of {about['before']} {lost}", "warn"),
        "  start the node, and tell authority, auditor and counterparts",
    ]
    return Output(about, lines)
