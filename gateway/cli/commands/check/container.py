"""`liaison check container`: a freight container's number."""

from __future__ import annotations

import click

from gateway.cli.commands.check.reading import show_reading
from gateway.cli.options import json_option
from gateway.records.identifiers.containers import read_container


@click.command()
@click.argument("text")
@json_option
def container(text: str, as_json: bool) -> int:
    """A freight container's number (ISO 6346).

    \b
    Example:
      liaison check container "CSQU 305438-3"
    """
    return show_reading(read_container(text), as_json=as_json)
