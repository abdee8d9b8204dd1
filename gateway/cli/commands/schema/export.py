"""`liaison schema export`: the record types as JSON Schema."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.options import NEW_FOLDER
from gateway.cli.output import Output, printed
from gateway.records.schema import write_schemas
from gateway.views.lines import Line


@click.command()
@click.option("--out", required=True, type=NEW_FOLDER, help="Folder for the files.")
@printed
def export(out: Path) -> Output:
    """Write a JSON Schema (draft 2020-12) for each record type and the envelope, and an index.

    The folder is made where it is missing; files of the same names are replaced.

    \b
    Example:
      liaison schema export --out schemas
    """
    written = write_schemas(out)
    lines: list[Line] = [*written, (f"{len(written)} files written to {out}", "good")]
    return Output({"out": str(out), "files": written}, lines)
