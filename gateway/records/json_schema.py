"""The JSON Schema (draft 2020-12) of a record model: what is published, and what `shapes.py` compiles into checks."""

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
    """What is not said is absent, never null, and has no default; titles that only repeat the name are noise."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """Return a missing value is left out."""
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Return a default is the reader's business."""
        return self.generate_inner(schema["schema"])

    def field_title_should_be_set(self, schema: Any) -> bool:
        """No title for a field: it has its name."""
        del schema
        return False

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> JsonSchemaValue:
        """Return a partial date has its own form of text."""
        made = super().dataclass_schema(schema)
        if schema["cls"] is PartialDate:
            made["properties"]["value"] |= _DATE
        return made


def json_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the schema of `model`, complete in itself (`$defs`)."""
    return model.model_json_schema(schema_generator=_Generator)
