"""`liaison check`: read one identifier of a kind."""

from __future__ import annotations

import click

from gateway.cli.output import Output, printed
from gateway.clock import SystemClock
from gateway.records.identifiers.conveyances import read_container, read_imo, read_plate
from gateway.records.identifiers.mrz import read_mrz
from gateway.records.identifiers.national_ids import read_national_id
from gateway.records.identifiers.reading import Reading
from gateway.views.lines.reading import reading_lines


def _reading(reading: Reading) -> Output:
    """Return the reading of an identifier; the exit code is 1 when the identifier is not right."""
    return Output(reading.as_json(), reading_lines(reading), 0 if reading.valid else 1)


@click.command()
@click.argument("text")
@printed
def container(text: str) -> Output:
    """A freight container's number (ISO 6346).

    \b
    Example:
      liaison check container "CSQU 305438-3"
    """
    return _reading(read_container(text))


@click.command()
@click.argument("text")
@printed
def imo(text: str) -> Output:
    """A ship's IMO number.

    \b
    Example:
      liaison check imo "IMO 9074729"
    """
    return _reading(read_imo(text))


@click.command()
@click.argument("lines", nargs=-1, required=True)
@printed
def mrz(lines: tuple[str, ...]) -> Output:
    """The machine-readable zone of a passport, card or visa: each of its LINES as one argument.

    \b
    Example:
      liaison check mrz "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<" "L898902C36UTO7408122F1204159ZE184226B<<<<<10"
    """
    return _reading(read_mrz("\n".join(lines), SystemClock().now().date()))


@click.command("national-id")
@click.argument("text")
@click.option("--scheme", default="", help="THA-PIN, CHN-RIC, VNM-CCCD or MMR-NRC; by default by the number's form.")
@printed
def national_id(text: str, scheme: str) -> Output:
    """A national identity number, in the digits of any script, and those of Myanmar in Burmese or Latin letters.

    \b
    Example:
      liaison check national-id 1-2345-67890-12-1 --scheme THA-PIN
      liaison check national-id "12/LaMaTa(N)123456"
    """
    return _reading(read_national_id(text, scheme, SystemClock().now().date()))


@click.command()
@click.argument("text")
@click.option("--country", default="", help="ISO 3166-1 alpha-3; by default by the script of its letters.")
@printed
def plate(text: str, country: str) -> Output:
    """A registration plate, with its letters in their own script.

    \b
    Example:
      liaison check plate "กข 1234" --country THA
    """
    return _reading(read_plate(text, country))
