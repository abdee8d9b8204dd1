"""From a TOML file to a `Mapping`. Every key or value that is not understood is an error with its line."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from collections.abc import Mapping as Map
from pathlib import Path
from typing import Any

from adapters.mapping.expectations import expectations_of
from adapters.mapping.mapping import FRESH_WITHIN_S, Mapping, RecordMapping
from adapters.mapping.marking import default_marking
from adapters.mapping.record import RecordReader
from adapters.values.charsets import decoder
from gateway.config.mistakes import Mistakes
from gateway.config.toml import TomlTable, parse_toml
from gateway.errors import Malformed, Misconfigured
from gateway.model.names import identifier

PLACES = ("files", "http")
"""Sections that say where an adapter finds the tables; with one of them, columns may be paths into documents."""


TODO = "TODO"
"""The word of a draft for what a person has yet to say."""

_SECONDS = {"s": 1, "min": 60, "h": 3_600}
_DRAFT_ID, _DRAFT_AGENCY = "zz.draft.records", "draft"
"""Names that no source can have in use: there is no country ZZ."""


def load_mapping(path: Path, mistakes: Mistakes | None = None, *, is_draft: bool = False) -> Mapping:
    """Read and check a mapping file. Raises `Misconfigured` with file, line, and the likely intended word.

    The first mistake is raised, and `mistakes` holds all of them. With `is_draft` the names of the source may be TODO,
    and records may be missing.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Misconfigured("the mapping cannot be read", where=str(path), remedy="check path and rights") from error
    return read_mapping(str(path), content, mistakes, is_draft=is_draft)


def is_unnamed(mapping: Mapping) -> bool:
    """Tell whether a mapping is a draft whose source has no name yet."""
    return mapping.id == _DRAFT_ID


def open_decisions(text: str) -> int:
    """Return the number of lines of a mapping that leave something to a person."""
    return sum(TODO in line for line in text.splitlines() if line.strip() and "every TODO" not in line)


def read_mapping(file: str, content: bytes, mistakes: Mistakes | None = None, *, is_draft: bool = False) -> Mapping:
    """Return the mapping in `content`; `file` is its name in errors."""
    mistakes = mistakes or Mistakes()
    root = parse_toml(file, content, "bad-mapping")
    mistakes.keep(root.unknown("source", "marking", "codes", "record", "expect", *PLACES))
    source = root.table("source")
    mistakes.keep(source.unknown("id", "agency", "kind", "encoding", "junk", "repair", "url", "fresh_within"))
    if is_draft and TODO in (source.data.get("id"), source.data.get("agency")):
        source.data.update(id=_DRAFT_ID, agency=_DRAFT_AGENCY)
    said = _source(source, mistakes)
    with mistakes.kept():
        said["marking"] = default_marking(root.table("marking"), mistakes)
    places = {name: root.table(name) for name in PLACES if name in root.data}
    records = _records(root, _codes(root, mistakes), mistakes, has_paths=bool(places))
    if not records and not mistakes.found and not is_draft:
        root.fail("no record is mapped", remedy="add a [[record]] table")
    with mistakes.kept():
        said["expectations"] = expectations_of(root, records)
    mistakes.end()
    return Mapping(file=file, digest=hashlib.sha256(content).hexdigest(), records=records, places=places, **said)


def _source(source: TomlTable, mistakes: Mistakes) -> dict[str, Any]:
    said: dict[str, Any] = {}
    read: dict[str, Callable[[], Any]] = {
        "id": lambda: _source_id(source),
        "agency": lambda: _identifier(source, "agency"),
        "kind": lambda: source.text("kind"),
        "encoding": lambda: _encoding(source),
        "junk": lambda: frozenset(source.texts("junk")),
        "repair": lambda: source.get("repair", bool, False),
        "url": lambda: source.text("url", ""),
        "fresh_within_s": lambda: _fresh_within(source),
    }
    for name, each in read.items():
        with mistakes.kept():
            said[name] = each()
    return said


def _records(
    root: TomlTable, codes: Map[str, Map[str, str]], mistakes: Mistakes, *, has_paths: bool
) -> dict[str, RecordMapping]:
    records: dict[str, RecordMapping] = {}
    with mistakes.kept():
        for node in root.tables("record"):
            with mistakes.kept():
                record = RecordReader(node, codes, mistakes, has_paths=has_paths).read()
                if record.type in records:
                    node.fail(f"`{record.type}` is mapped twice", "type")
                records[record.type] = record
    return records


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


def _fresh_within(source: TomlTable) -> int:
    """Return seconds. A source is looked at each minute, so that two minutes are the least that can be promised."""
    text = source.text("fresh_within", f"{FRESH_WITHIN_S}s")
    found = re.fullmatch(r"([1-9][0-9]{0,4}) ?(s|min|h)", text, re.ASCII)
    seconds = int(found[1]) * _SECONDS[found[2]] if found else 0
    if not 120 <= seconds <= 86_400:
        source.fail(
            f"`{text}` is no time that can be promised",
            "fresh_within",
            remedy="from `2 min` to `24 h`, such as `15 min`",
        )
    return seconds


def _codes(root: TomlTable, mistakes: Mistakes) -> Map[str, Map[str, str]]:
    node = root.table("codes")
    tables: dict[str, Map[str, str]] = {}
    for name in node.data:
        tables[name] = _meanings(node, name, mistakes)
    return tables


def _meanings(node: TomlTable, name: str, mistakes: Mistakes) -> dict[str, str]:
    found: dict[str, str] = {}
    with mistakes.kept():
        table = node.table(name)
        for key in table.data:
            with mistakes.kept():
                found[key] = table.text(key)
    return found
