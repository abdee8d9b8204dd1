"""`liaison adapter`: draft a mapping, find what is wrong with it, and try it on one record."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from adapters.check.check import check_mapping, sample_record, sample_value
from adapters.draft.draft import draft_of
from adapters.sql.survey import survey
from gateway.cli.options import FILE, FOLDER, access_option, json_option, show_option, source_address
from gateway.cli.output import Output, print_json, printed, say, working
from gateway.clock import SystemClock
from gateway.ops.homes.own_tables import use_own_tables
from gateway.ops.policy.holdings import mapped_reach
from gateway.views.lines.mapping import mapping_lines, reach_lines, sample_lines


@click.command()
@click.argument("mapping", type=FILE)
@click.option(
    "--url",
    default="",
    callback=source_address,
    help="The source; without it (and `url` in the mapping) only the file is checked.",
)
@access_option
@click.option("--rows", default=10_000, show_default=True, type=click.IntRange(1), help="Looked at per record type.")
@show_option
@click.option(
    "--home",
    type=FOLDER,
    envvar="LIAISON_HOME",
    help="Also say who gets the records, by this home's policy, and check its `names/`.",
)
@click.option("--policy", "folder", type=FOLDER, help="The same by the policy in this national folder.")
@printed
def check(
    mapping: Path, url: str, access: Path | None, rows: int, show: bool, home: Path | None, folder: Path | None
) -> Output:
    """Say what is wrong with a mapping, what it makes of a source's rows, and who can get the records.

    \b
    Examples:
      liaison adapter check th_police.toml
      liaison adapter check th_police.toml --url sqlite:////srv/police.sqlite --rows 100000
      liaison adapter check th_police.toml --policy policy/national/th

    Exit code 0 when the mapping can be used, or is a draft without mistakes; 1 when not. All mistakes are told at once.
    """
    use_own_tables(home)
    with working("trying the mapping"):
        report = check_mapping(mapping, url, access, rows, SystemClock())
    is_wanted = bool(home or folder)
    reached = mapped_reach(report.mapping, home, folder) if report.mapping and is_wanted else None
    value = report.as_value(show=show) | {"leaves": None if reached is None else [asdict(one) for one in reached]}
    lines = mapping_lines(report, show=show, leaves=reach_lines(reached, is_wanted=is_wanted))
    return Output(value, lines, 0 if report.is_good else 1)


@click.command()
@click.option(
    "--url", required=True, callback=source_address, help="The database, such as postgresql://reader@host/agency."
)
@access_option
@click.option("--rows", default=500, show_default=True, type=click.IntRange(0, 100_000), help="Looked at per table.")
@click.option("--table", "only", multiple=True, help="Only this table, or schema.table; may be given several times.")
@json_option
def init(url: str, access: Path | None, rows: int, only: tuple[str, ...], as_json: bool) -> int:
    """Read a database's catalogue and some rows, and write a commented draft of its mapping.

    \b
    Example:
      liaison adapter init --url sqlite:////srv/agency.sqlite > draft.toml

    The draft says why it supposes what it supposes. What a person must decide is marked TODO.
    """
    with working("reading the catalogue"):
        tables = survey(url, access, rows, only)
    draft = draft_of(tables)
    if as_json:
        print_json({"draft": draft.text, "tables": len(tables), "records": draft.records, "todo": draft.todo})
    else:
        click.echo(draft.text, nl=False)
        say(f"{len(tables)} tables read, {len(draft.records)} record types drafted, {draft.todo} TODO", err=True)
    return 0


@click.command()
@click.argument("mapping", type=FILE)
@click.option("--url", default="", callback=source_address, help="The source; `url` in the mapping when not given.")
@access_option
@click.option("--type", "record_type", default="", help="The record type; the mapping's first one when not given.")
@click.option("--key", default="", help="The key of the row; the first row that counts when not given.")
@show_option
@printed
def sample(mapping: Path, url: str, access: Path | None, record_type: str, key: str, show: bool) -> Output:
    """Show one record beside the row that it is made of.

    \b
    Example:
      liaison adapter sample th_police.toml --url sqlite:////srv/police.sqlite --type Person --key 1042 --show
    """
    name, found = sample_record(mapping, url, access, SystemClock(), record_type, key)
    return Output(
        {"type": name} | sample_value(found, show=show),
        sample_lines(name, found, show=show),
        0 if found.record is not None else 1,
    )
