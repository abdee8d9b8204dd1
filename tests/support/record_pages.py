"""The pages in `docs/records`: made from the models, so that they cannot differ from the program."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gateway.records import codes
from gateway.records.envelope import RecordEnvelope
from gateway.records.json_schema import json_schema
from gateway.records.shapes import Compiler
from gateway.records.types import RECORD_TYPES, RecordType

_MADE = "Made from the models in `gateway/records` by `make docs`; a test fails when it differs."
_STANDING = {"claim": "always, as a claim", "home": "stays at the owner", "later": "not yet carried"}


def pages() -> Iterator[tuple[str, str]]:
    """Yield the name and text of each page."""
    yield "README.md", _index()
    for kind in RECORD_TYPES.values():
        yield f"{kind.name}.md", _page(kind)
    yield "RecordEnvelope.md", _envelope()
    yield "code-lists.md", _code_lists()


def _index() -> str:
    rows = [
        (f"[{kind.name}]({kind.name}.md)", f"`{kind.vct}`", str(len(kind.fields)), _first(kind.model.__doc__))
        for kind in RECORD_TYPES.values()
    ]
    return _lines(
        "# Record types",
        _MADE,
        _table(("type", "name in a record", "fields", "what it is"), rows),
        "Every record also has an [envelope](RecordEnvelope.md). Values come from [code lists](code-lists.md). "
        "`liaison schema export --out DIR` writes a JSON Schema (draft 2020-12) for each type.",
    )


def _page(kind: RecordType) -> str:
    rows = [
        (f"`{name}`", "yes" if name in kind.main else "", field.doc, field.form) for name, field in kind.by_name.items()
    ]
    return _lines(
        f"# {kind.name}",
        _MADE,
        (kind.model.__doc__ or "").strip(),
        f"In a record: `{kind.vct}`, {kind.digests} digests. A main field must be mapped or left out by name in a "
        "mapping; the others are left out by saying nothing. Any field may be missing.",
        _table(("field", "main", "what it means", "form"), rows),
        *_parts(json_schema(kind.model).get("$defs", {})),
    )


def _parts(definitions: Mapping[str, Any]) -> Iterator[str]:
    """Yield a section for each object that is inside fields, with its members."""
    compiler = Compiler(definitions)
    for name, schema in sorted(definitions.items()):
        members = schema.get("properties")
        if not members:
            continue
        yield f"## {name}"
        yield schema["description"]
        rows = [(f"`{key}`", each.get("description", ""), compiler.words(each)) for key, each in members.items()]
        yield _table(("member", "what it means", "form"), rows)
        if schema["additionalProperties"] is not False:
            yield "Other members of the form `a-z0-9_` with a text, number or truth value may stand beside them."


def _envelope() -> str:
    properties = json_schema(RecordEnvelope)["properties"]
    rows = [(f"`{name}`", each["description"], _STANDING[each["x-carried"]]) for name, each in properties.items()]
    return _lines(
        "# RecordEnvelope",
        _MADE,
        "What stands around the fields of every record (not among them), and what of it travels today.",
        _table(("part", "what it means", "travels"), rows),
    )


def _code_lists() -> str:
    rows = [(f"`{name}.tsv`", str(len(codes.rows(name))), codes.source(name)) for name in codes.COLUMNS]
    return _lines("# Code lists", _MADE, "Files in `gateway/records/codes`.", _table(("file", "rows", "source"), rows))


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _first(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0]


def _lines(*parts: str) -> str:
    return "\n\n".join(parts) + "\n"
