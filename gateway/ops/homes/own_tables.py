"""Read a home's own tables of names (`names/`) and let them count, at the start of a process of that home."""

from __future__ import annotations

from pathlib import Path

from gateway.config.home import KeyHome
from gateway.errors import Misconfigured
from gateway.matching.own_rows.check import MOST_BYTES, own_rows_of, shape_of
from gateway.matching.scripts.tables import OwnRows, use


def use_own_tables(home: Path | None) -> str:
    """Let the own tables of `home` count in this process, or without one none; return which they are, with their rows.

    Raises `Misconfigured` with file and line. It is called before a process has threads.
    """
    own = read_own_tables(home) if home is not None else OwnRows()
    use(own)
    return ", ".join(f"{name}: {len(rows)}" for name, rows in own.rows.items())


def read_own_tables(home: Path) -> OwnRows:
    """Return the rows of a home's own tables; none where the home has no such folder. Raises `Misconfigured`."""
    return own_rows_of(own_texts(home), KeyHome(home).names.name)


def own_texts(home: Path) -> dict[str, str]:
    """Return the texts of a home's own tables, by table. Raises `Misconfigured`."""
    folder = KeyHome(home).names
    try:
        files = sorted(folder.iterdir()) if folder.exists() else []
        return {file.stem: _text(folder, file) for file in files if not _is_beside(file)}
    except OSError as error:
        raise Misconfigured(
            "cannot be read: {strerror}",
            code="bad-names",
            where=str(error.filename or folder),
            remedy="let the account of the process read the folder and its files",
            strerror=error.strerror,
        ) from error


def _is_beside(file: Path) -> bool:
    """Tell whether a file is not a table: it is hidden, or a README."""
    return file.name.startswith((".", "README"))


def _text(folder: Path, file: Path) -> str:
    where = f"{folder.name}/{file.name}"
    if file.suffix != ".tsv" or not file.is_file():
        raise Misconfigured(
            "only tables (.tsv) and a README can be here",
            code="bad-names",
            where=where,
            remedy="name the file TABLE.tsv, or put it elsewhere",
        )
    shape_of(file.stem, where)
    with file.open("rb") as opened:
        data = opened.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise Misconfigured(
            "more than {most} bytes",
            code="bad-names",
            where=where,
            remedy="keep the rows that are needed",
            most=MOST_BYTES,
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Misconfigured(
            "a byte is not UTF-8",
            code="bad-names",
            where=f"{where}:{_line_at(data, error.start)}",
            remedy="save the file as UTF-8",
        ) from error


def _line_at(data: bytes, place: int) -> int:
    """Return the number of the line in which the byte at `place` stands."""
    return data.count(b"\n", 0, place) + 1
