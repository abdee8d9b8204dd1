"""`liaison source`: the home of a source process, its certificates, its checks, and the agency's own log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from gateway.app.run.source_check import check_source
from gateway.audit.reading.show import Filter
from gateway.cli.module_keys import keys_in_module, module_options
from gateway.cli.options import FILE, FOLDER, NEW_FOLDER, source_home
from gateway.cli.output import Output, printed
from gateway.clock import SystemClock
from gateway.config import argument, host_port
from gateway.ops.audit.source_log import source_entries, source_value
from gateway.ops.homes.found_source import Founded, certify_requests, found_source, source_settings
from gateway.views.lines import Line
from gateway.views.lines.entries import source_line


@click.command()
@click.argument("requests", nargs=-1, required=True, type=FILE)
@click.option("--authority", required=True, type=FOLDER, help="The authority's folder (ca.key).")
@click.option("--out", required=True, type=NEW_FOLDER, help="Folder for the certificates and ca.pem.")
@printed
def certify(requests: tuple[Path, ...], authority: Path, out: Path) -> Output:
    """Certify REQUESTS of a source process, at the authority. Ask the agency by voice that they are its own.

    \b
    Example:
      liaison source certify --authority kh-authority --out certs record.csr tls.csr
    """
    made = certify_requests(authority, requests, out, SystemClock())
    lines = [(f"{out / file}: {uri}", "good") for file, uri in made.items()]
    return Output({"certified": made, "out": str(out)}, lines)


@click.command()
@source_home
@printed
def check(home: Path) -> Output:
    """Look at keys, certificates, the accepted node, the mapping and the agency's system; nothing is served.

    \b
    Example:
      liaison source check --home customs
    """
    findings = check_source(home)
    is_good = all(finding.good for finding in findings)
    lines: list[Line] = []
    for finding in findings:
        mark, style = ("ok  ", "good") if finding.good else ("stop", "bad")
        lines.append((f"{mark} {finding.what}: {finding.text}", style))
        lines += [f"     {finding.remedy}"] if finding.remedy else []
    return Output(
        {"good": is_good, "findings": [finding.as_json() for finding in findings]}, lines, 0 if is_good else 1
    )


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
@module_options
@printed
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
    key_uris: tuple[str, ...],
    module: str,
    pin_source: str,
) -> Output:
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
        out,
        member,
        agency,
        SystemClock(),
        authority=authority,
        statements=statements,
        settings=settings,
        in_module=keys_in_module(key_uris, module, pin_source),
    )
    is_kept = "source.toml" not in made.files
    about = {"member": member, "agency": agency, "made": made.files, "requests": made.requests}
    return Output(about | {"settings_kept": is_kept}, _lines(out, made, is_kept=is_kept))


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


@click.command()
@source_home
@click.option("--peer", default="", metavar="M", help="Only for this country.")
@click.option("--kind", default="", help="source-searched, source-issued, source-refused, …")
@click.option("--exchange", "exchange_id", default="", help="Only this exchange.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 100_000))
@printed
def log(home: Path, peer: str, kind: str, exchange_id: str, limit: int) -> Output:
    """Show the agency's own log: who was asked for, for whom and why, and what was signed. Newest first.

    \b
    Examples:
      liaison source log --home customs
      liaison source log --home customs --peer th --kind source-issued
    """
    found = source_entries(home, Filter(peer=peer, kind=kind, exchange_id=exchange_id), limit)
    return Output({"entries": [source_value(item) for item in found]}, map(source_line, found))
