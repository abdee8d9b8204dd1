"""`liaison audit find` and `index`: who saw a record, what an officer did, every question about a person."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from gateway.cli.output import home_option, json_option, print_json, progress_bar, say
from gateway.cli.times import TIME, to_micros

_THERE = click.Path(file_okay=False, exists=True, path_type=Path)
_FILE = click.Path(dir_okay=False, path_type=Path)
_INDEX = click.option("--index", "index_file", type=_FILE, help="Where the index lies, if not in the home.")
_REBUILD = click.option("--rebuild", is_flag=True, help="Throw the index away and build it anew.")


@click.command()
@home_option
@click.option("--officer", default="", help="A person id, or the pseudonym by which a counterpart knows an officer.")
@click.option("--case", default="", help="A case or ticket number.")
@click.option("--agreement", default="", help="An agreement.")
@click.option("--purpose", default="", help="A purpose, such as INVESTIGATION.")
@click.option("--outcome", default="", help="hit, no_hit, refused, suspended or silent.")
@click.option("--refused", is_flag=False, flag_value="any", default="", help="Refusals, by all or one reason or code.")
@click.option("--peer", "peers", multiple=True, help="A counterpart; repeatable.")
@click.option("--kind", "kinds", multiple=True, help="A kind of entry (docs/audit-events.md); repeatable.")
@click.option("--exchange", "exchange_id", default="", help="The exchange id.")
@click.option("--log", "log", default="", type=click.Choice(["", "exchange", "operations"]), help="One log only.")
@click.option("--since", type=TIME, help="From this time on (UTC).")
@click.option("--until", type=TIME, help="Before this time (UTC).")
@click.option(
    "--limit", default=100, show_default=True, type=click.IntRange(1, 100_000), help="Entries that are shown."
)
@_INDEX
@_REBUILD
@json_option
def find(
    home: Path,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    index_file: Path | None,
    rebuild: bool,
    as_json: bool,
    **wanted: Any,
) -> int:
    """Find entries by what they say, newest first. What is shown is compared with the entries themselves.

    The index is brought up to date first, which takes a while after many exchanges: run `liaison audit index` at quiet
    hours.

    \b
    Examples:
      liaison audit find --home th --officer th.o.1042 --since 2026-11-01
      liaison audit find --home th --agreement gms-border-2026 --peer vn
      liaison audit find --home th --refused quota
    """
    from gateway.cli.searching import Search, find_in_home, found_lines, found_value

    search = Search(since_us=to_micros(since), until_us=to_micros(until), **wanted)
    search.check()
    with progress_bar("indexing entries") as progress:
        found = find_in_home(home, search, limit, index_file, progress, rebuild=rebuild)
    if as_json:
        print_json(found_value(search, found, limit))
        return 0
    for style, text in found_lines(found, limit):
        say(text, style)
    return 0


@click.command()
@home_option
@_INDEX
@_REBUILD
@json_option
def index(home: Path, index_file: Path | None, rebuild: bool, as_json: bool) -> int:
    """Bring the search index up to date, so that `find` answers at once. The node may be running.

    It also takes out what was erased. It costs one core for about a minute for each 300,000 new entries: run it at
    quiet hours, with a low priority.

    \b
    Example:
      nice liaison audit index --home th
    """
    from gateway.cli.searching import index_home

    with progress_bar("indexing entries") as progress:
        about = index_home(home, index_file, progress, rebuild=rebuild)
    if as_json:
        print_json(about)
    else:
        say(f"{about['added']:,} entries added, {about['bytes'] / 1e6:,.1f} MB: {about['index']}", "good")
    return 0
