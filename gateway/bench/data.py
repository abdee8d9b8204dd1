"""Make the bench's source: one table of invented travel documents with the wanted number of rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

_MAPPING = Path(__file__).with_name("documents.toml")
_FAMILIES = ("Nguyen", "Tran", "Le", "Pham", "Hoang", "Phan", "Vu", "Dang", "Bui", "Do")
_MIDDLES = ("Van", "Thi", "Quang", "Minh", "Ngoc", "Duc", "Hai")
_GIVENS = ("An", "Binh", "Chi", "Dung", "Giang", "Hoa", "Khanh", "Lan", "Mai", "Nam", "Phuc")


def number(row: int) -> str:
    """Return the document number of a row; neighbouring rows are not neighbours in the index."""
    return f"N{(row * 387_420_489 + 17) % 100_000_007:08d}"


def absent_number(row: int) -> str:
    """Return a number that no row has."""
    return f"Z{row:08d}"


def write_source(folder: Path, rows: int) -> tuple[Path, Path]:
    """Write a database with so many rows and its mapping; return both files."""
    database, mapping = folder / "documents.sqlite", folder / "documents.toml"
    with sqlite3.connect(database) as connection:
        connection.execute(
            "CREATE TABLE document (id INTEGER PRIMARY KEY, code TEXT, issuer TEXT, number TEXT, holder TEXT,"
            " birth TEXT, issued TEXT, expires TEXT, status TEXT, crossing TEXT)"
        )
        connection.executemany("INSERT INTO document VALUES (?,?,?,?,?,?,?,?,?,?)", _rows(rows))
    connection.close()
    mapping.write_bytes(_MAPPING.read_bytes())
    return database, mapping


def _rows(rows: int) -> Iterator[tuple[object, ...]]:
    for row in range(1, rows + 1):
        holder = f"{_FAMILIES[row % 10]} {_MIDDLES[row % 7]} {_GIVENS[row % 11]}"
        birth = f"{1950 + row % 55}-{1 + row % 12:02d}-{1 + row % 28:02d}"
        year = 2018 + row % 8
        yield (
            row, "P", "VNM", number(row), holder, birth, f"{year}-03-05", f"{year + 10}-03-04",
            "STOLEN" if row % 50 == 0 else "VALID", f"Moc Bai {1 + row % 28:02d}.06.2025",
        )  # fmt: skip
