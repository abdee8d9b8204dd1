"""`liaison audit export`: the logs with their proofs, for an auditor."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import click

from gateway.cli.options import NEW_FOLDER, TIME, auditor_key, home_option, json_option
from gateway.cli.output import print_result, progress_bar
from gateway.clock import to_micros
from gateway.config import argument
from gateway.ops.audit.auditors import export_appointment
from gateway.ops.audit.verify_export import export_home
from gateway.ops.homes.open_home import Written
from gateway.trust.documents.appointment import Appointment
from gateway.views.lines import Line


@click.command()
@home_option
@click.option("--out", required=True, type=NEW_FOLDER, help="A new or empty folder, or that of an interrupted export.")
@click.option("--since", type=TIME, help="Only from this time on (UTC).")
@click.option("--until", type=TIME, help="Only before this time (UTC).")
@auditor_key
@click.option("--reason", default="", help="With --key: why; it stands in the log before anything is written.")
@json_option
def export(
    home: Path, out: Path, since: datetime | None, until: datetime | None, key: Path | None, reason: str, as_json: bool
) -> int:
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
    if since and until and since >= until:
        raise click.UsageError("--since is not before --until")
    bounds = to_micros(since), to_micros(until)
    mandate = export_appointment(home, key, reason, *bounds) if key else None
    with progress_bar("exporting the logs") as progress:
        manifest = export_home(home, out, *bounds, mandate[0] if mandate else None, progress)
    about = {"out": str(out), "manifest": manifest, "entry": mandate[1].index if mandate else None}
    about |= {"auditor": mandate[0].auditor if mandate else ""}
    print_result(about, _lines(out, manifest, mandate), as_json=as_json)
    return 0


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
