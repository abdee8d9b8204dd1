"""The common form of all record models, the types of their fields, and the reading of a record into a model.

A model is the one definition of a record type: the registry of `types.py`, the check of each value, the JSON Schema
and the page in the documents are all made from it. Every field may be missing: a source need not know it, and
policy may keep it back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, WithJsonSchema
from pydantic.fields import FieldInfo

from gateway.errors import Malformed
from gateway.model.values import Identifier, PartialDate, RecordedName

MAX_ITEMS = 64
"""Items in one list of a field, and members of one flat object."""

MAX_INT = 2**53 - 1
"""The largest number that every JSON reader keeps exactly."""

KEY_PATTERN = "^[a-z][a-z0-9_]{0,31}$"
"""Names of the members of a flat object."""

MAIN: Mapping[str, bool] = {"x-main": True}
"""A schema's mark of a main field."""

_Model = TypeVar("_Model", bound="RecordModel")

_Bounded = Annotated[int | float, Field(ge=-MAX_INT, le=MAX_INT, allow_inf_nan=False)]
Number = Annotated[
    _Bounded | str, WithJsonSchema({"type": ["number", "string"], "minimum": -MAX_INT, "maximum": MAX_INT})
]
"""A number, or a decimal number as text where its digits matter."""

Plain = Annotated[
    bool | _Bounded | str,
    WithJsonSchema({"type": ["boolean", "number", "string"], "minimum": -MAX_INT, "maximum": MAX_INT}),
]
"""A truth value, a number or a text."""

Texts = Annotated[list[str], Field(max_length=MAX_ITEMS)]
Names = Annotated[list[RecordedName], Field(max_length=MAX_ITEMS)]
Named = str | RecordedName | Names
"""One text, one name, or several."""

Moment = str | PartialDate
"""A point in time (RFC 3339), or a date where the time of day is not known."""

Identifiers = Annotated[list[Identifier], Field(max_length=MAX_ITEMS)]


class Item(BaseModel):
    """A flat object: the members that are named here have this meaning; others may stand beside them."""

    model_config = ConfigDict(
        extra="allow",
        strict=True,
        frozen=True,
        defer_build=True,
        json_schema_extra={"propertyNames": {"pattern": KEY_PATTERN}, "maxProperties": MAX_ITEMS},
    )
    __pydantic_extra__: dict[str, Plain] = Field(init=False)


class RecordModel(BaseModel):
    """One record type. `schema_version` changes when a field changes its meaning or goes; adding one does not."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)

    schema_version: ClassVar[int] = 1

    @classmethod
    def read(cls: type[_Model], fields: Mapping[str, Any]) -> _Model:
        """Return the record in `fields` (JSON values). Raises `Malformed` with the first field of another form."""
        try:
            record = cls.model_validate_json(orjson.dumps(fields))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, (cls.__name__, *first["loc"])))
            raise Malformed("the value has another form", code="bad-field", where=where) from error
        except (TypeError, ValueError, RecursionError) as error:
            raise Malformed("the fields are not JSON", code="bad-field", where=cls.__name__) from error
        record.check()
        return record

    def check(self) -> None:
        """Check the rules over several fields of a whole record. Raises `Malformed` when one is broken."""

    def fields(self) -> dict[str, Any]:
        """Return the record as JSON values, without missing fields."""
        return self.model_dump(mode="json", exclude_none=True, exclude_defaults=True)

    @classmethod
    def refuse(cls, message: str, field: str, remedy: str = "") -> Malformed:
        """Return the error that `check` raises about `field`."""
        return Malformed(message, code="incomplete-record", where=f"{cls.__name__}.{field}", remedy=remedy)


def main(doc: str) -> Any:
    """Return a main field: a mapping must map it or leave it out by name, and officers count it."""
    return FieldInfo(default=None, description=doc, json_schema_extra=dict(MAIN))


def further(doc: str) -> Any:
    """Return a field that few sources have: a mapping leaves it out by not naming it."""
    return FieldInfo(default=None, description=doc)


def member(doc: str) -> Any:
    """Return a named member of a flat object."""
    return FieldInfo(default=None, description=doc)
