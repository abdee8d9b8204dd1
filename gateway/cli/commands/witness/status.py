"""`liaison witness status`: show which entries witnesses have cosigned."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.options import home_option, json_option
from gateway.cli.output import print_result
from gateway.config.witness_home import WitnessHome
from gateway.ops.homes.witness_state import describe_memory, describe_node
from gateway.views.lines.witnesses import memory_lines, node_lines


@click.command()
@home_option
@json_option
def status(home: Path, as_json: bool) -> int:
    """How a node's logs stand with their witnesses, or what a domestic witness has cosigned; either may be running.

    Every cosignature is verified here. Exit code 1 when entries have waited for a quorum for over 15 minutes, or when
    heads were found that do not go together.

    \b
    Examples:
      liaison witness status --home th
      liaison witness status --home witness --json
    """
    if WitnessHome(home).settings.exists():
        about = describe_memory(home)
        print_result(about, memory_lines(about), as_json=as_json)
    else:
        about = describe_node(home)
        print_result(about, node_lines(about), as_json=as_json)
    return 1 if about["evidence"] or any(log.get("lost") for log in about["logs"]) else 0
