"""`liaison check national-id`: a national identity number."""

from __future__ import annotations

import click

from gateway.cli.commands.check.reading import show_reading
from gateway.cli.options import json_option
from gateway.clock import SystemClock
from gateway.records.identifiers.national_ids import read_national_id


@click.command("national-id")
@click.argument("text")
@click.option("--scheme", default="", help="THA-PIN, CHN-RIC or VNM-CCCD; by default by the number's length.")
@json_option
def national_id(text: str, scheme: str, as_json: bool) -> int:
    """A national identity number, in the digits of any script.

    \b
    Example:
      liaison check national-id 1-2345-67890-12-1 --scheme THA-PIN
    """
    return show_reading(read_national_id(text, scheme, SystemClock().now().date()), as_json=as_json)
