"""Tell values as plain ones, as JSON has them: a time in microseconds becomes RFC 3339 under its name without `_us`."""

from __future__ import annotations

from collections.abc import Container
from enum import StrEnum
from typing import Any

import msgspec

from gateway.clock import rfc3339
from gateway.model.faces.fields import fields_of


def told(value: msgspec.Struct, leave: Container[str] = ()) -> dict[str, Any]:
    """Return a value by the names that its fields have in all faces, without those to leave; a time of 0 is empty."""
    fields = fields_of(type(value)).items()
    return {name: _plain(getattr(value, one.own), one.own) for name, one in fields if name not in leave}


def _plain(value: Any, name: str) -> Any:
    if name.endswith("_us"):
        return rfc3339(value) if value else ""
    if isinstance(value, msgspec.Struct):
        return told(value)
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, frozenset):
        return sorted(value)
    return [_plain(one, "") for one in value] if isinstance(value, tuple) else value
