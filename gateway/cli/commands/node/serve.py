"""`liaison serve`: the node."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.options import home_option, json_option


@click.command()
@home_option
@click.option("--production", is_flag=True, help="Refuse everything that is for trials only.")
@json_option
def serve(home: Path, production: bool, as_json: bool) -> int:
    """Run the node until SIGTERM or Ctrl-C; it then drains and loses nothing. Logs are JSON lines on stderr.

    \b
    Examples:
      liaison serve --home th
      liaison serve --home th --production
    """
    from gateway.app.serve import serve as run_node

    del as_json  # its logs are JSON anyway
    return run_node(home, production)
