"""`liaison policy quotas`: show how much of today's quotas is used."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.options import home_option, json_option
from gateway.cli.output import print_result
from gateway.ops.policy.policies import quotas_of
from gateway.views.lines.policy import quota_lines


@click.command()
@home_option
@json_option
def quotas(home: Path, as_json: bool) -> int:
    """Show how much of today's quotas is used, the nearly used-up ones first.

    \b
    Example:
      liaison policy quotas --home th
    """
    found = quotas_of(home)
    print_result({"quotas": found}, quota_lines(found), as_json=as_json)
    return 0
