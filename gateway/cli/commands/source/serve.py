"""`liaison source serve`: a source process."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.options import json_option, source_home


@click.command()
@source_home
@json_option
def serve(home: Path, as_json: bool) -> int:
    """Serve the country's node until SIGTERM or Ctrl-C; what was taken is finished. Logs are JSON lines on stderr.

    \b
    Example:
      liaison source serve --home customs
    """
    from gateway.app.run.source import serve_source

    del as_json  # its logs are JSON anyway
    return serve_source(home)
