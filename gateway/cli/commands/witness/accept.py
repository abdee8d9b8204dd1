"""`liaison witness accept`: documents for a witness."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from gateway.cli.options import FILE, json_option, witness_home
from gateway.cli.output import print_result
from gateway.config.witness_home import load_witness
from gateway.ops.homes.trust_files import accept_documents
from gateway.views.lines.trust import accepted_lines


@click.command()
@click.argument("documents", nargs=-1, required=True, type=FILE)
@witness_home
@click.option("--fingerprint", help="Of the first charter; from the authorities, by voice or in person.")
@json_option
def accept(documents: tuple[Path, ...], home: Path, fingerprint: str | None, as_json: bool) -> int:
    """Take charters, descriptors and statuses; they say whose log is signed by which key. No restart is needed.

    \b
    Example:
      liaison witness accept charter.jsonl th.jsonl --home witness --fingerprint 3f2a…
    """
    taken = accept_documents(load_witness(home).home.trust, documents, fingerprint)
    print_result({"accepted": [asdict(item) for item in taken]}, accepted_lines(taken), as_json=as_json)
    return 0
