"""Tests beside a mapping: what the record of a certain row must be (`[[expect]]`)."""

from __future__ import annotations

from collections.abc import Mapping as Map
from typing import Any

from adapters.mapping.mapping import Expectation, RecordMapping
from adapters.mapping.marking import one_of
from gateway.config.toml import TomlTable, nearest
from gateway.model.marking import Level, SubjectCategory
from gateway.records.types import RECORD_TYPES

EXPECT_KEYS = ("type", "key", "fields", "absent", "category", "level", "counts")


def expectations_of(root: TomlTable, records: Map[str, RecordMapping]) -> tuple[Expectation, ...]:
    """Return the expectations of a mapping. Raises `Misconfigured` with the line of what is not understood."""
    return tuple(_expectation(node, records) for node in root.tables("expect"))


def _expectation(node: TomlTable, records: Map[str, RecordMapping]) -> Expectation:
    node.only(*EXPECT_KEYS)
    name = node.text("type")
    if name not in records:
        node.fail(f"`{name}` is not mapped", "type", remedy=nearest(name, records))
    key = node.data.get("key")
    if type(key) not in (str, int):
        node.fail("an expectation names the `key` of a row", "key", remedy='key = "1042"')
    fields, absent = node.table("fields"), node.texts("absent")
    for word in (*fields.data, *absent):
        if word not in RECORD_TYPES[name].fields:
            node.fail(f"unknown field `{word}`", "fields", word, nearest(word, RECORD_TYPES[name].fields))
    if len(node.data) < 3:
        node.fail("an expectation says what the record must be", remedy='fields = { birth = "1962-01-17" }')
    if (counts := node.get("counts", bool, True)) is False and len(node.data) > 3:
        node.fail("a row that does not count has no record", "counts", remedy="leave the rest out")
    return Expectation(
        record_type=name,
        key=str(key),
        fields={word: _plain(value) for word, value in fields.data.items()},
        absent=absent,
        category=str(one_of(node, "category", SubjectCategory, node.text("category")))
        if "category" in node.data
        else "",
        level=str(one_of(node, "level", Level, node.text("level"))) if "level" in node.data else "",
        counts=counts,
        line=node.line(),
    )


def _plain(value: Any) -> Any:
    """Return a TOML value as it is compared: dates and numbers as text."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value if isinstance(value, bool) else str(value)
