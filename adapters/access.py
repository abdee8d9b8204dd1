"""The access file of a source: passwords, certificates and clients, apart from `node.toml` (`Place.access`).

TOML that only the node's account may read. Each adapter reads the one table that is named after it (`[sql]`,
`[http]`, ...) and says which keys it knows; every other table or key is an error with file and line.
"""

from __future__ import annotations

from pathlib import Path

from gateway.config.toml import TomlTable, parse_toml
from gateway.host.private_file import read_private

_FILES = ("ca", "certificate", "key", "ssl_ca", "ssl_cert", "ssl_key")
"""The keys of all tables whose values are files (`file_of`)."""

_REMEDY = "write it with the adapter's table, and give it mode 0600"


def read_access(path: Path | None, table: str) -> TomlTable:
    """Return the table `table` of the access file at `path`; an empty one when there is no file.

    Raises `Misconfigured` when others can read the file, when it is not TOML, or when it holds another table.
    """
    if path is None:
        return parse_toml("", b"").table(table)
    root = _read(path)
    root.only(table)
    return root.table(table)


def files_named(path: Path) -> list[Path]:
    """Return an access file, and the certificates and keys that it names. Raises `Misconfigured` as `read_access`."""
    tables = [table for table in _read(path).data.values() if isinstance(table, dict)]
    named = [table[key] for table in tables for key in _FILES if isinstance(table.get(key), str)]
    return [path, *(path.parent / name for name in named)]


def _read(path: Path) -> TomlTable:
    return parse_toml(str(path), read_private(path, "access", _REMEDY), "bad-access", is_secret=True)


def file_of(node: TomlTable, access: Path | None, key: str) -> str:
    """Return the path in `key`, relative to the access file's folder, where it must exist; empty without the key."""
    name = node.text(key, "")
    if not name or access is None:
        return ""
    path = access.parent / name
    if not path.is_file():
        node.fail(f"`{key}` names a file that is not there", key, remedy=str(path))
    return str(path)
