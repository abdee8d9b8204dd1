"""`python -m bridges.forms`: print the form of a notice from an alert of our own country."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from bridges.command import parser, run
from bridges.forms.filling import colours, fill, page
from bridges.node import add_node_options, node_client
from gateway.clock import SystemClock
from gateway.errors import Misused

_EXAMPLES = """\
  # the form of the alert's own class, as a page to print
  python -m bridges.forms --alert 0123456789abcdef0123456789abcdef --member th --out notice.html \\
      --node 127.0.0.1:8443 --node-name node1.th.liaison.internal \\
      --ca ca.pem --certificate bureau.pem --key bureau.key --token-file officer.token

  # another colour
  python -m bridges.forms --alert 0123456789abcdef0123456789abcdef --colour yellow --member th --out notice.html \\
      --node 127.0.0.1:8443 --node-name node1.th.liaison.internal \\
      --ca ca.pem --certificate bureau.pem --key bureau.key --token-file officer.token
"""
_ALERT = re.compile(r"[A-Za-z0-9_-]{16,64}", re.ASCII)


def main(arguments: list[str] | None = None) -> int:
    """Run the command, and return its exit code."""
    options = _parser().parse_args(arguments)
    return run(_print, options)


def _parser() -> argparse.ArgumentParser:
    whole = parser(
        "bridges.forms",
        "The printable form of a notice, filled from an alert of our own country, for the officer whose token it is. "
        "It holds what the alert says; the bureau fills in the rest and decides what it sends.",
        _EXAMPLES,
    )
    whole.add_argument("--alert", required=True, metavar="ID", help="one of `liaison alert list`")
    whole.add_argument("--member", required=True, help="our own country: th")
    whole.add_argument("--colour", default="", choices=["", *colours()], help="the form; that of the alert otherwise")
    whole.add_argument("--out", required=True, type=Path, metavar="FILE", help="the page; the owner alone may read it")
    add_node_options(whole)
    return whole


def _print(options: argparse.Namespace) -> None:
    if not _ALERT.fullmatch(options.alert):
        raise Misused("this is no id of an alert", where="--alert")
    alert = node_client(options).get(f"/v1/alerts/{options.alert}")
    text = page(fill(alert, options.member, options.colour, SystemClock().now_us()))
    try:
        options.out.touch(mode=0o600, exist_ok=False)
        options.out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Misused("`{file}` exists, or cannot be written", where="--out", file=options.out.name) from error


if __name__ == "__main__":
    sys.exit(main())
