"""`liaison source check`: find what would keep a source process from serving."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.app.source_check import check_source
from gateway.cli.options import json_option, source_home
from gateway.cli.output import print_result
from gateway.views.lines import Line


@click.command()
@source_home
@json_option
def check(home: Path, as_json: bool) -> int:
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
    print_result({"good": is_good, "findings": [finding.as_json() for finding in findings]}, lines, as_json=as_json)
    return 0 if is_good else 1
