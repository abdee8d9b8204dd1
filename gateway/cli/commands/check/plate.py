"""`liaison check plate`: a registration plate."""

from __future__ import annotations

import click

from gateway.cli.commands.check.reading import show_reading
from gateway.cli.options import json_option
from gateway.records.identifiers.plates import read_plate


@click.command()
@click.argument("text")
@click.option("--country", default="", help="ISO 3166-1 alpha-3; by default by the script of its letters.")
@json_option
def plate(text: str, country: str, as_json: bool) -> int:
    """A registration plate, with its letters in their own script.

    \b
    Example:
      liaison check plate "กข 1234" --country THA
    """
    return show_reading(read_plate(text, country), as_json=as_json)
