"""What a database looks like to somebody who must map it: tables, columns, keys, and some of the values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.errors import Misconfigured

DATABASES = ("sqlite", "postgresql", "mysql", "mariadb", "mssql", "oracle")


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `type` is the database's word for it; `values` are of some rows, as the driver gave them."""

    name: str
    type: str
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """One table or view.

    `key` is its primary key; `indexed` the columns that an index begins with; `foreign` leads from a column to the
    table and column that it points to. `rows` were looked at, and `is_whole` says that there are no more.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    indexed: frozenset[str]
    foreign: dict[str, tuple[str, str]]
    rows: int
    is_whole: bool

    def column(self, name: str) -> Column | None:
        """The column of that name, or None."""
        return next((column for column in self.columns if column.name == name), None)


def survey(url: str, access: Path | None, rows: int, only: Sequence[str] = ()) -> list[Table]:
    """The tables at `url` (only those named, if any are), each with up to `rows` rows of values.

    Raises `Misconfigured` for an address that is no database's, `Unavailable` when the database cannot be read.
    """
    if url.partition(":")[0].partition("+")[0] not in DATABASES:
        raise Misconfigured(
            "drafts are made from databases", where="url", remedy=f"an address that begins with {', '.join(DATABASES)}"
        )
    from adapters.sql.survey import read_tables

    return read_tables(url, access, rows, only)
