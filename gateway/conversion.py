"""Make typed values of plain ones, with types that are learnt while a module is imported.

msgspec looks at a type when it meets it for the first time. Two threads that do so at once crash the process. So no
module calls `msgspec.convert` itself: it makes a converter at its top, where one thread imports it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

T = TypeVar("T")


def converter(kind: type[T]) -> Callable[[object], T]:
    """Return a function that makes a `kind` of plain values. It raises `msgspec.ValidationError`.

    Call it while a module is imported.
    """
    msgspec.json.Decoder(kind)  # looks at the type and at those of its parts, which msgspec keeps with them

    def convert(plain: object) -> T:
        return msgspec.convert(plain, kind)

    return convert
