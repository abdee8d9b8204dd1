"""The passphrase of a device: typed, or the first line of a file."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.options import FILE
from gateway.host.private_file import read_private

passphrase_option = click.option(
    "--passphrase-file", type=FILE, help="A file whose first line is the passphrase; by default it is asked for."
)


def read_passphrase(file: Path | None, *, again: bool = False) -> str:
    """Return the passphrase; a new one that is typed is typed twice."""
    if file is not None:
        data = read_private(file, "passphrase", "write the passphrase into it")
        return data.decode("utf-8", "replace").partition("\n")[0].rstrip("\r")
    return str(click.prompt("passphrase of the device", hide_input=True, confirmation_prompt=again))
