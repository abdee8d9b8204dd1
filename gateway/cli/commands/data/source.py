"""`liaison source`: an agency's source as a process of its own, in the agency's own building."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from gateway.cli.output import json_option, print_json, say

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)
_THERE = click.Path(file_okay=False, exists=True, path_type=Path)


def _home(command: Any) -> Any:
    return click.option("--home", required=True, type=_THERE, help="The source process's home.")(command)


@click.group()
def source() -> None:
    """Run an agency's source in the agency's own building, with the agency's own signing key.

    The country's node reaches it by mutual TLS and never holds the key. It serves nothing without the node's signed
    reference to an exchange, and answers nothing that is not in its own log.

    \b
    From nothing to serving (in the agency, the authority's folder at hand):
      liaison source init --member kh --agency customs --out customs --authority kh-authority \\
              --statement kh/keys/statement.pem --mapping kh_customs.toml --url sqlite:///declarations.sqlite
      liaison source check --home customs
      liaison source serve --home customs

    At the node: put customs/keys/record.pem into the home's folder certificates/, `liaison trust publish`, and a
    [[source]] with url = "source://host:port" into node.toml.
    """


@source.command()
@click.option("--member", required=True, metavar="M", help="ISO 3166-1 alpha-2, small letters (kh).")
@click.option("--agency", required=True, help="The agency that owns the records (customs).")
@click.option("--out", required=True, type=_FOLDER, help="The new home.")
@click.option("--authority", type=_THERE, help="The authority's folder; without it, requests are written (*.csr).")
@click.option("--statement", "statements", multiple=True, type=_FILE, help="The node's keys/statement.pem; repeatable.")
@click.option(
    "--node", "nodes", multiple=True, help="Name of a node that may ask, as in its certificate (gw1); repeatable."
)
@click.option("--listen", default="", help="host:port for the node (127.0.0.1:7543).")
@click.option("--mapping", type=_FILE, help="TOML file that maps the system's tables to the record types.")
@click.option("--url", default="", help="Where the system is; the scheme chooses the adapter.")
@click.option("--access", type=_FILE, help="TOML file of passwords and certificates for it, mode 0600.")
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
    from gateway.clock import SystemClock
    from gateway.config import argument, host_port
    from gateway.ops.homes.found_source import found_source

    if listen:
        host_port(listen, "--listen")
    given = {
        "source.nodes": list(nodes),
        "source.mapping": str(mapping.resolve()) if mapping else "",
        "source.url": _from_here(url),
        "source.access": str(access.resolve()) if access else "",
        "listen.address": listen,
    }
    settings = {path: value for path, value in given.items() if value}
    made = found_source(
        out, member, agency, SystemClock(), authority=authority, statements=statements, settings=settings
    )
    is_kept = "source.toml" not in made.files
    if as_json:
        told = {"made": made.files, "requests": made.requests, "settings_kept": is_kept}
        print_json({"member": member, "agency": agency} | told)
        return 0
    say(f"made in {out}: {', '.join(made.files)}" if made.files else "everything is there already", "good")
    if is_kept:
        say(f"{out / 'source.toml'} stays as it was, whatever was given now: change it by hand", "warn")
    if made.requests:
        files = " ".join(argument(out / name) for name in made.requests)
        say(f"the authority certifies them: liaison source certify --authority ADIR --out CERTS {files}", "warn")
        say(f"then put record.pem and tls.pem into {out / 'keys'}, and ca.pem into {out}")
    record = out / "keys" / "record.pem"
    say(f"at the node: copy {record} into the home's certificates/, and `liaison trust publish` with the authority")
    say(f"what comes next: liaison source check --home {argument(out)}")
    return 0


@source.command()
@click.argument("requests", nargs=-1, required=True, type=_FILE)
@click.option("--authority", required=True, type=_THERE, help="The authority's folder (ca.key).")
@click.option("--out", required=True, type=_FOLDER, help="Folder for the certificates and ca.pem.")
@json_option
def certify(requests: tuple[Path, ...], authority: Path, out: Path, as_json: bool) -> int:
    """Certify REQUESTS of a source process, at the authority. Ask the agency by voice that they are its own.

    \b
    Example:
      liaison source certify --authority kh-authority --out certs record.csr tls.csr
    """
    from gateway.clock import SystemClock
    from gateway.ops.homes.found_source import certify_requests

    made = certify_requests(authority, requests, out, SystemClock())
    if as_json:
        print_json({"certified": made, "out": str(out)})
    else:
        for file, uri in made.items():
            say(f"{out / file}: {uri}", "good")
    return 0


@source.command()
@_home
@json_option
def serve(home: Path, as_json: bool) -> int:
    """Serve the country's node until SIGTERM or Ctrl-C; what was taken is finished. Logs are JSON lines on stderr.

    \b
    Example:
      liaison source serve --home customs
    """
    from gateway.app.source import serve_source

    del as_json  # its logs are JSON anyway
    return serve_source(home)


@source.command()
@_home
@json_option
def check(home: Path, as_json: bool) -> int:
    """Look at keys, certificates, the accepted node, the mapping and the agency's system; nothing is served.

    \b
    Example:
      liaison source check --home customs
    """
    from gateway.app.source_check import check_source

    findings = check_source(home)
    bad = [finding for finding in findings if not finding.good]
    if as_json:
        print_json({"good": not bad, "findings": [finding.as_json() for finding in findings]})
        return 1 if bad else 0
    for finding in findings:
        say(f"{'ok  ' if finding.good else 'stop'} {finding.what}: {finding.text}", "good" if finding.good else "bad")
        if finding.remedy:
            say(f"     {finding.remedy}")
    return 1 if bad else 0


@source.command()
@_home
@click.option("--peer", default="", metavar="M", help="Only for this country.")
@click.option("--kind", default="", help="source-searched, source-issued, source-refused, …")
@click.option("--exchange", "exchange_id", default="", help="Only this exchange.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 100_000))
@json_option
def log(home: Path, peer: str, kind: str, exchange_id: str, limit: int, as_json: bool) -> int:
    """Show the agency's own log: who was asked for, for whom and why, and what was signed. Newest first.

    \b
    Examples:
      liaison source log --home customs
      liaison source log --home customs --peer th --kind source-issued
    """
    from gateway.audit.reading.show import Filter
    from gateway.clock import rfc3339
    from gateway.config.source_home import load_source
    from gateway.errors import Misconfigured
    from gateway.ops.audit.source_log import source_entries

    database = load_source(home).home.database
    if not database.exists():
        raise Misconfigured("this source has not run yet", where=str(database), remedy="`liaison source serve`")
    found = source_entries(home, Filter(peer=peer, kind=kind, exchange_id=exchange_id), limit)
    if as_json:
        print_json({"entries": [_entry(shown, rfc3339(shown.entry.time_us)) for shown in found]})
        return 0
    for shown in found:
        entry, private = shown.entry, {key: value for key, value in shown.private.items() if key not in _BULKY}
        told = ", ".join(f"{key} {' '.join(_words(value))}" for key, value in private.items())
        told = told or f"erased: {shown.erased}"
        say(f"{rfc3339(entry.time_us)[:19]}Z {entry.kind:16} {entry.peer or '-':3} {entry.exchange_id or '-'}  {told}")
    return 0


_BULKY = frozenset({"reference", "request_hash", "marking"})
"""Left out in words; `--json` has them."""


def _words(value: Any) -> Iterator[str]:
    """What a value says, without the names of its parts."""
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _words(part)
    elif value != "":
        yield str(value)


def _entry(shown: Any, time: str) -> dict[str, Any]:
    entry = shown.entry
    about = {"time": time, "kind": entry.kind, "peer": entry.peer, "exchange_id": entry.exchange_id}
    return {"index": entry.index, **about, "private": shown.private, "erased": shown.erased}


def _from_here(url: str) -> str:
    """A relative SQLite file of this folder by its whole path, as the mapping's is: the home is another folder."""
    scheme, mark, path = url.partition(":///")
    file = Path(path)
    is_here = bool(mark) and scheme.startswith("sqlite") and not file.is_absolute() and file.is_file()
    return f"{scheme}:///{file.resolve()}" if is_here else url
