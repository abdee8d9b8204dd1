"""`liaison audit find` and `index`: search entries by record, officer, person and more."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from certs.keyfiles import KeyPlace
from gateway.cli.inputs.periods import period_options
from gateway.cli.options import FILE, KEY, given, place_options
from gateway.cli.output import Output, printed, progress_bar
from gateway.clock import to_micros
from gateway.ops.audit.search import Complete, Place, Searcher, find_entries, update_index
from gateway.ops.audit.search_question import Search
from gateway.views.found_entries import found_lines, found_value


@click.command()
@place_options
@click.option("--officer", default="", help="A person id, or the pseudonym by which a counterpart knows an officer.")
@click.option("--record", default="", help="A record: its `jti`, a hit's reference, or SOURCE/KEY at home.")
@click.option("--name", "names", multiple=True, help="A person's name in any of six scripts; repeatable.")
@click.option("--born", default="", help="With --name: year or date of birth; who gave none in a question fits, too.")
@click.option(
    "--number", "numbers", multiple=True, help="A document, national id, plate, container or phone; repeatable."
)
@click.option("--case", default="", help="A case or ticket number.")
@click.option("--agreement", default="", help="An agreement.")
@click.option("--purpose", default="", help="A purpose, such as INVESTIGATION.")
@click.option(
    "--outcome",
    default="",
    help="hit, no_hit, partial, not_searched, refused, too_many, suspended, silent, not_accepted or taken.",
)
@click.option("--notice", default="", help="A type of notice, such as ask or change.")
@click.option("--thread", default="", help="The id of a thread of notices.")
@click.option("--refused", is_flag=False, flag_value="any", default="", help="Refusals, by all or one reason or code.")
@click.option("--peer", "peers", multiple=True, help="A counterpart; repeatable.")
@click.option("--kind", "kinds", multiple=True, help="A kind of entry (docs/audit-events.md); repeatable.")
@click.option("--exchange", "exchange_id", default="", help="The exchange id.")
@click.option("--log", "log", default="", type=click.Choice(["", "exchange", "operations"]), help="One log only.")
@period_options
@click.option(
    "--limit", default=100, show_default=True, type=click.IntRange(1, 100_000), help="Entries that are shown."
)
@click.option("--key", "key_file", type=KEY, help="The key of an appointed auditor; shows private parts.")
@click.option("--reason", default="", help="At home: why; it stands in the log before anything is shown.")
@click.option("--complete", is_flag=True, help="Verify the log, open every entry, and so leave nothing out.")
@click.option("--charter", type=FILE, help="With --complete: the charter that the auditor trusts.")
@click.option("--fingerprint", help="With --complete: of the first charter.")
@printed
def find(
    home: Path | None,
    export: Path | None,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    key_file: KeyPlace | None,
    reason: str,
    complete: bool,
    charter: Path | None,
    fingerprint: str | None,
    index_file: Path | None,
    rebuild: bool,
    **wanted: Any,
) -> Output:
    """Find entries by what they say, newest first. What is shown is compared with the entries themselves.

    At home each search is itself an entry before anything is shown. --record, --name and --number need an appointed
    auditor's --key and --reason. An export holds only what its auditor may see.

    --complete uses no index: it verifies the log under the charter, opens every entry, and exits with 0 when what it
    shows is all there is under the signed heads, 1 when the log is contradicted, 3 when that cannot be proved.

    \b
    Examples:
      liaison audit find --home th --officer th.o.1042 --since 2026-11-01
      liaison audit find --home th --agreement gms-border-2026 --peer vn
      liaison audit find --home th --refused quota
      liaison audit find --home th --name "Somchai Jaidee" --born 1984 --number AB1234567 \\
              --key th.auditor.1.key --reason "complaint 7/2026"
      liaison audit find --export th-export --record 5f0c… --complete --charter charter.jsonl
    """
    search = Search(since_us=to_micros(since), until_us=to_micros(until), **wanted)
    place = _place(home, export, index_file, rebuild=rebuild)
    verified = Complete(charter, fingerprint) if complete else None
    with progress_bar("opening entries") as progress:
        result = find_entries(place, search, limit, Searcher(reason, key_file), progress, verified)
    return Output(found_value(search, result, limit), found_lines(result, limit), result.exit_code)


@click.command()
@place_options
@printed
def index(home: Path | None, export: Path | None, index_file: Path | None, rebuild: bool) -> Output:
    """Bring the search index up to date, so that `find` answers at once. The node may be running.

    It also takes out what was erased. It costs one core for about a minute for each 300,000 new entries: run it at
    quiet hours, with a low priority.

    \b
    Example:
      nice liaison audit index --home th
    """
    place = _place(home, export, index_file, rebuild=rebuild)
    with progress_bar("indexing entries") as progress:
        about = update_index(place, progress)
    words = f"{about['added']:,} entries added, {about['bytes'] / 1e6:,.1f} MB: {about['index']}"
    return Output(about, [(words, "good")])


def _place(home: Path | None, export: Path | None, index_file: Path | None, *, rebuild: bool) -> Place:
    if export is not None:
        if given("home"):
            raise click.UsageError("give either --home or --export, not both")
        return Place(export, True, index_file, rebuild)
    if home is None:
        raise click.UsageError("give --home, or --export")
    return Place(home, False, index_file, rebuild)
