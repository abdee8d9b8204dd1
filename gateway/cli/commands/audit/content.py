"""`liaison audit open`: show what was asked and what was given, as it is kept and proved."""

from __future__ import annotations

from pathlib import Path

import click

from certs.keyfiles import KeyPlace
from gateway.cli.options import FILE, FOLDER, KEY, NEW_FILE, fingerprint_option, given, json_option
from gateway.cli.output import print_result, progress_bar, say, working
from gateway.cli.speech import spoken
from gateway.ops.audit.contents import OpenedEntries, Wanted, open_at_home, open_in_export
from gateway.views.sheet_lines import opened_lines, opened_value
from gateway.views.sheet_page import sheet_page


@click.command("open")
@click.option("--home", type=FOLDER, envvar="LIAISON_HOME", help="The node's home; the node may be running.")
@click.option("--export", "export", type=FOLDER, help="An export made for an auditor, on any machine.")
@click.option("--key", "key_file", type=KEY, help="At home: the key of an appointed auditor.")
@click.option("--reason", default="", help="At home: why; it stands in the log before anything is shown.")
@click.option("--entry", "entries", multiple=True, type=click.IntRange(0), help="Its place; repeatable.")
@click.option("--exchange", "exchange_id", default="", help="The exchange id: all of its entries.")
@click.option(
    "--log", default="exchange", show_default=True, help="exchange or operations; exchange/2 for an older one."
)
@click.option("--charter", type=FILE, help="With --export: the charter that the auditor trusts; all is verified.")
@fingerprint_option
@click.option("--html", "page", type=NEW_FILE, help="Write a page, for reading and printing.")
@json_option
def open_command(
    home: Path | None,
    export: Path | None,
    key_file: KeyPlace | None,
    reason: str,
    entries: tuple[int, ...],
    exchange_id: str,
    log: str,
    charter: Path | None,
    fingerprint: str | None,
    page: Path | None,
    as_json: bool,
) -> int:
    """Open entries: who asked what and why, what was given field by field, how it must be handled, and what is proved.

    An entry brings the others of its exchange along. At home this needs an appointment, within its scope, and has an
    entry of its own before anything is shown. An export holds what its auditor may see. What is erased, sealed or not
    proved is said. Exit code 1 where something is contradicted; with --charter 3 where not all of the export is proved.

    \b
    Examples:
      liaison audit open --home th --key th.auditor.1.key --entry 42 --reason "complaint 7/2026"
      liaison audit open --home th --key th.auditor.1.key --exchange 3c1f… --reason "complaint 7/2026" --html 7.html
      liaison audit open --export th-export --entry 42 --charter charter.jsonl
    """
    wanted = Wanted(log, entries, exchange_id)
    if export is not None:
        _refuse_with_export(key_file, reason)
        with progress_bar("verifying the export") as progress:
            found = open_in_export(export, wanted, charter, fingerprint, progress)
    else:
        if charter is not None or fingerprint is not None:
            raise click.UsageError("--charter and --fingerprint are for an --export")
        found = _at_home(home, key_file, reason, wanted)
    print_result(opened_value(found), opened_lines(found, spoken()), as_json=as_json)
    if page is not None:
        page.write_text(sheet_page(found, spoken()), encoding="utf-8")
        say(f"written to {page}", "good", err=True)
    return found.exit_code


def _refuse_with_export(key_file: KeyPlace | None, reason: str) -> None:
    if given("home"):
        raise click.UsageError("give either --home or --export, not both")
    if key_file is not None or reason:
        raise click.UsageError("an export holds what its auditor may see: it needs no --key and no --reason")


def _at_home(home: Path | None, key_file: KeyPlace | None, reason: str, wanted: Wanted) -> OpenedEntries:
    if home is None:
        raise click.UsageError("give --home, or --export")
    if key_file is None or not reason.strip():
        raise click.UsageError("give --key and --reason: say who looks, and why")
    with working("waiting for the entry of this opening"):
        return open_at_home(home, key_file, wanted, reason)
