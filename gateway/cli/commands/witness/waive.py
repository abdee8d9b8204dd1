"""`liaison witness waive`: allow one start without a witness."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.acts import key_option
from gateway.cli.options import home_option, json_option
from gateway.cli.output import print_result
from gateway.ops.homes.unwitnessed_start import waive_start


@click.command()
@home_option
@click.option("--reason", required=True, help="Why no witness can be asked, and how you know that this copy is right.")
@key_option("An administrator's key")
@json_option
def waive(home: Path, reason: str, keys: tuple[Path, ...], as_json: bool) -> int:
    """Let the node start once although its log was moved or restored and no witness can be asked.

    The node cannot know then whether this is its newest copy. If it is not, its log forks, and the witnesses will show
    it. An administrator signs. The next start that needs the act uses it up, within seven days, and tells it in its
    entry.

    \b
    Example:
      liaison witness waive --home th --key adm.key --reason "moved to a new machine, links are cut, last size 81234"
    """
    path = waive_start(home, reason, keys)
    words = "the next start that needs a witness goes on without one, and says so in its entry"
    print_result({"waiver": str(path)}, [(words, "warn")], as_json=as_json)
    return 0
