"""`liaison trust person` and `admit`: keys of persons who sign acts."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.options import FILE, NEW_FOLDER, home_option, json_option
from gateway.cli.output import print_json, say
from gateway.config import argument
from gateway.ops.homes.persons import admit_person
from gateway.ops.key_pairs import make_key_pair
from gateway.trust.documents.descriptor import PERSONS, KeyUse

_USE = click.option(
    "--use", required=True, type=click.Choice([use.value for use in PERSONS]), help="What the person may sign."
)


@click.command()
@_USE
@click.option("--out", required=True, type=NEW_FOLDER, help="Where the keys go.")
@click.option("--name", required=True, help="The person's id.")
@json_option
def person(use: str, out: Path, name: str, as_json: bool) -> int:
    """Make the key of a person: an administrator, data officer or approver. The key stays with that person alone.

    \b
    Example:
      liaison trust person --use administrator --out keys --name th.adm.7
    """
    made = make_key_pair(out, name)
    if as_json:
        print_json(made)
        return 0
    public = argument(Path(made["public"]))
    say(f"key, for that person alone: {made['key']}", "good")
    say(f"public key: {made['public']}; bring it into the home: liaison trust admit {public} --use {use} --home …")
    return 0


@click.command()
@click.argument("public", type=FILE)
@_USE
@home_option
@json_option
def admit(public: Path, use: str, home: Path, as_json: bool) -> int:
    """Bring a person's public key into a home; the descriptor that the authority signs next lists it.

    \b
    Example:
      liaison trust admit keys/th.adm.7.pub --use administrator --home th
    """
    target = admit_person(home, public, KeyUse(use))
    if as_json:
        print_json({"public": str(target)})
    else:
        say(f"{target}", "good")
        say(f"  now publish the descriptor: liaison trust publish --home {argument(home)} --authority ADIR --out FILE")
    return 0
