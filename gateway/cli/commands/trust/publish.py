"""`liaison trust publish`: a member's own descriptor and status."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.options import FOLDER, NEW_FILE, home_option, json_option
from gateway.cli.output import print_result
from gateway.ops.homes.trust_files import write_document
from gateway.ops.homes.trust_state import publish as publish_documents
from gateway.views.lines.trust import published_lines


@click.command()
@home_option
@click.option("--authority", type=FOLDER, help="The folder with authority.key; without it only the status is renewed.")
@click.option("--endpoint", "endpoints", multiple=True, help="host:port that counterparts call; repeatable.")
@click.option("--office", "offices", multiple=True, help="An office of this member; repeatable.")
@click.option("--agency", "agencies", multiple=True, help="An agency of this member; repeatable.")
@click.option("--out", type=NEW_FILE, help="A file for the documents, to be handed to the others.")
@json_option
def publish(
    home: Path,
    authority: Path | None,
    endpoints: tuple[str, ...],
    offices: tuple[str, ...],
    agencies: tuple[str, ...],
    out: Path | None,
    as_json: bool,
) -> int:
    """Make and sign the member's own descriptor (with --authority) and status; both are accepted at home.

    \b
    Examples:
      liaison trust publish --home th --authority th-authority --out th.jsonl
      liaison trust publish --home th --out th.jsonl        # the status alone
    """
    about, data = publish_documents(home, authority, endpoints, offices, agencies)
    if out is not None:
        write_document(out, data)
    told = str(out or "")
    print_result(about | {"out": told}, published_lines(about, told), as_json=as_json)
    return 0
