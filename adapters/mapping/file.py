"""From a TOML file to a `Mapping`. Every key or value that is not understood is an error with its line."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping as Map
from pathlib import Path

from adapters.mapping.expectations import expectations_of
from adapters.mapping.mapping import Mapping, RecordMapping
from adapters.mapping.marking import default_marking
from adapters.mapping.record import RecordReader
from adapters.values.charsets import decoder
from gateway.config.toml import TomlTable, parse_toml
from gateway.errors import Malformed, Misconfigured
from gateway.model.names import identifier

PLACES = ("files", "http")
"""Sections that say where an adapter finds the tables; with one of them, columns may be paths into documents."""


def load_mapping(path: Path) -> Mapping:
    """Read and check a mapping file. Raises `Misconfigured` with file, line, and the likely intended word."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Misconfigured("the mapping cannot be read", where=str(path), remedy="check path and rights") from error
    return read_mapping(str(path), content)


def read_mapping(file: str, content: bytes) -> Mapping:
    """Return the mapping in `content`; `file` is its name in errors."""
    root = parse_toml(file, content, "bad-mapping")
    root.only("source", "marking", "codes", "record", "expect", *PLACES)
    source = root.table("source")
    source.only("id", "agency", "kind", "encoding", "junk", "repair", "url")
    codes = _codes(root)
    places = {name: root.table(name) for name in PLACES if name in root.data}
    records: dict[str, RecordMapping] = {}
    for node in root.tables("record"):
        record = RecordReader(node, codes, has_paths=bool(places)).read()
        if record.type in records:
            node.fail(f"`{record.type}` is mapped twice", "type")
        records[record.type] = record
    if not records:
        root.fail("no record is mapped", remedy="add a [[record]] table")
    return Mapping(
        file=file,
        digest=hashlib.sha256(content).hexdigest(),
        id=_source_id(source),
        agency=_identifier(source, "agency"),
        kind=source.text("kind"),
        encoding=_encoding(source),
        junk=frozenset(source.texts("junk")),
        marking=default_marking(root.table("marking")),
        records=records,
        repair=source.get("repair", bool, False),
        url=source.text("url", ""),
        places=places,
        expectations=expectations_of(root, records),
    )


def _identifier(node: TomlTable, key: str) -> str:
    text = node.text(key)
    try:
        return identifier(text, key)
    except Malformed as error:
        node.fail(error.message, key, remedy=error.remedy)


def _source_id(source: TomlTable) -> str:
    """Return `<member>.<agency>.<name>`: the owner in signed records is read from it."""
    name, agency = _identifier(source, "id"), _identifier(source, "agency")
    if not re.fullmatch(rf"[a-z]{{2}}\.{re.escape(agency)}\.[a-z0-9._-]+", name, re.ASCII):
        source.fail(f"`{name}` is not an id of a source of `{agency}`", "id", remedy=f"such as `th.{agency}.records`")
    return name


def _encoding(source: TomlTable) -> str:
    name = source.text("encoding", "utf-8").strip().lower()
    if decoder(name) is None:
        source.fail(
            f"unknown encoding `{name}`", "encoding", remedy="such as utf-8, tis-620, cp1252, viscii, tcvn3, gbk"
        )
    return name


def _codes(root: TomlTable) -> Map[str, Map[str, str]]:
    node = root.table("codes")
    tables: dict[str, Map[str, str]] = {}
    for name in node.data:
        table = node.table(name)
        tables[name] = {key: table.text(key) for key in table.data}
    return tables
