"""`liaison audit stats`: count a node's work by month, without personal data."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from gateway.cli.options import NEW_FILE, home_option, json_option, period_options
from gateway.cli.output import print_result, print_table, progress_bar
from gateway.clock import to_micros
from gateway.views.statistics import (
    TITLES,
    as_csv,
    as_value,
    statistics_lines,
    statistics_of_home,
    table_rows,
)
from gateway.views.statistics_page import page


@click.command()
@home_option
@period_options
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
    print_result(as_value(shown), written or statistics_lines(shown), as_json=as_json)
    return 0
