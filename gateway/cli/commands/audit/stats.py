"""`liaison stats`: the figures of a month, for a meeting of two border offices or for the member itself."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.options import NEW_FILE, home_option, json_option
from gateway.cli.output import print_result, print_table, progress_bar
from gateway.cli.speech import spoken
from gateway.desk.figures.pack import MINUTES_BY_HAND
from gateway.language.languages import Language
from gateway.ops.audit.figures import ALL, Wanted, pack_of_home
from gateway.ops.audit.unknown_words import refuse_stranger
from gateway.views.pack.files import as_csv, as_value
from gateway.views.pack.page import pack_view, page


@click.command()
@home_option
@click.option("--pack", "peer", required=True, metavar="COUNTRY", help="With whom; `all` for the country itself.")
@click.option("--month", default="", metavar="YYYY-MM", help="The month in the country's time; by default this one.")
@click.option("--office", default="", help="The figures of one office of ours.")
@click.option("--facing", default="", metavar="OFFICE", help="With --office: of this office of theirs alone.")
@click.option("--html", "html_file", type=NEW_FILE, metavar="FILE", help="Write a page for reading and printing.")
@click.option("--csv", "csv_file", type=NEW_FILE, metavar="FILE", help="Write a line for each figure; `-` prints them.")
@click.option(
    "--language",
    "language",
    type=click.Choice([item.value for item in Language]),
    help="The language of the page; by default that of the command.",
)
@click.option(
    "--minutes",
    default=MINUTES_BY_HAND,
    show_default=True,
    type=click.IntRange(0, 10_000),
    help="Minutes of work that an answered question saves.",
)
@click.option("--exact", is_flag=True, help="Exact counts, small ones too: for own use, not to be passed on.")
@json_option
def stats(
    home: Path,
    peer: str,
    month: str,
    office: str,
    facing: str,
    html_file: Path | None,
    csv_file: Path | None,
    language: str | None,
    minutes: int,
    exact: bool,
    as_json: bool,
) -> int:
    """Make the figures of a month with one country, for a meeting of two border offices. No personal data.

    Requests by urgency with the share in time, outcomes with kilograms, alerts, corrections with the time to erasure,
    refusals, quotas, availability, and the hours that answers saved. Both sides can count requests and outcomes, and
    find the same.

    \b
    Examples:
      liaison stats --home th --pack vn --month 2026-11 --html pack.html
      liaison stats --home th --pack la --office th.blo.chiang-khong --facing la.blo.houayxay --csv pack.csv
      liaison stats --home th --pack all --month 2026-11 --exact
    """
    if peer != ALL:
        refuse_stranger("--pack", peer, home)
    with progress_bar("counting entries") as progress:
        pack = pack_of_home(home, Wanted(peer, month, office, facing, exact, minutes), progress)
    spoken_in = Language(language) if language else spoken()
    if str(csv_file) == "-":
        click.echo(as_csv(pack), nl=False)
        return 0
    written = []
    for file, text in ((csv_file, as_csv), (html_file, lambda made: page(made, spoken_in))):
        if file is not None:
            file.write_text(text(pack), encoding="utf-8")
            written.append((f"written to {file}", "good"))
    view = pack_view(pack, spoken_in)
    if not (as_json or written):
        for table in view.tables:
            rows = [(label, *(cell.text for cell in cells)) for label, cells in table.rows]
            click.echo(f"\n{table.title}")
            print_table(("", *table.heads), rows, names=1)
    print_result(as_value(pack), written or [view.empty or view.period, *view.about], as_json=as_json)
    return 0
