"""`liaison demo`: three countries exchange records on this machine."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.options import json_option


@click.command()
@click.option("--once", is_flag=True, help="End after the last step, also on a terminal.")
@click.option("--serve", "serving", is_flag=True, help="Return after the last step and leave the nodes running.")
@click.option("--stop", "stopping", is_flag=True, help="End the nodes that --serve left running.")
@click.option("--home", type=click.Path(file_okay=False, path_type=Path), help="Keep the federation in this folder.")
@json_option
def demo(once: bool, serving: bool, stopping: bool, home: Path | None, as_json: bool) -> int:
    """Found a federation of th, vn and kh on loopback, and play twelve scenes with real certificates and processes.

    \b
    Examples:
      liaison demo
      liaison demo --once --home fed --json
      liaison demo --serve --home fed    # prints `ready` when the nodes are there to work with
      liaison demo --stop --home fed
    """
    from gateway.demo.stories.play import run
    from gateway.demo.stories.serve import serve, stop

    if once + serving + stopping > 1:
        raise click.UsageError("--once, --serve and --stop exclude each other")
    if not serving and not stopping:
        return run(once=once, home=home, as_json=as_json)
    if home is None:
        raise click.UsageError(f"{'--serve' if serving else '--stop'} needs --home, the folder of the federation")
    return (serve if serving else stop)(home, as_json=as_json)
