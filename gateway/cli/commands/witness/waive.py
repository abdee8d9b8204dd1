"""`liaison witness waive`: one start without a witness."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.options import home_option, json_option
from gateway.cli.output import print_result
from gateway.clock import SystemClock
from gateway.config import Home, load_settings
from gateway.ops.homes.start_waiver import waive as write_waiver


@click.command()
@home_option
@click.option("--by", required=True, help="Who takes the responsibility: person id or name of the duty officer.")
@click.option("--reason", required=True, help="Why no witness can be asked, and how you know that this copy is right.")
@json_option
def waive(home: Path, by: str, reason: str, as_json: bool) -> int:
    """Let the node start once although its log was moved or restored and no witness can be asked.

    The node cannot know then whether this is its newest copy. If it is not, its log forks, and the witnesses will show
    it. The word is used up by the next start that needs it, and stands in that start's entry.

    \b
    Example:
      liaison witness waive --home th --by th.adm.7 --reason "moved to the new machine, links are cut, last size 81234"
    """
    path = write_waiver(Home(load_settings(home).home), by, reason, SystemClock())
    words = "the next start that needs a witness goes on without one, and says so in its entry"
    print_result({"waiver": str(path)}, [(words, "warn")], as_json=as_json)
    return 0
