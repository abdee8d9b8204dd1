"""`python -m bridges.misp`: push the reports of a node to a MISP instance."""

from __future__ import annotations

import argparse
import sys
import threading
from collections import Counter
from pathlib import Path

from bridges.command import journal, parser, run
from bridges.leaving import Audience
from bridges.misp.events import event_id
from bridges.misp.push import Misp, push, read_key
from bridges.node import Library, add_node_options, node_client
from gateway.clock import SystemClock
from gateway.errors import LiaisonError, Refused

_EXAMPLES = """\
  # once; repeated, it changes nothing
  python -m bridges.misp --member th --node 127.0.0.1:8443 --node-name node1.th.liaison.internal \\
      --ca ca.pem --certificate misp.pem --key misp.key --token-file misp.token \\
      --misp https://misp.example --misp-key-file misp.user --audience country

  # every five minutes; published, so that the instance synchronises them
  python -m bridges.misp --every 300 --publish --member th --node 127.0.0.1:8443 \\
      --node-name node1.th.liaison.internal --ca ca.pem --certificate misp.pem --key misp.key \\
      --token-file misp.token --misp https://misp.example --misp-key-file misp.user --audience country
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the command, and return its exit code."""
    options = _parser().parse_args(arguments)
    return run(_push, options)


def _parser() -> argparse.ArgumentParser:
    whole = parser(
        "bridges.misp",
        "Push the reports of a node to a MISP instance, one event each. A report that ended is overwritten there, and "
        "its attributes are deleted.",
        _EXAMPLES,
    )
    whole.add_argument("--member", required=True, help="our own country: th")
    add_node_options(whole)
    whole.add_argument("--misp", required=True, metavar="URL", help="the instance (https)")
    whole.add_argument("--misp-key-file", required=True, type=Path, metavar="FILE", help="the key of its user")
    whole.add_argument("--misp-ca", type=Path, metavar="FILE", help="the authority of its certificate, if not public")
    whole.add_argument("--audience", required=True, choices=[one.name.lower() for one in Audience], help="who reads it")
    whole.add_argument("--publish", action="store_true", help="publish each event that was added or changed")
    whole.add_argument("--every", type=float, default=0.0, metavar="S", help="push again after so many seconds")
    return whole


def _push(options: argparse.Namespace) -> None:
    library = Library(node_client(options), options.member, SystemClock().now_us)
    misp = Misp(options.misp, read_key(options.misp_key_file), options.misp_ca)
    pause = threading.Event()
    while True:
        try:
            _push_all(library, misp, options)
        except LiaisonError:
            if not options.every:
                raise
        if not options.every:
            return
        pause.wait(options.every)


def _push_all(library: Library, misp: Misp, options: argparse.Namespace) -> None:
    """Push each report; one that fails does not keep the others. Raises when one of them failed."""
    clock = SystemClock()
    told, counts = journal(clock), Counter[str]()
    audience = Audience[options.audience.upper()]
    try:
        reports = library.look()
    except LiaisonError as error:
        told("node-not-read", {"code": error.code, "problem": str(error)})
        raise
    for report in reports:
        try:
            done = push(misp, report, audience, clock.now_us(), is_published=options.publish)
        except LiaisonError as error:
            done = "failed"
            told("event-failed", {"uuid": event_id(report), "code": error.code, "problem": str(error)})
        counts[done] += 1
        if done not in ("same", "none", "failed"):
            told(f"event-{done}", {"uuid": event_id(report), "report": report.id})
    told("pushed", dict(sorted(counts.items())))
    if counts["failed"]:
        raise Refused("{count} events were not pushed", code="misp-incomplete", count=counts["failed"])


if __name__ == "__main__":
    sys.exit(main())
