"""`liaison witness init`: a domestic witness's home."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.options import NEW_FOLDER, json_option
from gateway.cli.output import print_result
from gateway.clock import SystemClock
from gateway.config import argument
from gateway.ops.homes.found_witness import found_witness
from gateway.views.lines import Line


@click.command()
@click.option("--member", required=True, metavar="M", help="ISO 3166-1 alpha-2, small letters (th).")
@click.option("--out", required=True, type=NEW_FOLDER, help="The new home.")
@click.option("--listen", default="", help="host:port for the node (127.0.0.1:7643).")
@json_option
def init(member: str, out: Path, listen: str, as_json: bool) -> int:
    """Make a domestic witness's home: keys, its card witness.pub, witness.toml. Keeps what exists.

    \b
    Example:
      liaison witness init --member th --out witness --listen 10.0.0.9:7643
    """
    made = found_witness(out, member, listen, SystemClock())
    lines: list[Line] = [
        (f"made in {out}: {', '.join(made)}" if made else "everything is there already", "good"),
        f"take {out / 'witness.pub'} to the node (witnesses/ of its home) and to the authority (`trust publish`)",
        f"what comes next: liaison witness accept CHARTER DESCRIPTOR --home {argument(out)} --fingerprint F",
    ]
    print_result({"member": member, "made": made}, lines, as_json=as_json)
    return 0
