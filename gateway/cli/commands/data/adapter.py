"""`liaison adapter`: write, check and try the mapping of an agency's own system."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from gateway.cli.output import json_option, print_json, say, working

if TYPE_CHECKING:
    from adapters.check.check import Report
    from adapters.check.report import Finding, Sample, TypeReport

_FILE = click.Path(dir_okay=False, exists=True, path_type=Path)
_access = click.option("--access", type=_FILE, help="The source's access file (passwords, certificates).")
_show = click.option("--show", is_flag=True, help="Show values as they are; otherwise letters and figures are masked.")


def _address(context: click.Context, option: click.Parameter, url: str) -> str:
    """An address that is given must be one: an empty shell variable is not "no source"."""
    is_given = context.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE
    if is_given and not url.strip():
        raise click.BadParameter("the address is empty", context, option)
    return url


@click.group()
def adapter() -> None:
    """Connect an agency's own system by one mapping file. Nothing is ever written to that system.

    \b
    Examples:
      liaison adapter init --url sqlite:////srv/agency.sqlite > draft.toml
      liaison adapter check draft.toml --url sqlite:////srv/agency.sqlite
      liaison adapter sample draft.toml --url sqlite:////srv/agency.sqlite --key 1042 --show

    The guide is docs/guides/connect-an-agency-system.md.
    """


@adapter.command()
@click.option("--url", required=True, callback=_address, help="The database, such as postgresql://reader@host/agency.")
@_access
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
    from adapters.draft.draft import draft_of
    from adapters.draft.survey import survey

    with working("reading the catalogue"):
        tables = survey(url, access, rows, only)
    draft = draft_of(tables)
    if as_json:
        print_json({"draft": draft.text, "tables": len(tables), "records": draft.records, "todo": draft.todo})
    else:
        click.echo(draft.text, nl=False)
        say(f"{len(tables)} tables read, {len(draft.records)} record types drafted, {draft.todo} TODO", err=True)
    return 0


@adapter.command()
@click.argument("mapping", type=_FILE)
@click.option(
    "--url",
    default="",
    callback=_address,
    help="The source; without it (and `url` in the mapping) only the file is checked.",
)
@_access
@click.option("--rows", default=10_000, show_default=True, type=click.IntRange(1), help="Looked at per record type.")
@_show
@json_option
def check(mapping: Path, url: str, access: Path | None, rows: int, show: bool, as_json: bool) -> int:
    """Say what is wrong with a mapping, and what it makes of a source's rows.

    \b
    Examples:
      liaison adapter check th_police.toml
      liaison adapter check th_police.toml --url sqlite:////srv/police.sqlite --rows 100000

    Exit code 0 when the mapping can be used, 1 when not.
    """
    from adapters.check.check import check_mapping
    from gateway.clock import SystemClock

    with working("trying the mapping"):
        report = check_mapping(mapping, url, access, rows, SystemClock())
    if as_json:
        print_json(report.as_value(show=show))
    else:
        _show_report(report, show)
    return 0 if report.is_good else 1


@adapter.command()
@click.argument("mapping", type=_FILE)
@click.option("--url", default="", callback=_address, help="The source; `url` in the mapping when not given.")
@_access
@click.option("--type", "record_type", default="", help="The record type; the mapping's first one when not given.")
@click.option("--key", default="", help="The key of the row; the first row that counts when not given.")
@_show
@json_option
def sample(mapping: Path, url: str, access: Path | None, record_type: str, key: str, show: bool, as_json: bool) -> int:
    """Show one record beside the row that it is made of.

    \b
    Example:
      liaison adapter sample th_police.toml --url sqlite:////srv/police.sqlite --type Person --key 1042 --show
    """
    from adapters.check.check import sample_record, sample_value
    from gateway.clock import SystemClock

    name, found = sample_record(mapping, url, access, SystemClock(), record_type, key)
    if as_json:
        print_json({"type": name} | sample_value(found, show=show))
    else:
        _show_sample(name, found, show)
    return 0 if found.record is not None else 1


# ---------------------------------------------------- in words


def _show_report(report: Report, show: bool) -> None:
    from adapters.check.check import sample_value

    for each in report.types:
        _show_type(each)
        for sampled in each.samples:
            _show_pairs(sample_value(sampled, show=show))
    if report.speed:
        speed = report.speed
        say(f"speed: {speed.rows_per_s:,.0f} rows a second into the index", "title")
        say(f"  search {speed.search_ms[0]:.1f} ms (slowest {speed.search_ms[1]:.1f})")
        say(f"  fetch  {speed.fetch_ms[0]:.1f} ms (slowest {speed.fetch_ms[1]:.1f})")
        say(f"  {speed.found} of {speed.searches} records are found by what they hold")
    for finding in report.findings:
        _show_finding(finding, show)
    if report.has_url and not report.has_database:
        say("the source was not looked at: only the file was checked; mend it first", "warn")
    elif not report.has_database:
        say("no database was looked at: only the file was checked (give --url)", "warn")
    say("the mapping can be used" if report.is_good else "the mapping cannot be used yet", "title")


def _show_type(report: TypeReport) -> None:
    live = report.rows - report.not_live
    say(f"{report.type} from `{report.table}`", "title")
    say(f"  {report.rows:,} rows, {live:,} live, {report.valid:,} valid ({report.share:.1%})")


def _show_finding(finding: Finding, show: bool) -> None:
    from adapters.check.check import failed_value

    style, mark = ("bad", "WRONG") if finding.severity == "error" else ("warn", "note ")
    say(f"{mark} {finding.where}: {finding.message}", style)
    if finding.remedy:
        say(f"      -> {finding.remedy}")
    for each in finding.rows:
        row = failed_value(each, show=show)
        cells = ", ".join(f"{column} = {_brief(cell)}" for column, cell in row["row"].items() if cell is not None)
        say(f"      row {row['key']}: {cells}", "dim")


def _show_sample(name: str, found: Sample, show: bool) -> None:
    from adapters.check.check import sample_value

    say(f"{name} {found.key if show else '(masked, see --show)'}", "title")
    _show_pairs(sample_value(found, show=show))
    if not found.is_live:
        say("this row does not count (`live`): it is never found, and never leaves", "warn")


def _show_pairs(value: dict[str, Any]) -> None:
    """Cells on the left, what they became on the right."""
    from itertools import zip_longest

    cells = [f"{column} = {_brief(cell)}" for column, cell in value["row"].items() if cell not in (None, [])]
    record = value["record"]
    made = [f"left out: {value['left_out']}"]
    if record:
        made = [f"{name}: {_brief(each)}" for name, each in record["fields"].items()]
        made += [f"found by {name}: {_brief(each)}" for name, each in record["search"].items()]
        made += [f"({name}: {_brief(each)})" for name, each in value["about"].items()]
    say("  " + "-" * 100, "dim")
    for cell, field in zip_longest(cells, made, fillvalue=""):
        say(f"  {cell:<46.46} | {field}")


def _brief(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{key}={_brief(each)}" for key, each in value.items())
    if isinstance(value, list):
        return "; ".join(map(_brief, value))
    return str(value)
