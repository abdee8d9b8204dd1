"""The view of a database for the person who maps it: tables, columns, keys, and some of the values."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from adapters.database_tables import DATABASES, Table
from adapters.sql.survey import read_tables
from gateway.errors import Misconfigured


def survey(url: str, access: Path | None, rows: int, only: Sequence[str] = ()) -> list[Table]:
    """Return the tables at `url` (or only those named), each with up to `rows` rows of values.

    Raises `Misconfigured` for an address that is not a database's, `Unavailable` when the database cannot be read.
    """
    if url.partition(":")[0].partition("+")[0] not in DATABASES:
        raise Misconfigured(
            "drafts are made from databases",
            where="url",
            remedy="an address that begins with {databases}",
            databases=", ".join(DATABASES),
        )
    return read_tables(url, access, rows, only)
