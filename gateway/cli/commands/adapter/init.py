"""`liaison adapter init`: a draft of a mapping."""

from __future__ import annotations

from pathlib import Path

import click

from adapters.draft.draft import draft_of
from adapters.sql.survey import survey
from gateway.cli.options import access_option, json_option, source_address
from gateway.cli.output import print_json, say, working


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
