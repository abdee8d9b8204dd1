"""`liaison doctor`: find what would stop an exchange, and the remedy."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from gateway.cli.options import home_option
from gateway.cli.output import Output, printed
from gateway.clock import SystemClock
from gateway.ops.doctor.doctor import examine, healthy
from gateway.views.lines.findings import finding_lines


@click.command()
@home_option
@click.option("--to", default="", metavar="MEMBER", help="Also check that this counterpart answers.")
@printed
def doctor(home: Path, to: str) -> Output:
    """Check keys, certificates, clock, database, sources, policy, charter, and a counterpart.

    \b
    Examples:
      liaison doctor --home la
      liaison doctor --home la --to vn

    Exit code 1 when anything would stop an exchange.
    """
    findings = examine(home, SystemClock(), to)
    is_sound = healthy(findings)
    about = {"healthy": is_sound, "findings": [asdict(finding) for finding in findings]}
    return Output(about, finding_lines(findings, is_sound=is_sound), 0 if is_sound else 1)
