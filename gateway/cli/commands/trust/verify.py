"""`liaison trust verify`: a charter with all its versions."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.options import FILE, json_option
from gateway.cli.output import print_result
from gateway.ops.homes.trust_files import verify_charter


@click.command()
@click.argument("file", type=FILE)
@click.option("--fingerprint", help="Of the first charter in the file.")
@json_option
def verify(file: Path, fingerprint: str | None, as_json: bool) -> int:
    """Verify a charter with all its versions, one a line. Exit code 3 when nothing vouches for the first one.

    \b
    Example:
      liaison trust verify charter.jsonl --fingerprint 3f2a…
    """
    about, versions = verify_charter(file, fingerprint)
    lines = [(f"version {about['version']} of `{about['federation']}` verifies over {versions} version(s)", "good")]
    if not fingerprint:
        lines.append(("nothing vouches for the first version: give its --fingerprint", "warn"))
    print_result(about | {"verified": True, "fingerprint_given": bool(fingerprint)}, lines, as_json=as_json)
    return 0 if fingerprint else 3
