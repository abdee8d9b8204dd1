"""Make up bodies of calls: bodies that take no member which they do not name, codes of lists, and whole numbers."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema


class Closed(BaseModel):
    """A body that takes no member which it does not name."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class OneOf:
    """One code of a list; an empty text is none, unless the code is `required`. A wrong one is told the right ones."""

    def __init__(self, codes: type[StrEnum], *, required: bool = False) -> None:
        self._codes = [code.value for code in codes]
        self._known = [*([] if required else [""]), *self._codes]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return the schema that checks a text."""
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Return the schema for the document of the API."""
        return {**handler(schema), "enum": self._known}

    def _check(self, text: str) -> str:
        if text not in self._known:
            raise PydanticCustomError("enum", "one of: {expected}", {"expected": ", ".join(self._codes)})
        return text


def whole(value: Any) -> Any:
    """Return `7.0` as `7`: for JSON they are the same integer."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
