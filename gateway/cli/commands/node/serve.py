"""`liaison serve`: the node."""

from __future__ import annotations

from contextvars import Context
from dataclasses import asdict
from pathlib import Path

import click

from gateway.cli.options import home_option, json_option
from gateway.cli.output import print_json, say
from gateway.ops.finding import Obstacles
from gateway.views.lines.findings import finding_lines


@click.command()
@home_option
@click.option("--production", is_flag=True, help="Refuse everything that is for trials only.")
@json_option
def serve(home: Path, production: bool, as_json: bool) -> int:
    """Run the node until SIGTERM or Ctrl-C; it then drains and loses nothing. Logs are JSON lines on stderr.

    It refuses to start with what `liaison doctor` stops at, and lists all of it at once.

    \b
    Examples:
      liaison serve --home th
      liaison serve --home th --production
    """
    from gateway.app.run.serve import serve as run_node

    try:
        return Context().run(run_node, home, production)  # a node tells times by its readers, not by this command
    except Obstacles as refused:
        if len(refused.findings) == 1:
            raise
        return _listed(refused, as_json=as_json)


def _listed(refused: Obstacles, *, as_json: bool) -> int:
    """Print all obstacles; return the exit code."""
    text = f"{len(refused.findings)} obstacles keep this node from starting"
    say(f"error: {text}", "bad", err=True)
    for line in finding_lines(refused.findings):
        say(*((line,) if isinstance(line, str) else line), err=True)
    if as_json:
        error = {"code": "cannot-start", "reason": refused.reason.value, "message": text, "where": refused.where}
        print_json({"error": error | {"findings": [asdict(finding) for finding in refused.findings]}})
    return refused.exit_code
