"""`liaison bench`: measures exchanges against a bare echo."""

from __future__ import annotations

import click

from gateway.cli.output import json_option


@click.command()
@click.option("--quick", is_flag=True, help="Fewer rows and shorter windows.")
@json_option
def bench(quick: bool, as_json: bool) -> int:
    """Measure the whole exchange and a bare mutual-TLS echo, interleaved, on this machine.

    \b
    Examples:
      liaison bench --quick
      liaison bench --json
    """
    from gateway.bench import run

    return run(quick=quick, as_json=as_json)
