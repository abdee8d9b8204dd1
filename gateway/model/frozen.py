"""`frozen` and `changing`: small values that are quick to build, to compare and to hash.

An exchange builds some fifty of them. As dataclasses they would take a tenth of it: `__init__`, `__hash__` and
`__eq__` are Python, and a frozen one sets each field through `object.__setattr__`. Structures of `msgspec` do all of
that in C, and a frozen one refuses an assignment at run time as the type checker does before (decision 0031).

Whoever asks takes them for dataclasses: `dataclasses.replace`, `asdict` and `fields` work.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field
from typing import Any, TypeVar, dataclass_transform

import msgspec

T = TypeVar("T")


@dataclass_transform(frozen_default=True, eq_default=True, field_specifiers=(field,))
def frozen(cls: type[T]) -> type[T]:
    """The class as a structure whose fields nobody can set, with equality and a hash over them."""
    return _structure(cls, frozen=True)


@dataclass_transform(eq_default=True, field_specifiers=(field,))
def changing(cls: type[T]) -> type[T]:
    """The class as a structure that is filled in on its way; it has no hash."""
    return _structure(cls, frozen=False)


@dataclass_transform(frozen_default=True, eq_default=True, field_specifiers=(field,))
def frozen_data(cls: type[T]) -> type[T]:
    """A dataclass that is frozen for the type checker only: for values in record models, whose schema pydantic reads
    from it."""
    made: Any = dataclass(slots=True, unsafe_hash=True)(cls)
    return made  # type: ignore[no-any-return]


def _structure(cls: type[T], *, frozen: bool) -> type[T]:
    described: Any = dataclass(init=False, repr=False, eq=False, match_args=False)(cls)
    body = {name: value for name, value in vars(described).items() if name not in ("__dict__", "__weakref__")}
    for name, each in described.__dataclass_fields__.items():
        if each.default_factory is not MISSING:
            body[name] = msgspec.field(default_factory=each.default_factory)
    bases = (msgspec.Struct, *(base for base in cls.__bases__ if base is not object))
    made: Any = msgspec.StructMeta(cls.__name__, bases, body, frozen=frozen)
    return made  # type: ignore[no-any-return]
