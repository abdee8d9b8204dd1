"""`liaison schema`: the record types as JSON Schema, for systems that write to or read from this gateway."""

from __future__ import annotations

import click

from gateway.cli.lazy import LazyGroup

_SCHEMA = {
    "export": (
        "schema.export",
        "Write a JSON Schema (draft 2020-12) for each record type and the envelope, and an index.",
    ),
}


@click.group("schema", cls=LazyGroup, table=_SCHEMA)
def schema() -> None:
    """The record types as JSON Schema.

    \b
    Example:
      liaison schema export --out schemas
    """
