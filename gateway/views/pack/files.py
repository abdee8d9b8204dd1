"""Turn a pack into CSV and JSON. A figure that is hidden is the text `<5`, one that there is not is empty or null."""

from __future__ import annotations

import csv
import io
from typing import Any

from gateway.audit.statistics.statistics import SMALLEST, rounded
from gateway.clock import rfc3339
from gateway.desk.figures.pack import Pack, Table
from gateway.desk.figures.published import HIDDEN, Cell
from gateway.views.statistics import spreadsheet_cell

FEW = f"<{SMALLEST}"


def as_value(pack: Pack) -> dict[str, Any]:
    """Return a pack as JSON."""
    return {
        "member": pack.member,
        "with": pack.peer or "all",
        "office": pack.office,
        "facing": pack.facing,
        "month": pack.month.name,
        "since": rfc3339(pack.month.since_us),
        "until": rfc3339(pack.month.until_us),
        "made": pack.made,
        "exact": pack.exact,
        "minutes": pack.minutes,
        "empty": pack.is_empty,
        "read": {"entries": _read(pack, pack.entries), "threads": _read(pack, pack.threads)},
        "tables": [
            {
                "table": table.name,
                "side": table.side,
                "rows": [
                    {"value": row.value, **{name: _number(cell) for name, cell in _named(table, row.cells)}}
                    for row in table.rows
                ],
            }
            for table in pack.tables
        ],
    }


def as_csv(pack: Pack) -> str:
    """Return a pack as CSV: a heading, then one line for each figure."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("month", "member", "with", "office", "table", "side", "value", "column", "unit", "figure"))
    about = (pack.month.name, pack.member, pack.peer or "all", spreadsheet_cell(pack.office))
    for table in pack.tables:
        for row in table.rows:
            for name, cell in _named(table, row.cells):
                value = _number(cell)
                told = "" if value is None else value
                writer.writerow((*about, table.name, table.side, spreadsheet_cell(row.value), name, cell.unit, told))
    return out.getvalue()


def _read(pack: Pack, number: int) -> int | str:
    """Return how much was read: of a pack for others no closer than its counts, which it would give away."""
    told = number if pack.exact else rounded(number)
    return FEW if told < 0 else told


def _named(table: Table, cells: tuple[Cell, ...]) -> list[tuple[str, Cell]]:
    return list(zip(table.columns, cells, strict=True))


def _number(cell: Cell) -> float | str | None:
    return FEW if cell.value == HIDDEN else cell.value
