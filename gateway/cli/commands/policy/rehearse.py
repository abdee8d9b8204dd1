"""`liaison policy rehearse`: try a draft on what was answered."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.options import FOLDER, by_option, home_option, json_option
from gateway.cli.output import print_result, working
from gateway.ops.audit.policy_decisions import TRIED, rehearse_home, user
from gateway.ops.policy.policies import since_us
from gateway.views.lines.policy import rehearsal_lines, rehearsal_value


@click.command()
@home_option
@click.option("--draft", required=True, type=FOLDER, help="The national folder to try.")
@click.option("--since", default="30d", show_default=True, help="How far back: 30d, 12h, 2w.")
@by_option
@click.option("--reason", default="", help="Why, where it is more than trying a draft; it stands in the entry.")
@json_option
def rehearse(home: Path, draft: Path, since: str, by: str, reason: str, as_json: bool) -> int:
    """Decide again, by a draft, what this home really answered: what would newly leave, and what no more.

    Only what policy decided on is read, and only sums are shown: no officer, person, case or reference. It has an entry
    in the operations log first (`rehearsed`), also at a running node, and without that entry nothing is read.

    \b
    Example:
      liaison policy rehearse --home th --draft draft/th --since 30d
    """
    with working("deciding again"):
        entry, result = rehearse_home(home, draft, since_us(since), user(by, reason or TRIED))
    print_result(rehearsal_value(entry, result), rehearsal_lines(entry, result), as_json=as_json)
    return 0
