"""Describe the tables of a database to the person who maps them: columns, keys, and some of the values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

DATABASES = ("sqlite", "postgresql", "mysql", "mariadb", "mssql", "oracle")


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `type` is the database's word for it; `values` come from some rows, as the driver gave them."""

    name: str
    type: str
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """One table or view.

    `key` is its primary key; `indexed` holds the columns that an index begins with; `foreign` leads from a column to
    the table and column that it points to. `rows` were looked at, and `is_whole` says that there are no more.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    indexed: frozenset[str]
    foreign: dict[str, tuple[str, str]]
    rows: int
    is_whole: bool

    def column(self, name: str) -> Column | None:
        """Return the column of that name, or None."""
        return next((column for column in self.columns if column.name == name), None)
