"""The view that all pages of oversight have: what it is, facts, a list or a table, and forms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.console.frame.records import as_written
from gateway.console.frame.shapes import Link, Row, Table, Tag, Task
from gateway.console.pages.threads.forms import ActForm

TEMPLATE = "pages/oversight/matter.html"


@dataclass(frozen=True, slots=True)
class MatterView:
    """A page of oversight; `back` is the address of the list that it belongs to."""

    tags: Sequence[Tag] = ()
    lead: str = ""
    rows: Sequence[Row] = ()
    tasks: Sequence[Task] = ()
    pages: Sequence[Link] = ()
    table: Table | None = None
    links: Sequence[Link] = ()
    forms: Sequence[ActForm] = ()
    faults: Sequence[tuple[str, str]] = ()
    back: str = ""


def row(name: str, value: str) -> tuple[Row, ...]:
    """Return a line of facts, as it was written; none without a value."""
    return (Row(name, as_written(value)),) if value else ()
