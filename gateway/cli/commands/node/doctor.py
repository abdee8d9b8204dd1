"""`liaison doctor`: what would stop an exchange, and the remedy."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from gateway.cli.output import home_option, json_option, print_json, say

_STYLE = {"good": "good", "warn": "warn", "stop": "bad"}
_MARK = {"good": "ok  ", "warn": "note", "stop": "STOP"}


@click.command()
@home_option
@click.option("--to", default="", metavar="MEMBER", help="Also check that this counterpart answers.")
@json_option
def doctor(home: Path, to: str, as_json: bool) -> int:
    """Check keys, certificates, clock, database, sources, policy, charter, and a counterpart.

    \b
    Examples:
      liaison doctor --home la
      liaison doctor --home la --to vn

    Exit code 1 when anything would stop an exchange.
    """
    from gateway.clock import SystemClock
    from gateway.ops.doctor.doctor import examine, healthy

    findings = examine(home, SystemClock(), to)
    sound = healthy(findings)
    if as_json:
        print_json({"healthy": sound, "findings": [asdict(finding) for finding in findings]})
        return 0 if sound else 1
    for finding in findings:
        say(f"{_MARK[finding.severity]}  {finding.check}: {finding.text}", _STYLE[finding.severity])
        if finding.remedy:
            say(f"      -> {finding.remedy}")
    say("nothing stands in the way of an exchange" if sound else "an exchange is not possible yet", "title")
    return 0 if sound else 1
