"""`liaison audit reconcile`: compare two countries' exports."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.options import FILE, FOLDER, fingerprint_option, json_option
from gateway.cli.output import print_result, working
from gateway.ops.audit.verify_export import reconcile_folders
from gateway.views.lines.reconciled import reconciled_lines, reconciled_value


@click.command()
@click.argument("one", type=FOLDER)
@click.argument("other", type=FOLDER)
@click.option("--charter", required=True, type=FILE, help="The charter that the auditor trusts.")
@fingerprint_option
@json_option
def reconcile(one: Path, other: Path, charter: Path, fingerprint: str | None, as_json: bool) -> int:
    """Compare two countries' exports: what was lost, dropped or altered, and whom its own signature contradicts.

    Exit code 0 nobody is contradicted, 1 somebody is, 3 not provable: also when a question that one side asked has no
    entry at the other.

    \b
    Example:
      liaison audit reconcile th-2026 vn-2026 --charter charter.jsonl
    """
    with working("verifying and comparing both exports"):
        found = reconcile_folders(one, other, charter, fingerprint)
    print_result(reconciled_value(found), reconciled_lines(found), as_json=as_json)
    return found.exit_code
