"""`liaison act`: documents of acts that several persons sign, on machines of their own."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.acts import tell_act
from gateway.cli.options import home_option, json_option
from gateway.cli.output import print_json, say
from gateway.ops.acts.carry import bring_file
from gateway.ops.acts.draft import add_person
from gateway.ops.homes.documents import ACT, read_document

_FILE = click.Path(dir_okay=False, exists=True, path_type=Path)
_OUT = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("file", type=_FILE)
@json_option
def show(file: Path, as_json: bool) -> int:
    """Read an act: what it does, where, why, and how many signed.

    \b
    Example:
      liaison act show act
    """
    return tell_act(file, read_document(file, ACT), as_json=as_json)


@click.command()
@click.argument("file", type=_FILE)
@click.option("--key", required=True, type=_FILE, help="The person's key (liaison trust person).")
@click.option("--out", required=True, type=_OUT, help="The document with the signature.")
@json_option
def sign(file: Path, key: Path, out: Path, as_json: bool) -> int:
    """Read an act, and add a person's signature. It needs no home.

    \b
    Example:
      liaison act sign act --key b.key --out act
    """
    data = add_person(file, key)
    out.write_bytes(data)
    return tell_act(out, data, as_json=as_json)


@click.command()
@click.argument("file", type=_FILE)
@home_option
@json_option
def bring(file: Path, home: Path, as_json: bool) -> int:
    """Have a signed act carried out; a running node does it within a second or so.

    \b
    Example:
      liaison act bring act --home th
    """
    done = bring_file(home, file)
    if as_json:
        print_json(done)
    else:
        say("the act has its entry, and is carried out", "good")
        if problem := done.get("problem"):
            say(f"keys may live on in the copy of the keystore: {problem}", "bad")
    return 0
