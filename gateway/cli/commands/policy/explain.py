"""`liaison policy explain`: explain a decision."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.options import FILE, FOLDER, by_option, json_option, member_option
from gateway.cli.output import print_result
from gateway.ops.audit.policy_decisions import explain_exchange, user
from gateway.ops.policy.policies import explain_case
from gateway.views.lines.policy import explained_lines, explained_value


@click.command()
@click.option("--case", "case", type=FILE, help="A case of a national folder.")
@click.option("--exchange", "exchange_id", help="An exchange that a home answered; needs --home and --reason.")
@click.option("--home", type=FOLDER, envvar="LIAISON_HOME", help="The node's home.")
@by_option
@click.option("--reason", default="", help="Why you want to know; it stands in the entry.")
@member_option
@json_option
def explain(
    case: Path | None,
    exchange_id: str | None,
    home: Path | None,
    by: str,
    reason: str,
    member: str | None,
    as_json: bool,
) -> int:
    """Say why: which rule, where it stands, and what would have to differ.

    Of an exchange, only what policy decided on is read: no officer, person, case or reference. It has an entry in the
    operations log first (`explained`), also at a running node, and without that entry nothing is read.

    \b
    Examples:
      liaison policy explain --case policy/national/th/cases/document.toml
      liaison policy explain --exchange 3c1f… --home th --reason "complaint 7/2026"
    """
    if (case is None) == (exchange_id is None):
        raise click.UsageError("give either --case or --exchange")
    entry = None
    if case is not None:
        found = [(case.stem, explain_case(case, member))]
    elif home is None or exchange_id is None:
        raise click.UsageError("--exchange needs --home")
    elif not reason:
        raise click.UsageError("say why: --reason; it stands in the entry of the operations log")
    else:
        entry, found = explain_exchange(home, exchange_id, user(by, reason))
    print_result(explained_value(entry, found), explained_lines(entry, found), as_json=as_json)
    return 0
