"""`liaison witness serve`: the domestic witness."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.options import json_option, witness_home


@click.command()
@witness_home
@json_option
def serve(home: Path, as_json: bool) -> int:
    """Cosign the heads of the country's node until SIGTERM or Ctrl-C. Logs are JSON lines on stderr.

    \b
    Example:
      liaison witness serve --home witness
    """
    from gateway.app.run.domestic_witness import serve_witness

    del as_json  # its logs are JSON anyway
    return serve_witness(home)
