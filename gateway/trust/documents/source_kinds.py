"""The kinds of sources that a member's descriptor lists, so that others know before asking what can be asked there."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from gateway.errors import Malformed
from gateway.model.values import text_value
from gateway.trust.documents.fields import Fields

MAX_KINDS = 256
_MAX_NAMES = 64
_MAX_KIND = 256
_QUERY = re.compile(r"[a-z][a-z_]{0,31}", re.ASCII)
_RECORD_TYPE = re.compile(r"[A-Z][A-Za-z]{0,63}", re.ASCII)
_REQUIRED = ("kind", "queries", "record_types")


@dataclass(frozen=True, slots=True)
class SourceKind:
    """One kind of source, in an officer's words, with the kinds of queries that it takes and the types of its records.

    Both are sorted. Names of a newer version, which we do not know, are kept.
    """

    kind: str
    queries: tuple[str, ...]
    record_types: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the kind as it is in a descriptor."""
        return {"kind": self.kind, "queries": list(self.queries), "record_types": list(self.record_types)}


def united(kinds: Iterable[SourceKind]) -> tuple[SourceKind, ...]:
    """Return the kinds in order of their names; sources of one kind are listed once, with all that they take."""
    found: dict[str, tuple[set[str], set[str]]] = {}
    for each in kinds:
        queries, types = found.setdefault(each.kind, (set(), set()))
        queries.update(each.queries)
        types.update(each.record_types)
    return tuple(
        SourceKind(kind, tuple(sorted(queries)), tuple(sorted(types)))
        for kind, (queries, types) in sorted(found.items())
    )


def read_source_kinds(fields: Fields) -> tuple[SourceKind, ...]:
    """Return the member `sources` of a descriptor. Raises `Malformed`."""
    kinds = tuple(map(_read, fields.items("sources", MAX_KINDS)))
    if not kinds or kinds != united(kinds):
        raise Malformed("a kind is listed once, in order", code="bad-field", where="descriptor.sources")
    return kinds


def _read(value: Any) -> SourceKind:
    fields = Fields(value, "descriptor.sources", _REQUIRED)
    kind = SourceKind(
        text_value(fields.text("kind"), "descriptor.sources.kind", _MAX_KIND),
        fields.texts("queries", _MAX_NAMES),
        fields.texts("record_types", _MAX_NAMES),
    )
    if not all(map(_QUERY.fullmatch, kind.queries)) or not all(map(_RECORD_TYPE.fullmatch, kind.record_types)):
        raise Malformed("not kinds of queries or record types", code="bad-field", where="descriptor.sources")
    return kind
