"""The section `[files]` of a mapping: the files of each table, and their format."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from enum import StrEnum

from adapters.mapping.documents import Path, path, places_of
from adapters.mapping.mapping import Mapping
from adapters.mapping.marking import one_of
from adapters.values.charsets import OWN_SETS
from gateway.config.toml import TomlTable, nearest
from gateway.errors import Misconfigured

_KEYS = (
    "pattern", "format", "encoding", "delimiter", "quote", "sheet", "rows", "repeated", "complete", "settle",
    "end", "duplicates",
)  # fmt: skip
ROWS = "{rows}"
"""Stands in an `end` for the number of rows."""

_SETTLE_SECONDS = 5
_MAX_SETTLE = 3_600
_STATEFUL = ("utf-7", "iso2022", "hz", "raw", "unicode", "punycode", "idna")
_END = re.compile(r"[^\x00-\x1f\x7f\s](?:[^\x00-\x1f\x7f]{0,198}[^\x00-\x1f\x7f\s])?")
_PATTERN = re.compile(r"[^/\x00-\x1f\x7f]{1,200}")


class Format(StrEnum):
    """The format of a file."""

    CSV = "csv"
    XLSX = "xlsx"
    JSONL = "jsonl"
    XML = "xml"


class Complete(StrEnum):
    """The sign that a file is whole.

    `SETTLED`: it has not changed for a while; `DONE`: `NAME.done` is beside it; `SHA256`: `NAME.sha256` is,
    and holds its hash.
    """

    SETTLED = "settled"
    DONE = "done"
    SHA256 = "sha256"


class Duplicates(StrEnum):
    """The treatment of a key that occurs more than once: no row of it counts, or the one in the last file by name."""

    REFUSE = "refuse"
    LAST = "last"


@dataclass(frozen=True, slots=True)
class Table:
    """A table in files. `encoding` is that of texts, `rows` leads from an XML document to its rows.

    `end` is the last line of a whole file, in which `{rows}` stands for the number of its rows; empty = none.
    """

    name: str
    pattern: str
    format: Format
    encoding: str
    delimiter: str
    quote: str
    sheet: str
    rows: Path
    repeated: frozenset[str]
    complete: Complete
    settle: int
    end: str
    duplicates: Duplicates

    @property
    def is_flat(self) -> bool:
        """True if its columns are names, and not paths into documents."""
        return self.format in (Format.CSV, Format.XLSX)


def tables_of(mapping: Mapping) -> dict[str, Table]:
    """Return the tables that the records of `mapping` name. Raises `Misconfigured` with file and line."""
    section = places_of(mapping, "files", "which files are a table")
    tables = {name: _table(name, section.table(name), mapping.encoding) for name in section.data}
    for record in mapping.records.values():
        named = [(record.table, record.line)]
        named += [(join.table, join.line) for join in record.joins if join.kind.value != "nested"]
        for table, line in named:
            if table not in tables:
                raise Misconfigured(
                    "unknown table `{table}`",
                    code="bad-mapping",
                    where=f"{mapping.file}:{line}",
                    remedy="{advice}",
                    table=table,
                    advice=nearest(table, tables),
                )
    return tables


def _table(name: str, node: TomlTable, encoding: str) -> Table:
    node.only(*_KEYS)
    pattern = node.text("pattern")
    if not _PATTERN.fullmatch(pattern):
        node.fail(f"`{pattern}` is not a pattern of file names", "pattern", remedy="such as `persons-*.csv`")
    kind = one_of(node, "format", Format, node.text("format"))
    settle = node.get("settle", int, _SETTLE_SECONDS)
    if not 0 <= settle <= _MAX_SETTLE:
        node.fail(f"`settle` is from 0 to {_MAX_SETTLE} seconds", "settle")
    if kind is Format.XML and "rows" not in node.data:
        node.fail("an XML file needs `rows`", remedy="the JMESPath of its rows, such as `MetaData.Declaration`")
    return Table(
        name=name,
        pattern=pattern,
        format=kind,
        encoding=_encoding(node, encoding),
        delimiter=_sign(node, "delimiter", ","),
        quote=_sign(node, "quote", '"'),
        sheet=node.text("sheet", ""),
        rows=path(node.text("rows", "@"), node.place("rows")),
        repeated=frozenset(node.texts("repeated")),
        complete=one_of(node, "complete", Complete, node.text("complete", "settled")),
        settle=settle,
        end=_end(node, kind),
        duplicates=one_of(node, "duplicates", Duplicates, node.text("duplicates", "refuse")),
    )


def _end(node: TomlTable, kind: Format) -> str:
    end = node.text("end", "")
    if "end" not in node.data:
        return ""
    if kind not in (Format.CSV, Format.JSONL):
        node.fail(f"a file of {kind} shows by itself where it ends", "end", remedy="leave `end` out")
    if not _END.fullmatch(end) or end.count(ROWS) > 1:
        node.fail("`end` is a line that holds anything", "end", remedy='such as `end = "#END {rows}"`')
    return end


def _sign(node: TomlTable, key: str, default: str) -> str:
    sign = node.text(key, default)
    if len(sign) != 1 or not sign.isascii() or sign.isalnum() or sign in "\r\n\0 ":
        node.fail(f"`{key}` is one ASCII character that is no letter, digit or blank", key)
    return sign


def _encoding(node: TomlTable, default: str) -> str:
    """Return the encoding: UTF-16, or one in which a byte that looks like an end of line or a quote is one."""
    name = node.text("encoding", default)
    if name.strip().lower() in OWN_SETS:
        return name.strip().lower()
    known = {"tis-620": "cp874", "tis620": "cp874", "utf-8-sig": "utf-8"}.get(name.lower(), name)
    try:
        found = codecs.lookup(known)
        is_usable = found.name.startswith("utf-16") or found.encode('\n\r"')[0] == b'\n\r"'
    except (LookupError, ValueError, TypeError):
        is_usable = False
    if not is_usable or found.name.startswith(_STATEFUL):
        node.fail(
            f"`{name}` is not an encoding of files",
            "encoding",
            remedy="such as utf-8, tis-620, utf-16, cp1258, tcvn3, viscii, vni, gbk, big5",
        )
    return found.name
