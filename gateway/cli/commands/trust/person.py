"""`liaison trust person` and `admit`: keys of persons who sign acts."""

from __future__ import annotations

from pathlib import Path

import click

from certs.hsm.uri import KeyUri
from certs.keyfiles import KeyPlace
from gateway.cli.options import FILE, KEY, NEW_FOLDER, held_option, home_option
from gateway.cli.output import Output, printed
from gateway.config import argument
from gateway.ops.homes.persons import admit_person
from gateway.ops.key_pairs import make_key_pair
from gateway.ops.keys.guests import name_successor
from gateway.trust.documents.descriptor import PERSONS, KeyUse

_USE = click.option(
    "--use", required=True, type=click.Choice([use.value for use in PERSONS]), help="What the person may sign."
)


@click.command()
@_USE
@click.option("--out", required=True, type=NEW_FOLDER, help="Where the keys go.")
@click.option("--name", required=True, help="The person's id.")
@held_option
@click.option("--follows", type=KEY, help="The person's present key: it signs that the new one takes its place.")
@printed
def person(use: str, out: Path, name: str, held: KeyUri | None, follows: KeyPlace | None) -> Output:
    """Make the key of a person: an administrator, data officer or approver. The key stays with that person alone.

    \b
    Examples:
      liaison trust person --use administrator --out keys --name th.adm.7
      liaison trust person --use administrator --out keys --name th.adm.7 --key-uri "pkcs11:token=adm7;object=sign"
      liaison trust person --use administrator --out keys --name th.adm.7-2 --follows keys/th.adm.7.key
    """
    if follows is not None:
        found = name_successor(use, follows, out, name, held)
        file = out / f"{name}.succession"
        about = {"key": str(held or out / f"{name}.key"), "successor": str(file), "key_id": found.key_id}
        return Output(about, [
            (f"key, for that person alone: {about['key']}", "good"),
            f"take it to the home: liaison cert rotate {use}/PRESENT --home … --successor {argument(file)}",
        ])  # fmt: skip
    made = make_key_pair(out, name, held)
    public = argument(Path(made["public"]))
    following = f"bring it into the home: liaison trust admit {public} --use {use} --home …"
    return Output(
        made, [(f"key, for that person alone: {made['key']}", "good"), f"public key: {made['public']}; {following}"]
    )


@click.command()
@click.argument("public", type=FILE)
@_USE
@click.option("--person", default="", help="Whose key it is, as tokens name them; by default the name of the file.")
@home_option
@printed
def admit(public: Path, use: str, person: str, home: Path) -> Output:
    """Bring a person's public key into a home; the descriptor that the authority signs next lists it.

    All keys of one person count as one where two persons sign, whatever their files are called.

    \b
    Example:
      liaison trust admit keys/th.adm.7.pub --use administrator --person th.o.7 --home th
    """
    target = admit_person(home, public, KeyUse(use), person)
    following = (
        f"  now publish the descriptor: liaison trust publish --home {argument(home)} --authority ADIR --out FILE"
    )
    return Output({"public": str(target)}, [(f"{target}", "good"), following])
