"""`liaison check`: read one identifier, say what it means and what is wrong with it."""

from __future__ import annotations

import click

from gateway.cli.lazy import LazyGroup

_CHECK = {
    "container": ("check.identifiers", "A freight container's number (ISO 6346)."),
    "imo": ("check.identifiers", "A ship's IMO number."),
    "mrz": ("check.identifiers", "The machine-readable zone of a passport, card or visa."),
    "national-id": ("check.identifiers", "A national identity number, in the digits of any script."),
    "plate": ("check.identifiers", "A registration plate, with its letters in their own script."),
}


@click.group("check", cls=LazyGroup, table=_CHECK)
def check() -> None:
    """Read an identifier: its parts, its check digits, and what is wrong with it. Exit code 1 when it is not right.

    \b
    Examples:
      liaison check container "CSQU 305438-3"
      liaison check national-id 1-2345-67890-12-1
      liaison check mrz "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<" "L898902C36UTO7408122F1204159ZE184226B<<<<<10"
    """
