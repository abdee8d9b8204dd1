"""`frozen`: frozen for the type checker, quick at run time.

A frozen dataclass sets each field through `object.__setattr__`, which makes it three times as slow to build, and an
exchange builds some fifty of them. mypy (strict, in `make check`) refuses every assignment to a field of such a class
all the same; what is given up is only the error at run time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, eq_default=True, field_specifiers=(field,))
def frozen(cls: type[T]) -> type[T]:
    """A dataclass with slots, equality and a hash over its fields, which nobody changes once it is made."""
    made: Any = dataclass(slots=True, unsafe_hash=True)(cls)
    return made  # type: ignore[no-any-return]
