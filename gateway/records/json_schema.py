"""The JSON Schema (draft 2020-12) of a record model: it is published, and `shapes.py` compiles it into checks."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from gateway.model.values import PartialDate

DATE_FORMAT = "partial-date"
"""Our own word of `format`: a day, month or year of the calendar."""

_DATE = {"pattern": r"^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?$", "format": DATE_FORMAT}


class _Generator(GenerateJsonSchema):
    """A missing value is absent, never null, and has no default; titles that only repeat the name are left out."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """Return the schema without null: a missing value is left out."""
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Return the schema without the default: the reader applies it."""
        return self.generate_inner(schema["schema"])

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Return False: a field has its name, and no title."""
        del schema
        return False

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> JsonSchemaValue:
        """Return the schema of a dataclass; a partial date gets its own form of text."""
        made = super().dataclass_schema(schema)
        if schema["cls"] is PartialDate:
            made["properties"]["value"] |= _DATE
        return made


def json_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the schema of `model`, complete in itself (`$defs`)."""
    return model.model_json_schema(schema_generator=_Generator)
