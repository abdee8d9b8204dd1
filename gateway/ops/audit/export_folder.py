"""Check that a folder on the command line is an export, and read names by the tables that it carries."""

from __future__ import annotations

from pathlib import Path

from gateway.audit.export.layout import MANIFEST, NAMES, PART
from gateway.audit.export.reader import ExportReader
from gateway.config import Home, argument
from gateway.errors import Malformed, Misused
from gateway.matching.own_rows.check import MOST_BYTES, own_rows_of, shape_of
from gateway.matching.scripts.tables import use


def require_export(folder: Path) -> None:
    """Raise `Misused` for a folder that was never an export. The verifier judges what is wrong with one."""
    if (folder / MANIFEST).is_file():
        return
    if Home(folder).settings.is_file():
        what = f"it is a node's home, of which `liaison audit export --home {argument(folder)} --out DIR` makes one"
    elif (folder / PART).is_file():
        what = "it is one that was interrupted: give the command that began it again"
    else:
        what = f"it has no {MANIFEST}. `liaison audit export --home HOME --out DIR` makes one"
    raise Misused(f"`{folder}` is no export: {what}")


def use_exported_tables(folder: Path) -> None:
    """Let the own tables of names that an export carries count in this process, or without any none.

    Raises `Misused` for a folder that is not an export, `Malformed` and `Misconfigured` for tables that no home has.
    """
    require_export(folder)
    texts: dict[str, str] = {}
    for table, data in ExportReader(folder).name_tables(MOST_BYTES):
        where = f"{NAMES}/{table}.tsv"
        shape_of(table, where)
        try:
            texts[table] = data.decode()
        except UnicodeDecodeError as error:
            raise Malformed("a byte is not UTF-8", code="broken-export", where=where) from error
    use(own_rows_of(texts, NAMES))
