"""`liaison audit stats`: what the log says of the work of a node, by month, without personal data."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.cli.output import home_option, json_option, print_json, progress_bar, say
from gateway.cli.times import TIME
from gateway.clock import to_micros

if TYPE_CHECKING:
    from gateway.views.statistics import Statistics

_OUT = click.Path(dir_okay=False, path_type=Path)


@click.command()
@home_option
@click.option("--since", type=TIME, help="From this time on (UTC).")
@click.option("--until", type=TIME, help="Before this time (UTC).")
@click.option("--csv", "csv_file", type=_OUT, metavar="FILE", help="Write one line for each count; `-` prints them.")
@click.option(
    "--html", "html_file", type=_OUT, metavar="FILE", help="Write a page with charts, for reading and printing."
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

    Counts of one to four are shown as `<5`, and the others rounded to a multiple of five, so that no small count can be
    worked out from a sum. `--exact` shows them as they are.

    \b
    Examples:
      liaison audit stats --home th
      liaison audit stats --home th --since 2026-01-01 --csv stats.csv
      liaison audit stats --home th --html stats.html
    """
    from gateway.views.statistics import as_csv, as_value, statistics_of_home

    with progress_bar("counting entries") as progress:
        shown = statistics_of_home(home, to_micros(since), to_micros(until), progress, exact=exact)
    if csv_file is not None and str(csv_file) == "-":
        click.echo(as_csv(shown), nl=False)
        return 0
    if csv_file is not None:
        csv_file.write_text(as_csv(shown), encoding="utf-8")
    if html_file is not None:
        from gateway.views.statistics_page import page

        html_file.write_text(page(shown), encoding="utf-8")
    if as_json:
        print_json(as_value(shown))
    elif csv_file is None and html_file is None:
        _show(shown)
    else:
        for file in (csv_file, html_file):
            if file is not None:
                say(f"written to {file}", "good")
    return 0


def _show(shown: Statistics) -> None:
    import sys

    from rich.console import Console
    from rich.table import Table

    from gateway.views.printable import printable
    from gateway.views.statistics import TOTALS, breakdown, table_rows

    if not shown.counts:
        say("the log has nothing to count in this time")
        return
    table = Table("month", "with", *(title for _, title in TOTALS))
    for column in table.columns[2:]:
        column.justify = "right"
    for row in table_rows(shown):
        table.add_row(*row)
    Console(width=None if sys.stdout.isatty() else 120).print(table)
    for _, meaning, rows in breakdown(shown):
        say(meaning, "title")
        for month, peer, values in rows:
            say(printable(f"  {month} {peer:<2}  {values}"))
    for time in shown.answer_times:
        told = f"median {time.median_ms:,} ms, 95 % within {time.p95_ms:,} ms"
        say(f"answers of {time.counterpart} in {time.month}: {told}")
    for item in shown.availability:
        say(f"availability in {item.month}: {100 * item.share:.3f} % of the time that the log covers")
    if not shown.exact:
        say(
            "counts of one to four are shown as <5, the others rounded to a multiple of five; --exact for own use",
            "dim",
        )
