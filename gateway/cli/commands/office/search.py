"""`liaison office search`: a copy of alerts is searched without a node."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.inputs.passphrases import passphrase_option, read_passphrase
from gateway.cli.options import FILE, FOLDER, TEXT, VESSEL, Word, value_of, vessel_options
from gateway.cli.output import Output, printed
from gateway.cli.speech import spoken
from gateway.clock import SystemClock
from gateway.desk.packs.devices import open_device
from gateway.desk.packs.searching import Asked, look_up
from gateway.model.purpose import Offence, Purpose
from gateway.model.query import (
    ContainerQuery,
    DocumentQuery,
    NationalIdQuery,
    PersonQuery,
    Query,
    VehicleQuery,
    VesselQuery,
)
from gateway.model.values import NameForm, PartialDate
from gateway.views.desk.copies import looked_lines, looked_value

_ONE = "give one of --name, --document, --national-id, --plate, --container, and --vessel or a number of it"


@click.command()
@click.argument("file", type=FILE)
@click.option("--device", "folder", required=True, type=FOLDER, help="The device's folder.")
@click.option("--as", "person", required=True, type=TEXT, metavar="OFFICER", help="The officer's person id.")
@click.option("--name", "names", multiple=True, type=TEXT, help="The whole name, in any script; may be repeated.")
@click.option("--birth", default="", help="YYYY, YYYY-MM or YYYY-MM-DD, Gregorian.")
@click.option("--document", default="", help="The number of a travel document.")
@click.option("--issuer", default="", help="Its issuer, ICAO alpha-3 (VNM).")
@click.option("--national-id", default="", help="A national identity number.")
@click.option("--plate", default="", help="The plate of a vehicle.")
@click.option("--province", default="", help="Its province.")
@click.option("--container", default="", help="The number of a container.")
@vessel_options
@click.option("--purpose", default="BORDER_CHECK", type=Word([item.value for item in Purpose]), help="Why it is asked.")
@click.option("--offence", default="OTHER", type=Word([item.value for item in Offence]), help="The offence in view.")
@click.option("--case", default="", help="Case number; this or --ticket is required.")
@click.option("--ticket", default="", help="Ticket of a single check.")
@passphrase_option
@printed
def search(
    file: Path,
    folder: Path,
    person: str,
    purpose: str,
    offence: str,
    case: str,
    ticket: str,
    passphrase_file: Path | None,
    **asked: str,
) -> Output:
    """Search a copy of alerts without a node. What it does not hold may still be sought: it never says no hit.

    The look-up is signed by the device and kept beside its keys; `liaison office return` brings it back.

    \b
    Examples:
      liaison office search alerts.copy --device /media/tablet --as th.o.1042 --ticket MS-4471 --name "Somchai Jaidee"
      liaison office search alerts.copy --device /media/tablet --as th.o.1042 --ticket MS-4472 --plate "กข 1234"
    """
    query = _query(asked)
    opened = open_device(folder, read_passphrase(passphrase_file))
    wanted = Asked(person, Purpose(purpose), Offence(offence), query, case, ticket)
    looked = look_up(folder, opened, file, wanted, SystemClock().now_us())
    value = looked_value(looked, spoken())
    return Output(value, looked_lines(value, spoken()), 0 if looked.found else 1)


def _query(asked: dict[str, str]) -> Query:
    names = asked["names"]
    given = [name for name in ("names", "document", "national_id", "plate", "container", *VESSEL) if asked[name]]
    is_vessel = bool(given) and set(given) <= set(VESSEL)
    if not is_vessel and len(given) != 1:
        raise click.UsageError(_ONE)
    with value_of(f"--{given[0].removesuffix('s').replace('_', '-')}"):
        if names:
            birth = PartialDate(asked["birth"]) if asked["birth"] else None
            return PersonQuery(tuple(NameForm(name) for name in names), birth)
        if asked["document"]:
            return DocumentQuery(asked["document"], asked["issuer"])
        if asked["national_id"]:
            return NationalIdQuery(asked["national_id"])
        if asked["plate"]:
            return VehicleQuery(asked["plate"], asked["province"])
        if is_vessel:
            return VesselQuery(*(asked[name] for name in (*VESSEL, "flag")))
    return ContainerQuery(asked["container"])
