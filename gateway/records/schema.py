"""The published schemas: one JSON Schema (draft 2020-12) for each record type, one for the envelope, and an index."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gateway.errors import Misconfigured, StorageBroken
from gateway.host.durable import replace
from gateway.records.envelope import RecordEnvelope
from gateway.records.json_schema import json_schema
from gateway.records.types import MAX_FIELD, MAX_RECORD, RECORD_TYPES, RecordType

DRAFT = "https://json-schema.org/draft/2020-12/schema"
ENVELOPE = "RecordEnvelope"
INDEX = "index.json"


def published(kind: RecordType) -> dict[str, Any]:
    """Return the schema of a record type's fields, named by its `vct`.

    A record may lack any field: a source need not know it, and policy may keep it back.
    """
    return {"$schema": DRAFT, "$id": f"urn:{kind.vct}", **json_schema(kind.model)}


def envelope() -> dict[str, Any]:
    """Return the schema of the envelope."""
    version = RecordEnvelope.schema_version
    return {"$schema": DRAFT, "$id": f"urn:liaison:{ENVELOPE}:{version}", **json_schema(RecordEnvelope)}


def index() -> dict[str, Any]:
    """Return the index: each type with its file, version, fields and digests, and the limits that hold for all."""
    return {
        "envelope": file_name(ENVELOPE),
        "limits": {"field_bytes": MAX_FIELD, "record_bytes": MAX_RECORD},
        "types": [
            {
                "name": kind.name,
                "vct": kind.vct,
                "file": file_name(kind.name),
                "fields": list(kind.fields),
                "main": list(kind.main),
                "digests": kind.digests,
            }
            for kind in RECORD_TYPES.values()
        ],
    }


def files() -> Iterator[tuple[str, str]]:
    """Yield names and texts of all files of an export, in order."""
    for kind in RECORD_TYPES.values():
        yield file_name(kind.name), _text(published(kind))
    yield file_name(ENVELOPE), _text(envelope())
    yield INDEX, _text(index())


def file_name(name: str) -> str:
    """Return the name of the file of a type's schema."""
    return f"{name}.schema.json"


def _text(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def write_schemas(out: Path) -> list[str]:
    """Write a schema for each record type and the envelope, and an index, into `out`; return the names of the files."""
    written = []
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in files():
            replace(out / name, text.encode())
            written.append(name)
    except StorageBroken as error:
        remedy = "name another folder, or make room"
        raise Misconfigured(error.message, code="bad-path", where=str(out), remedy=remedy) from error
    return written
