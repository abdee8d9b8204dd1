"""`liaison act`: documents of acts that several persons sign, on machines of their own."""

from __future__ import annotations

from pathlib import Path

import click

from certs.keyfiles import KeyPlace
from gateway.cli.inputs.acts import act_output, problem_lines
from gateway.cli.options import FILE, KEY, NEW_FILE, home_option
from gateway.cli.output import Output, printed, progress_bars
from gateway.ops.acts.carry import bring_file
from gateway.ops.acts.draft import add_person
from gateway.ops.homes.documents import ACT, read_document


@click.command()
@click.argument("file", type=FILE)
@printed
def show(file: Path) -> Output:
    """Read an act: what it does, where, why, and how many signed.

    \b
    Example:
      liaison act show act
    """
    return act_output(file, read_document(file, ACT))


@click.command()
@click.argument("file", type=FILE)
@click.option("--key", required=True, type=KEY, help="The person's key (liaison trust person).")
@click.option("--out", required=True, type=NEW_FILE, help="The document with the signature.")
@printed
def sign(file: Path, key: KeyPlace, out: Path) -> Output:
    """Read an act, and add a person's signature. It needs no home.

    \b
    Example:
      liaison act sign act --key b.key --out act
    """
    data = add_person(file, key)
    out.write_bytes(data)
    return act_output(out, data)


@click.command()
@click.argument("file", type=FILE)
@home_option
@printed
def bring(file: Path, home: Path) -> Output:
    """Have a signed act carried out; a running node does it within a second or so.

    \b
    Example:
      liaison act bring act --home th
    """
    with progress_bars() as progress:
        done = bring_file(home, file, progress)
    return Output(done, [("the act has its entry, and is carried out", "good"), *problem_lines(done.get("problem"))])
