"""`liaison check`: read one identifier, say what it means and what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from gateway.cli.output import json_option, print_json, say

if TYPE_CHECKING:
    from gateway.records.identifiers.reading import Reading


@click.group()
def check() -> None:
    """Read an identifier: its parts, its check digits, and what is wrong with it. Exit code 1 when it is not right.

    \b
    Examples:
      liaison check container "CSQU 305438-3"
      liaison check national-id 1-2345-67890-12-1
      liaison check mrz "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<" "L898902C36UTO7408122F1204159ZE184226B<<<<<10"
    """


@check.command()
@click.argument("lines", nargs=-1, required=True)
@json_option
def mrz(lines: tuple[str, ...], as_json: bool) -> int:
    """The machine-readable zone of a passport, card or visa: each of its LINES as one argument.

    \b
    Example:
      liaison check mrz "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<" "L898902C36UTO7408122F1204159ZE184226B<<<<<10"
    """
    from gateway.clock import SystemClock
    from gateway.records.identifiers.mrz import read_mrz

    return _told(read_mrz("\n".join(lines), SystemClock().now().date()), as_json)


@check.command()
@click.argument("text")
@json_option
def container(text: str, as_json: bool) -> int:
    """A freight container's number (ISO 6346).

    \b
    Example:
      liaison check container "CSQU 305438-3"
    """
    from gateway.records.identifiers.containers import read_container

    return _told(read_container(text), as_json)


@check.command()
@click.argument("text")
@json_option
def imo(text: str, as_json: bool) -> int:
    """A ship's IMO number.

    \b
    Example:
      liaison check imo "IMO 9074729"
    """
    from gateway.records.identifiers.vessels import read_imo

    return _told(read_imo(text), as_json)


@check.command("national-id")
@click.argument("text")
@click.option("--scheme", default="", help="THA-PIN, CHN-RIC or VNM-CCCD; by default by the number's length.")
@json_option
def national_id(text: str, scheme: str, as_json: bool) -> int:
    """A national identity number, in the digits of any script.

    \b
    Example:
      liaison check national-id 1-2345-67890-12-1 --scheme THA-PIN
    """
    from gateway.clock import SystemClock
    from gateway.records.identifiers.national_ids import read_national_id

    return _told(read_national_id(text, scheme, SystemClock().now().date()), as_json)


@check.command()
@click.argument("text")
@click.option("--country", default="", help="ISO 3166-1 alpha-3; by default by the script of its letters.")
@json_option
def plate(text: str, country: str, as_json: bool) -> int:
    """A registration plate, with its letters in their own script.

    \b
    Example:
      liaison check plate "กข 1234" --country THA
    """
    from gateway.records.identifiers.plates import read_plate

    return _told(read_plate(text, country), as_json)


def _told(reading: Reading, as_json: bool) -> int:
    if as_json:
        print_json(reading.as_json())
        return 0 if reading.valid else 1
    say(f"{reading.kind}: {'right' if reading.valid else 'not right'}", "good" if reading.valid else "bad")
    for line in reading.text.split("\n"):
        say(f"  {line}")
    for name, value in reading.parts.items():
        say(f"  {name.replace('_', ' ')}: {_shown(value)}")
    for problem in reading.problems:
        say(f"  wrong: {problem}", "bad")
    for remark in reading.remarks:
        say(f"  note: {remark}", "warn")
    return 0 if reading.valid else 1


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')} {'right' if each else 'wrong'}" for name, each in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) if isinstance(value, list) else str(value)
