"""`liaison adapter sample`: one record beside its row."""

from __future__ import annotations

from pathlib import Path

import click

from adapters.check.check import sample_record, sample_value
from gateway.cli.options import FILE, access_option, json_option, show_option, source_address
from gateway.cli.output import print_result
from gateway.clock import SystemClock
from gateway.views.lines.mapping import sample_lines


@click.command()
@click.argument("mapping", type=FILE)
@click.option("--url", default="", callback=source_address, help="The source; `url` in the mapping when not given.")
@access_option
@click.option("--type", "record_type", default="", help="The record type; the mapping's first one when not given.")
@click.option("--key", default="", help="The key of the row; the first row that counts when not given.")
@show_option
@json_option
def sample(mapping: Path, url: str, access: Path | None, record_type: str, key: str, show: bool, as_json: bool) -> int:
    """Show one record beside the row that it is made of.

    \b
    Example:
      liaison adapter sample th_police.toml --url sqlite:////srv/police.sqlite --type Person --key 1042 --show
    """
    name, found = sample_record(mapping, url, access, SystemClock(), record_type, key)
    print_result({"type": name} | sample_value(found, show=show), sample_lines(name, found, show=show), as_json=as_json)
    return 0 if found.record is not None else 1
