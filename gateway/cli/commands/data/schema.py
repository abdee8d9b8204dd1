"""`liaison schema`: the record types as JSON Schema, for those who write to or read from this gateway."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.output import json_option, print_json, say


@click.group()
def schema() -> None:
    """The record types as JSON Schema.

    \b
    Example:
      liaison schema export --out schemas
    """


@schema.command()
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder for the files.")
@json_option
def export(out: Path, as_json: bool) -> int:
    """Write a JSON Schema (draft 2020-12) for each record type and the envelope, and an index.

    The folder is made where it is missing; files of the same names are replaced.

    \b
    Example:
      liaison schema export --out schemas
    """
    from certs.durable import replace
    from gateway.errors import Misconfigured, StorageBroken
    from gateway.records.schema import files

    written = []
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in files():
            replace(out / name, text.encode())
            written.append(name)
    except StorageBroken as error:
        remedy = "name another folder, or make room"
        raise Misconfigured(error.message, code="bad-path", where=str(out), remedy=remedy) from error
    if as_json:
        print_json({"out": str(out), "files": written})
        return 0
    for name in written:
        say(name)
    say(f"{len(written)} files written to {out}", "good")
    return 0
