"""`liaison office search`: a copy of alerts is searched without a node."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.inputs.passphrases import passphrase_option, read_passphrase
from gateway.cli.inputs.questions import one_question, question_options
from gateway.cli.options import FILE, FOLDER, TEXT, Word
from gateway.cli.output import Output, printed
from gateway.cli.speech import spoken
from gateway.clock import SystemClock
from gateway.desk.packs.devices import open_device
from gateway.desk.packs.searching import Asked, look_up
from gateway.model.purpose import Offence, Purpose
from gateway.model.query import QUERIES
from gateway.views.desk.copies import looked_lines, looked_value

_KINDS = tuple(kind for kind, each in QUERIES.items() if each.watched)
"""The kinds of things that alerts are about."""


@click.command()
@click.argument("file", type=FILE)
@click.option("--device", "folder", required=True, type=FOLDER, help="The device's folder.")
@click.option("--as", "person", required=True, type=TEXT, metavar="OFFICER", help="The officer's person id.")
@question_options(_KINDS)
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
    query = one_question(_KINDS, asked)
    opened = open_device(folder, read_passphrase(passphrase_file))
    wanted = Asked(person, Purpose(purpose), Offence(offence), query, case, ticket)
    looked = look_up(folder, opened, file, wanted, SystemClock().now_us())
    value = looked_value(looked, spoken())
    return Output(value, looked_lines(value, spoken()), 0 if looked.found else 1)
