"""The schema of an empty file of SQLite, as the migrations make it, one after the other."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from gateway.storage.database.engine import open_database
from gateway.storage.database.migrate import HEAD, migrate

_FIRST = "0001"


def schema_text() -> str:
    """Return what `gateway.storage.database.migrate` makes of an empty file, from its migrations."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "migrated.sqlite"
        with closing(open_database(file)) as database:
            migrate(database, _FIRST)
            migrate(database, HEAD)
        return dumped(file)


def dumped(file: Path) -> str:
    """Return all statements that make the tables, indexes and rows of a file, without blanks at the ends of lines."""
    with closing(sqlite3.connect(file)) as connection:
        _begin, *statements, _commit = connection.iterdump()
    return "\n".join(re.sub(r" +$", "", statement, flags=re.MULTILINE) for statement in statements) + "\n"
