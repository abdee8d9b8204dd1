"""`liaison operation list`, `show` and `pack`, through the node's own REST API."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import click

from gateway.cli.inputs.bearers import Bearer, at_the_desk
from gateway.cli.options import NEW_FILE, TEXT, page_options
from gateway.cli.output import Output, printed
from gateway.cli.speech import spoken
from gateway.views.desk.lines import paged_lines
from gateway.views.operations.lines import operation_lines, operations_lines, pack_lines

_operation = click.argument("operation", metavar="OPERATION", type=TEXT)


@click.command("list")
@at_the_desk
@click.option("--over", is_flag=True, help="Those that have ended, as well.")
@page_options
@printed
def list_operations(bearer: Bearer, over: bool, limit: int, after: str) -> Output:
    """Operations that you may read: ours, and those into which we are invited.

    \b
    Example:
      liaison operation list --home vn --as vn.n.2
    """
    found = bearer.call("GET", "operations", over=over, limit=limit, after=after)
    return Output(found, paged_lines(operations_lines(found["operations"], spoken()), found["next"], spoken()))


@click.command()
@_operation
@at_the_desk
@printed
def show(bearer: Bearer, operation: str) -> Output:
    """One operation: its members and what is missing of them, its entries, its results.

    \b
    Example:
      liaison operation show th.5f0c… --home vn --as vn.n.2
    """
    found = bearer.call("GET", f"operations/{quote(operation, safe='')}")
    return Output(found, operation_lines(found, spoken()))


@click.command()
@_operation
@at_the_desk
@click.option("--html", type=NEW_FILE, help="Write a page to be printed (HTML, needs no network) to this file.")
@printed
def pack(bearer: Bearer, operation: str, html: Path | None) -> Output:
    """Results and evidence of an operation: each exchange with its hash and its entry, for the formal way.

    \b
    Examples:
      liaison operation pack th.5f0c… --home th --as th.o.1042 --html pack.html
      liaison operation pack th.5f0c… --home th --as th.o.1042 --json > pack.json
    """
    found = bearer.call("GET", f"operations/{quote(operation, safe='')}/pack")
    page = found.pop("page")
    if html is not None:
        html.write_text(page, encoding="utf-8")
    return Output(found | {"html": str(html or "")}, pack_lines(found, spoken()))
