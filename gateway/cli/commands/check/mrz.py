"""`liaison check mrz`: a machine-readable zone."""

from __future__ import annotations

import click

from gateway.cli.commands.check.reading import show_reading
from gateway.cli.options import json_option
from gateway.clock import SystemClock
from gateway.records.identifiers.mrz import read_mrz


@click.command()
@click.argument("lines", nargs=-1, required=True)
@json_option
def mrz(lines: tuple[str, ...], as_json: bool) -> int:
    """The machine-readable zone of a passport, card or visa: each of its LINES as one argument.

    \b
    Example:
      liaison check mrz "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<" "L898902C36UTO7408122F1204159ZE184226B<<<<<10"
    """
    return show_reading(read_mrz("\n".join(lines), SystemClock().now().date()), as_json=as_json)
