"""`liaison source init`: a source process's home."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from gateway.cli.options import FILE, FOLDER, NEW_FOLDER, json_option
from gateway.cli.output import print_result
from gateway.clock import SystemClock
from gateway.config import argument, host_port
from gateway.ops.homes.found_source import Founded, found_source, source_settings
from gateway.views.lines import Line


@click.command()
@click.option("--member", required=True, metavar="M", help="ISO 3166-1 alpha-2, small letters (kh).")
@click.option("--agency", required=True, help="The agency that owns the records (customs).")
@click.option("--out", required=True, type=NEW_FOLDER, help="The new home.")
@click.option("--authority", type=FOLDER, help="The authority's folder; without it, requests are written (*.csr).")
@click.option("--statement", "statements", multiple=True, type=FILE, help="The node's keys/statement.pem; repeatable.")
@click.option(
    "--node", "nodes", multiple=True, help="Name of a node that may ask, as in its certificate (gw1); repeatable."
)
@click.option("--listen", default="", help="host:port for the node (127.0.0.1:7543).")
@click.option("--mapping", type=FILE, help="TOML file that maps the system's tables to the record types.")
@click.option("--url", default="", help="Where the system is; the scheme chooses the adapter.")
@click.option("--access", type=FILE, help="TOML file of passwords and certificates for it, mode 0600.")
@json_option
def init(
    member: str,
    agency: str,
    out: Path,
    authority: Path | None,
    statements: tuple[Path, ...],
    nodes: tuple[str, ...],
    listen: str,
    mapping: Path | None,
    url: str,
    access: Path | None,
    as_json: bool,
) -> int:
    """Make a source process's home: keys, certificates or requests for them, source.toml. Keeps what exists.

    \b
    Examples:
      liaison source init --member kh --agency customs --out customs --authority kh-authority \\
              --statement kh/keys/statement.pem
      # the authority is elsewhere: it certifies customs/record.csr and customs/tls.csr
      liaison source init --member kh --agency customs --out customs --statement statement.pem
    """
    if listen:
        host_port(listen, "--listen")
    settings = source_settings(nodes, mapping, url, access, listen)
    made = found_source(
        out, member, agency, SystemClock(), authority=authority, statements=statements, settings=settings
    )
    is_kept = "source.toml" not in made.files
    about = {"member": member, "agency": agency, "made": made.files, "requests": made.requests}
    print_result(about | {"settings_kept": is_kept}, _lines(out, made, is_kept=is_kept), as_json=as_json)
    return 0


def _lines(out: Path, made: Founded, *, is_kept: bool) -> Iterator[Line]:
    yield f"made in {out}: {', '.join(made.files)}" if made.files else "everything is there already", "good"
    if is_kept:
        yield f"{out / 'source.toml'} stays as it was, whatever was given now: change it by hand", "warn"
    if made.requests:
        files = " ".join(argument(out / name) for name in made.requests)
        yield f"the authority certifies them: liaison source certify --authority ADIR --out CERTS {files}", "warn"
        yield f"then put record.pem and tls.pem into {out / 'keys'}, and ca.pem into {out}"
    record = out / "keys" / "record.pem"
    yield f"at the node: copy {record} into the home's certificates/, and `liaison trust publish` with the authority"
    yield f"what comes next: liaison source check --home {argument(out)}"
