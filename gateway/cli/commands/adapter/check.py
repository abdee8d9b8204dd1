"""`liaison adapter check`: find what is wrong with a mapping."""

from __future__ import annotations

from pathlib import Path

import click

from adapters.check.check import check_mapping
from gateway.cli.options import FILE, access_option, json_option, show_option, source_address
from gateway.cli.output import print_result, working
from gateway.clock import SystemClock
from gateway.views.lines.mapping import mapping_lines


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
@json_option
def check(mapping: Path, url: str, access: Path | None, rows: int, show: bool, as_json: bool) -> int:
    """Say what is wrong with a mapping, and what it makes of a source's rows.

    \b
    Examples:
      liaison adapter check th_police.toml
      liaison adapter check th_police.toml --url sqlite:////srv/police.sqlite --rows 100000

    Exit code 0 when the mapping can be used, 1 when not.
    """
    with working("trying the mapping"):
        report = check_mapping(mapping, url, access, rows, SystemClock())
    print_result(report.as_value(show=show), mapping_lines(report, show=show), as_json=as_json)
    return 0 if report.is_good else 1
