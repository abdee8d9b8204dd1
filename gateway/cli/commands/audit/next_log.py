"""`liaison audit next-log`: go on under the next number of a log whose entries are lost for good."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.acts import key_option
from gateway.cli.options import home_option, json_option
from gateway.cli.output import print_json, say
from gateway.ops.acts.next_log import open_next_log


@click.command("next-log")
@home_option
@click.option("--log", required=True, type=click.Choice(["exchange", "operations"]), help="Which log.")
@key_option("An administrator's key")
@click.option("--reason", required=True, help="How the entries were lost, and how you know that they are.")
@click.option(
    "--unwitnessed", is_flag=True, help="Although no loss is proved: nobody can say whether this copy is right."
)
@json_option
def next_log(home: Path, log: str, keys: tuple[Path, ...], reason: str, unwitnessed: bool, as_json: bool) -> int:
    """Open the next number of a log whose entries are lost for good. The node must not run.

    An administrator signs.

    It is refused while the database gives every signed head that is known here. So start the node first: where a
    witness has seen more than the database holds, the start is refused and that head is kept. Look for every backup and
    replica before: what is opened is never closed again.

    What is left of the old number stays, can be exported and verified, and is never again said to be the whole log. The
    first entry of the new number says what is lost, who signed its opening, and why. Counterparts notice a gap in the
    numbers of our answers. For half a minute every request is refused, since its answer may be among what is lost.

    \b
    Example:
      liaison audit next-log --home th --log exchange --key adm.key \\
              --reason "disk of node-1 lost on 26 November; newest backup of the 25th; no replica"
    """
    opened = open_next_log(home, log, reason, keys, unwitnessed=unwitnessed)
    loss, kept = opened.loss, opened.loss.kept.size if opened.loss.kept else 0
    about = {"log": f"{log}/{opened.number}", "before": f"{log}/{loss.number}", "kept": kept, "known": loss.lost.size}
    about |= {"lost": loss.entries, "known_from": loss.known_from, "unwitnessed": unwitnessed}
    if as_json:
        print_json(about)
        return 0
    say(f"the log goes on as {about['log']}; its first entry says why", "good")
    say(
        f"  of {about['before']} {kept:,} entries are kept, and {loss.entries:,} are lost as far as heads are known",
        "warn",
    )
    say("  start the node, and tell authority, auditor and counterparts")
    return 0
