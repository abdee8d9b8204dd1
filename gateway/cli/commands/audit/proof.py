"""`liaison audit verify`, `export` and `reconcile`: prove what the logs hold, also on other machines."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import click

from certs.keyfiles import KeyPlace
from gateway.cli.inputs.moments import TIME
from gateway.cli.inputs.periods import in_order
from gateway.cli.options import (
    FILE,
    FOLDER,
    NEW_FILE,
    NEW_FOLDER,
    auditor_key,
    fingerprint_option,
    given,
    home_option,
    json_option,
)
from gateway.cli.output import Output, print_result, printed, progress_bar, say, working
from gateway.clock import to_micros
from gateway.config import argument
from gateway.ops.audit.auditors import export_appointment
from gateway.ops.audit.verify_export import export_home, reconcile_folders, verify_export_folder, verify_home_folder
from gateway.ops.homes.open_home import Written
from gateway.trust.documents.appointment import Appointment
from gateway.views.lines import Line
from gateway.views.lines.reconciled import reconciled_lines, reconciled_value
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
@click.option("--processes", type=click.IntRange(1, 64), help="Processes; by default one for each core.")
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
    statements, count = not without_statements, processes or os.cpu_count() or 1
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
                processes=count,
                progress=progress,
            )
    elif home is not None:
        with progress_bar("verifying the logs") as progress:
            report = verify_home_folder(
                home, charter, fingerprint, statements=statements, progress=progress, processes=count
            )
    else:
        raise click.UsageError("give --home, or --export with --charter")
    if page is not None:
        write_page(report, page, charter)
    print_result(report_value(report), report_lines(report), as_json=as_json)
    if page is not None:
        say(f"written to {page}", "good", err=True)
    return report.exit_code


@click.command()
@home_option
@click.option("--out", required=True, type=NEW_FOLDER, help="A new or empty folder, or that of an interrupted export.")
@click.option("--since", type=TIME, callback=in_order, help="Only from this time on.")
@click.option("--until", type=TIME, callback=in_order, help="Only before this time.")
@auditor_key
@click.option("--reason", default="", help="With --key: why; it stands in the log before anything is written.")
@printed
def export(
    home: Path, out: Path, since: datetime | None, until: datetime | None, key: KeyPlace | None, reason: str
) -> Output:
    """Write the logs with their proofs, for an auditor without a node.

    Without --key it holds no private part and no statement: all that anybody needs who checks that nothing was changed
    or left out. With the key of an appointed auditor it holds what the appointment allows: protect it. An export that
    was interrupted goes on when the same command is given again.

    \b
    Examples:
      liaison audit export --home th --out th-export
      liaison audit export --home th --out th-october --since 2026-10-01 --until 2026-11-01 \\
              --key th.auditor.1.key --reason "yearly audit 2026"
    """
    if bool(key) != bool(reason.strip()):
        raise click.UsageError("--key and --reason belong together: say who looks, and why")
    bounds = to_micros(since), to_micros(until)
    mandate = export_appointment(home, key, reason, *bounds) if key else None
    with progress_bar("exporting the logs") as progress:
        manifest = export_home(home, out, *bounds, mandate[0] if mandate else None, progress)
    about = {"out": str(out), "manifest": manifest, "entry": mandate[1].index if mandate else None}
    about |= {"auditor": mandate[0].auditor if mandate else ""}
    return Output(about, _lines(out, manifest, mandate))


def _lines(out: Path, manifest: str, mandate: tuple[Appointment, Written] | None) -> Iterator[Line]:
    yield f"written to {out}", "good"
    if mandate is not None:
        appointment, entry = mandate
        who = f"`{appointment.auditor}`, appointed by {appointment.appointed_by}"
        yield f"  for {who}; entry {entry.index} of {entry.log}"
        yield "  it holds private parts: protect it", "warn"
    else:
        yield "  without private parts and statements: give an auditor's --key for them"
    yield f"  SHA-256 of its manifest: {manifest}"
    yield f"  verify it elsewhere: liaison audit verify --export {argument(out)} --charter charter.jsonl"


@click.command()
@click.argument("one", type=FOLDER)
@click.argument("other", type=FOLDER)
@click.option("--charter", required=True, type=FILE, help="The charter that the auditor trusts.")
@fingerprint_option
@printed
def reconcile(one: Path, other: Path, charter: Path, fingerprint: str | None) -> Output:
    """Compare two countries' exports: what was lost, dropped or altered, and whom its own signature contradicts.

    Exit code 0 nobody is contradicted, 1 somebody is, 3 not provable: also when a question that one side asked has no
    entry at the other.

    \b
    Example:
      liaison audit reconcile th-2026 vn-2026 --charter charter.jsonl
    """
    with working("verifying and comparing both exports"):
        found = reconcile_folders(one, other, charter, fingerprint)
    return Output(reconciled_value(found), reconciled_lines(found), found.exit_code)
