"""The access file of a source: passwords, certificates and clients, apart from `node.toml` (`Place.access`).

TOML that only the node's account may read. Each adapter reads the one table that is named after it (`[sql]`,
`[http]`, ...) and says which keys it knows; every other table or key is an error with file and line.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from adapters.lines import Lines
from adapters.nodes import Node
from certs.keyfiles import read_private
from gateway.errors import Misconfigured

_REMEDY = "write it with the adapter's table, and give it mode 0600"


def read_access(path: Path | None, table: str) -> Node:
    """The table `table` of the access file at `path`; an empty one when there is no file.

    Raises `Misconfigured` when others can read the file, when it is no TOML, or when it holds another table.
    """
    if path is None:
        return Node("", Lines(""), {}).table(table)
    file = str(path)
    try:
        document = read_private(path, "access", _REMEDY).decode("utf-8-sig")
        data = tomllib.loads(document)
    except UnicodeDecodeError as error:
        raise Misconfigured("the access file is not UTF-8", code="bad-access", where=file) from error
    except tomllib.TOMLDecodeError as error:
        line = found[1] if (found := re.search(r"line (\d+)", str(error))) else str(document.count("\n") + 1)
        # The reader's own words may quote what stands in the file, so they go nowhere.
        raise Misconfigured(
            "not TOML", code="bad-access", where=f"{file}:{line}", remedy="see https://toml.io"
        ) from None
    root = Node(file, Lines(document), data)
    root.only(table)
    return root.table(table)


def file_of(node: Node, access: Path | None, key: str) -> str:
    """The path in `key`, relative to the access file's folder; empty when it is not there. The file must exist."""
    name = node.text(key, "")
    if not name or access is None:
        return ""
    path = access.parent / name
    if not path.is_file():
        node.fail(f"`{key}` names a file that is not there", key, remedy=str(path))
    return str(path)
