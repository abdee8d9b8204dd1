"""`python -m bridges.taxii`: serve the reports of a node to readers of TAXII 2.1."""

from __future__ import annotations

import argparse
import hashlib
import secrets
import sys
import threading
from collections import Counter
from pathlib import Path

from bridges.command import address, journal, parser, run
from bridges.leaving import Audience
from bridges.node import Library, add_node_options, node_client
from bridges.report import Report
from bridges.taxii.listening import server, tls_context
from bridges.taxii.readers import Readers, is_name
from bridges.taxii.server import COLLECTION, ROOT, Told, application
from bridges.taxii.shelf import Shelf
from gateway.clock import SystemClock
from gateway.errors import LiaisonError, Misused

_EXAMPLES = """\
  # an entry for the list of readers, and the token that the reader gets
  python -m bridges.taxii token --name opencti --audience country

  # what would leave, and why the rest stays
  python -m bridges.taxii check --member th --node 127.0.0.1:8443 --node-name node1.th.liaison.internal \\
      --ca ca.pem --certificate taxii.pem --key taxii.key --token-file taxii.token

  # serve
  python -m bridges.taxii serve --member th --node 127.0.0.1:8443 --node-name node1.th.liaison.internal \\
      --ca ca.pem --certificate taxii.pem --key taxii.key --token-file taxii.token \\
      --listen 0.0.0.0:6443 --tls-certificate server.pem --tls-key server.key --readers readers.toml
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the command, and return its exit code."""
    options = _parser().parse_args(arguments)
    return run(options.command, options)


def _parser() -> argparse.ArgumentParser:
    whole = parser(
        "bridges.taxii",
        "A read-only TAXII 2.1 server for the reports of a node, in STIX 2.1. Reports without personal data leave, as "
        "far as their marking allows; withdrawn ones leave as revoked. Nothing comes in.",
        _EXAMPLES,
    )
    commands = whole.add_subparsers(required=True, metavar="serve | check | token")
    serve = commands.add_parser("serve", help="serve the reports", allow_abbrev=False)
    check = commands.add_parser("check", help="say what would leave, and why the rest stays", allow_abbrev=False)
    for one in (serve, check):
        one.add_argument("--member", required=True, help="our own country: th")
        add_node_options(one)
    serve.add_argument("--listen", required=True, metavar="HOST:PORT", help="where readers call")
    serve.add_argument("--tls-certificate", required=True, type=Path, metavar="FILE", help="the server's certificate")
    serve.add_argument("--tls-key", required=True, type=Path, metavar="FILE", help="its key")
    serve.add_argument("--client-ca", type=Path, metavar="FILE", help="the authority of readers' certificates")
    serve.add_argument("--readers", required=True, type=Path, metavar="FILE", help="the list of readers")
    serve.add_argument("--title", default="Liaison reports", help="the name that readers see")
    serve.add_argument("--every", type=float, default=300.0, metavar="S", help="seconds between two looks at the node")
    serve.add_argument("--stale", type=float, default=1200.0, metavar="S", help="without the node for so long: refuse")
    serve.set_defaults(command=_serve)
    check.set_defaults(command=_check)
    token = commands.add_parser("token", help="make a token and its entry in the list of readers", allow_abbrev=False)
    token.add_argument("--name", required=True, help="the reader's name")
    token.add_argument("--audience", required=True, choices=[one.name.lower() for one in Audience])
    token.set_defaults(command=_token)
    return whole


def _serve(options: argparse.Namespace) -> None:
    clock = SystemClock()
    told = journal(clock)
    shelf = Shelf(clock.now_us, clock.monotonic, options.stale)
    host, port = address(options.listen)
    app = application(shelf, Readers(options.readers), options.title, told)
    context = tls_context(options.tls_certificate, options.tls_key, options.client_ca)
    library, ended = Library(node_client(options), options.member, clock.now_us), threading.Event()
    looking = threading.Thread(target=_look, args=(library, shelf, options.every, told, ended), daemon=True)
    looking.start()
    facts: dict[str, object] = {"address": options.listen, "root": ROOT, "collection": COLLECTION}
    try:
        server(app, host, port, context, lambda: told("serving", facts)).run()
    finally:
        ended.set()


def _look(library: Library, shelf: Shelf, every: float, told: Told, ended: threading.Event) -> None:
    """Read the node's reports again and again; an error is told, and the last list stands until it is too old."""
    while not ended.is_set():
        try:
            reports = library.look()
            shelf.put(reports)
            told("node-read", _counts(reports))
        except LiaisonError as error:
            told("node-not-read", {"code": error.code, "problem": str(error)})
        ended.wait(every)


def _check(options: argparse.Namespace) -> None:
    reports = Library(node_client(options), options.member, SystemClock().now_us).look()
    for name, count in _counts(reports).items():
        print(f"{count:6}  {name}")
    for report in reports:
        if report.kept_back and not report.ended_us:
            print(f"stays   {report.id} of {report.member}: {report.kept_back}")


def _counts(reports: list[Report]) -> dict[str, object]:
    ended = sum(1 for report in reports if report.ended_us)
    labels = Counter(f"TLP:{one.handling.label.upper()}" for one in reports if one.handling and not one.ended_us)
    stays = sum(1 for one in reports if one.handling is None and not one.ended_us)
    return {"reports": len(reports), "withdrawn": ended, "stay": stays, **dict(sorted(labels.items()))}


def _token(options: argparse.Namespace) -> None:
    if not is_name(options.name):
        raise Misused("the name is 1 to 64 of a-z 0-9 . _ -", where="--name")
    token = secrets.token_urlsafe(32)
    digest = hashlib.sha256(token.encode()).hexdigest()
    print("# for the reader, and shown once:", token, file=sys.stderr)
    print(f'[[reader]]\nname = "{options.name}"\naudience = "{options.audience}"\ntoken_sha256 = "{digest}"')


if __name__ == "__main__":
    sys.exit(main())
