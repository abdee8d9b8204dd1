"""`liaison check imo`: a ship's number."""

from __future__ import annotations

import click

from gateway.cli.commands.check.reading import show_reading
from gateway.cli.options import json_option
from gateway.records.identifiers.vessels import read_imo


@click.command()
@click.argument("text")
@json_option
def imo(text: str, as_json: bool) -> int:
    """A ship's IMO number.

    \b
    Example:
      liaison check imo "IMO 9074729"
    """
    return show_reading(read_imo(text), as_json=as_json)
