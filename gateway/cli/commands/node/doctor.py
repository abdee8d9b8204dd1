"""`liaison doctor`: find what would stop an exchange, and the remedy."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from gateway.app.run.start_checks import COPY_CHECKS, START_CHECKS
from gateway.cli.options import home_option
from gateway.cli.output import Output, printed
from gateway.clock import SystemClock
from gateway.ops.doctor.doctor import ask_health, examine, healthy
from gateway.views.lines.findings import examined_lines


@click.command()
@home_option
@click.option("--to", default="", metavar="MEMBER", help="Also check that this counterpart answers.")
@click.option("--production", is_flag=True, help="Stop at everything that is for trials only, as `serve` does then.")
@click.option("--ready", is_flag=True, help="Only ask the running node whether it is ready, as health checks do.")
@printed
def doctor(home: Path, to: str, production: bool, ready: bool) -> Output:
    """Check keys, certificates, clock, database, logs, sources, policy, charter, and a counterpart.

    \b
    Examples:
      liaison doctor --home la
      liaison doctor --home la --to vn
      liaison doctor --home la --production
      liaison doctor --home la --ready

    STOP marks what would stop an exchange (exit code 1), and what `liaison serve` would refuse to start with.
    """
    if ready and (to or production):
        raise click.UsageError("--ready looks at nothing else: leave --to and --production out")
    findings = (
        ask_health(home, SystemClock())
        if ready
        else examine(home, SystemClock(), to, production=production, more={**START_CHECKS, **COPY_CHECKS})
    )
    is_sound = healthy(findings)
    about = {"healthy": is_sound, "findings": [asdict(finding) for finding in findings]}
    return Output(about, examined_lines(findings, is_sound=is_sound), 0 if is_sound else 1)
