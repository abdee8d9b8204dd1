"""`liaison audit show`, `debt`, `evidence`, `key-report` and `stats`: list and count what the logs hold."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from certs.keyfiles import KeyPlace
from gateway.audit.reading.show import Filter
from gateway.cli.inputs.moments import TIME
from gateway.cli.inputs.periods import figures_options, period_options
from gateway.cli.options import (
    NEW_FILE,
    NEW_FOLDER,
    auditor_key,
    home_option,
    json_option,
)
from gateway.cli.output import Output, print_result, print_table, printed, progress_bar
from gateway.clock import to_micros
from gateway.ops.audit.debts import debts
from gateway.ops.audit.entry_list import list_entries
from gateway.ops.audit.lost_keys import report_of_home
from gateway.ops.homes.open_home import open_home, shown_value
from gateway.ops.homes.witness_state import read_evidence
from gateway.views.lines.debts import debt_lines
from gateway.views.lines.key_report import key_report_lines, key_report_value
from gateway.views.lines.listed import listed_lines
from gateway.views.lines.witnesses import evidence_lines
from gateway.views.statistics import (
    DAY_TITLES,
    TITLES,
    as_csv,
    as_value,
    day_rows,
    statistics_lines,
    statistics_of_home,
    table_rows,
)
from gateway.views.statistics_page import page


@click.command()
@home_option
@click.option("--log", "log", default="exchange", type=click.Choice(["exchange", "operations"]), show_default=True)
@period_options
@click.option("--officer", default="", help="The officer's person id.")
@click.option("--peer", default="", help="The counterpart.")
@click.option("--case", default="", help="The case or ticket number.")
@click.option(
    "--outcome",
    default="",
    help="hit, no_hit, partial, not_searched, refused, too_many, suspended, silent or not_accepted.",
)
@click.option("--kind", default="", help="The kind of entry (docs/audit-events.md).")
@click.option("--exchange", "exchange_id", default="", help="The exchange id.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 100_000))
@auditor_key
@click.option("--reason", default="", help="Why; it stands in the log before anything is shown.")
@printed
def show(
    home: Path,
    log: str,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    key: KeyPlace | None,
    reason: str,
    **filters: str,
) -> Output:
    """Show entries, newest first: their public part, and what is said in them of the node's own operation.

    What speaks of persons, officers and cases is shown to an appointed auditor only (--key and --reason), within the
    scope, and after an entry that says so. Without a key --officer, --case and --outcome find public parts, after an
    entry (`looked-up`).

    \b
    Examples:
      liaison audit show --home th --log operations
      liaison audit show --home th --key th.auditor.1.key --reason "complaint 7/2026" --officer th.o.1042
    """
    wanted = Filter(since_us=to_micros(since), until_us=to_micros(until), **filters)
    found = list_entries(home, log, wanted, limit, key, reason)
    about = {"entries": [shown_value(*item) for item in found.entries], "limit": limit, "more": found.more}
    return Output(about, listed_lines(found, limit))


@click.command()
@home_option
@printed
def debt(home: Path) -> Output:
    """Who owes whom receipts: answers that were given and not acknowledged, either way.

    A counterpart that goes on asking and leaves 100 answers unacknowledged, or one for 10 minutes (limits.receipt_debt,
    limits.receipt_debt_s), is answered for humanitarian purposes only, until its receipts come.

    \b
    Example:
      liaison audit debt --home th --json
    """
    with open_home(home) as evidence:
        found = debts(evidence)
    return Output({"counterparts": found}, debt_lines(found))


@click.command()
@home_option
@click.option("--out", type=NEW_FOLDER, help="Write both notes of each pair into this new folder, to hand them on.")
@printed
def evidence(home: Path, out: Path | None) -> Output:
    """Show heads that do not go together, of our own log or of a counterpart's: kept by a node or a domestic witness.

    Both are signed by the log itself. Exit code 1 when there are any.

    \b
    Examples:
      liaison audit evidence --home th
      liaison audit evidence --home witness --out forks
    """
    found = read_evidence(home, out)
    return Output({"evidence": found}, evidence_lines(found), 1 if found else 0)


@click.command("key-report")
@home_option
@click.option("--key", "name", required=True, help="`statement`, `vn/statement`, `agency/police`, `log`, or a key id.")
@click.option("--since", type=TIME, required=True, help="Since when somebody else may have it.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 1_000_000), help="What is listed.")
@printed
def key_report(home: Path, name: str, since: datetime, limit: int) -> Output:
    """After a key was lost: all that it signed, and what a witness's cosignature from before the loss covers.

    A thief can date things back. So what the key signed counts as the owner's only where its entry stands under a head
    that a witness cosigned before the loss. The rest is listed: what says that it is from before, and what is from
    after, each with the time by which a witness had seen it.

    \b
    Examples:
      liaison audit key-report --home th --key statement --since 2026-11-20T08:00
      liaison audit key-report --home th --key vn/agency/immigration --since 2026-11-20 --json
    """
    with progress_bar("looking into entries") as progress:
        report = report_of_home(home, name, to_micros(since), limit, progress)
    return Output(key_report_value(report), key_report_lines(report))


@click.command()
@home_option
@figures_options
@click.option("--csv", "csv_file", type=NEW_FILE, metavar="FILE", help="Write a line for each count; `-` prints them.")
@click.option(
    "--html", "html_file", type=NEW_FILE, metavar="FILE", help="Write a page with charts, for reading and printing."
)
@click.option("--exact", is_flag=True, help="Exact counts, small ones too: for own use, not to be passed on.")
@json_option
def stats(
    home: Path,
    since: datetime | None,
    until: datetime | None,
    csv_file: Path | None,
    html_file: Path | None,
    exact: bool,
    as_json: bool,
) -> int:
    """Count questions, answers, hits, refusals and the rest by month and counterpart. No personal data.

    The statistics of one month have its days, too (`--since 2026-11-01 --until 2026-12-01`).

    Counts of one to four are shown as `<5`, and the others rounded to a multiple of five, so that no small count can be
    worked out from a sum. `--exact` shows them as they are.

    \b
    Examples:
      liaison audit stats --home th
      liaison audit stats --home th --since 2026-01-01 --csv stats.csv
      liaison audit stats --home th --html stats.html
    """
    with progress_bar("counting entries") as progress:
        shown = statistics_of_home(home, to_micros(since), to_micros(until), progress, exact=exact)
    if str(csv_file) == "-":
        click.echo(as_csv(shown), nl=False)
        return 0
    written = []
    for file, write in ((csv_file, as_csv), (html_file, page)):
        if file is not None:
            file.write_text(write(shown), encoding="utf-8")
            written.append((f"written to {file}", "good"))
    if shown.counts and not (as_json or written):
        print_table(TITLES, table_rows(shown), names=2)
        if days := list(day_rows(shown)):
            print_table(DAY_TITLES, days, names=1)
    print_result(as_value(shown), written or statistics_lines(shown), as_json=as_json)
    return 0
