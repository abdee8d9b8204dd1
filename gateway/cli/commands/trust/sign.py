"""`liaison trust sign`: an authority's signature."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.options import FILE, FOLDER, NEW_FILE, json_option
from gateway.cli.output import print_result
from gateway.ops.homes.trust_files import sign_document
from gateway.views.lines.trust import signed_lines


@click.command()
@click.argument("document", type=FILE)
@click.option("--authority", required=True, type=FOLDER, help="The folder with authority.key.")
@click.option("--out", type=NEW_FILE, help="By default the signature is added to DOCUMENT itself.")
@json_option
def sign(document: Path, authority: Path, out: Path | None, as_json: bool) -> int:
    """Add an authority's signature to a charter or descriptor. Compare the fingerprint by voice first.

    \b
    Example:
      liaison trust sign charter.json --authority th-authority
    """
    about = sign_document(document, authority, out)
    print_result(about, signed_lines(about), as_json=as_json)
    return 0
