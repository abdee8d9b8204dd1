"""`liaison cert sign` and `client`: with the authority's folder."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from gateway.cli.options import FILE, FOLDER, NEW_FILE, NEW_FOLDER, home_option
from gateway.cli.output import Output, printed
from gateway.clock import SystemClock
from gateway.ops.keys.authority import make_client, sign_request, take_client_answer
from gateway.views.key_lines import client_lines, signed_key_lines


@click.command()
@click.argument("request", type=FILE)
@click.option("--authority", required=True, type=FOLDER, help="The folder with authority.key, ca.key and ca.pem.")
@click.option("--out", required=True, type=NEW_FILE, help="Where the answer goes.")
@printed
def sign(request: Path, authority: Path, out: Path) -> Output:
    """Answer a request of `cert rotate`, `renew` or `client`: certify its keys, sign the descriptor that lists them.

    Nothing but the shown keys changes in the descriptor. Where the charter demands several signatures, each further
    authority gives this command the answer.

    \b
    Examples:
      liaison cert sign statement.request --authority th-authority --out statement.answer
      liaison cert sign statement.answer --authority th-authority-2 --out statement.answer
    """
    about = sign_request(request, authority, out, SystemClock())
    return Output(about, signed_key_lines(about))


@click.command()
@click.argument("name")
@home_option
@click.option("--authority", type=FOLDER, help="The folder with ca.key; without it a request is written.")
@click.option("--answer", type=FILE, help="The authority's answer to the request.")
@click.option("--person", is_flag=True, help="NAME is the id of a person, who signs in at the console with a card.")
@click.option("--out", required=True, type=NEW_FOLDER, help="The folder of the system's key and certificate.")
@printed
def client(name: str, home: Path, authority: Path | None, answer: Path | None, person: bool, out: Path) -> Output:
    """Make key and certificate of a further client system of an agency. The node takes them at its REST port.

    The key stays where it is made: run this on the system's own machine, or carry the folder there and delete it here.
    A folder that has the key already gets a new certificate for it.

    \b
    Examples:
      liaison cert client records-desk --home th --authority th-authority --out records-desk
      liaison cert client records-desk --home th --out records-desk     # writes records-desk.request
      liaison cert client records-desk --home th --answer records-desk.answer --out records-desk
      liaison cert client th.o.1042 --person --home th --authority th-authority --out card
    """
    if answer is not None:
        if authority is not None:
            raise click.UsageError("--answer and --authority exclude each other")
        made = take_client_answer(answer, out, name)
    else:
        made = make_client(home, name, authority, out, SystemClock(), person=person)
    return Output(asdict(made), client_lines(made, out))
