"""`liaison trust accept`: documents for a home."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from gateway.cli.options import FILE, home_option, json_option
from gateway.cli.output import print_result
from gateway.config import Home, load_settings
from gateway.ops.homes.trust_files import accept_documents
from gateway.views.lines.trust import accepted_lines


@click.command()
@click.argument("documents", nargs=-1, required=True, type=FILE)
@home_option
@click.option("--fingerprint", help="Of the first charter; get it from the authorities by voice or in person.")
@json_option
def accept(documents: tuple[Path, ...], home: Path, fingerprint: str | None, as_json: bool) -> int:
    """Take charters, descriptors and statuses into a home; older and contradicting ones are refused.

    \b
    Examples:
      liaison trust accept charter.json --home th --fingerprint 3f2a…
      liaison trust accept vn.jsonl kh.jsonl --home th
    """
    taken = accept_documents(Home(load_settings(home).home).trust, documents, fingerprint)
    print_result({"accepted": [asdict(item) for item in taken]}, accepted_lines(taken), as_json=as_json)
    return 0
