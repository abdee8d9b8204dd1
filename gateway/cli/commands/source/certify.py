"""`liaison source certify`: certificates for a source process, at the authority."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.options import FILE, FOLDER, NEW_FOLDER, json_option
from gateway.cli.output import print_result
from gateway.clock import SystemClock
from gateway.ops.homes.found_source import certify_requests


@click.command()
@click.argument("requests", nargs=-1, required=True, type=FILE)
@click.option("--authority", required=True, type=FOLDER, help="The authority's folder (ca.key).")
@click.option("--out", required=True, type=NEW_FOLDER, help="Folder for the certificates and ca.pem.")
@json_option
def certify(requests: tuple[Path, ...], authority: Path, out: Path, as_json: bool) -> int:
    """Certify REQUESTS of a source process, at the authority. Ask the agency by voice that they are its own.

    \b
    Example:
      liaison source certify --authority kh-authority --out certs record.csr tls.csr
    """
    made = certify_requests(authority, requests, out, SystemClock())
    lines = [(f"{out / file}: {uri}", "good") for file, uri in made.items()]
    print_result({"certified": made, "out": str(out)}, lines, as_json=as_json)
    return 0
