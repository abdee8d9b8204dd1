"""`liaison audit verify`: recompute everything."""

from __future__ import annotations

import os
from pathlib import Path

import click

from gateway.cli.options import FILE, FOLDER, NEW_FILE, fingerprint_option, given, json_option
from gateway.cli.output import print_result, progress_bar, say
from gateway.ops.audit.verify_export import verify_export_folder, verify_home_folder
from gateway.views.lines.report import report_lines, report_value
from gateway.views.report import write_page


@click.command()
@click.option("--home", type=FOLDER, envvar="LIAISON_HOME", help="Verify the logs of this home.")
@click.option("--export", "folder", type=FOLDER, help="Verify an export; needs --charter and nothing else.")
@click.option("--charter", type=FILE, help="The charter that the auditor trusts, all versions, one a line.")
@fingerprint_option
@click.option("--without-statements", is_flag=True, help="Leave out the signatures of requests and answers: faster.")
@click.option("--quorum", type=click.IntRange(0), default=0, help="Counterparts that must have cosigned an export.")
@click.option("--html", "page", type=NEW_FILE, help="Write the report as a page.")
@click.option("--processes", type=click.IntRange(1, 64), help="Processes for an export; by default one for each core.")
@json_option
def verify(
    home: Path | None,
    folder: Path | None,
    charter: Path | None,
    fingerprint: str | None,
    without_statements: bool,
    quorum: int,
    page: Path | None,
    processes: int | None,
    as_json: bool,
) -> int:
    """Recompute everything. Exit code 0 proved, 1 contradicted (the first bad entry is named), 3 not provable.

    \b
    Examples:
      liaison audit verify --home th
      liaison audit verify --export th-2026 --charter charter.jsonl --fingerprint 3f2a… --html report.html
    """
    statements = not without_statements
    if folder is not None and given("home"):
        raise click.UsageError("give either --home or --export, not both")
    if folder is not None:
        if charter is None:
            raise click.UsageError("an export is verified under the auditor's own --charter")
        with progress_bar("verifying the export") as progress:
            report = verify_export_folder(
                folder,
                charter,
                fingerprint,
                statements=statements,
                quorum=quorum,
                processes=processes or os.cpu_count() or 1,
                progress=progress,
            )
    elif home is not None:
        with progress_bar("verifying the logs") as progress:
            report = verify_home_folder(home, charter, fingerprint, statements=statements, progress=progress)
    else:
        raise click.UsageError("give --home, or --export with --charter")
    if page is not None:
        write_page(report, page, charter)
    print_result(report_value(report), report_lines(report), as_json=as_json)
    if page is not None:
        say(f"written to {page}", "good", err=True)
    return report.exit_code
