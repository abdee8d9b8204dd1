"""`liaison demo`: three countries exchange records on this machine."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.options import json_option


@click.command()
@click.option("--once", is_flag=True, help="End after the last step, also on a terminal.")
@click.option("--home", type=click.Path(file_okay=False, path_type=Path), help="Keep the federation in this folder.")
@json_option
def demo(once: bool, home: Path | None, as_json: bool) -> int:
    """Found a federation of th, vn and kh on loopback, and play six scenes with real certificates and processes.

    \b
    Examples:
      liaison demo
      liaison demo --once --home fed --json
    """
    from gateway.demo.play import run

    return run(once=once, home=home, as_json=as_json)
