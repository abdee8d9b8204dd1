"""Shared libraries with a name and no content (ELF for x86-64: System V ABI, chapters 4 and 5).

A library may list others of which it uses no symbol; the loader refuses it all the same where they are missing. An
empty library of the missing name, loaded before, satisfies the loader, and the library itself stays as its maker signed
it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
from collections.abc import Sequence

_HEADER, _SEGMENT, _ENTRY, _SYMBOL = 64, 56, 16, 24
_LOAD, _DYNAMIC, _STACK = 1, 2, 0x6474E551
_READ_WRITE = 6
_PAGE = 4096
_STRTAB, _SYMTAB, _STRSZ, _SYMENT, _SONAME = 5, 6, 10, 11, 14


def load_empty(names: Sequence[str]) -> None:
    """Load empty libraries called `names` into this process, for good. Raises `OSError` where that is forbidden."""
    with contextlib.ExitStack() as files:  # all open until the last is loaded: the loader knows a library by its path
        for name in names:
            file = os.memfd_create(name, os.MFD_CLOEXEC)
            files.callback(os.close, file)
            os.write(file, empty_library(name))
            ctypes.CDLL(f"/proc/self/fd/{file}")


def empty_library(name: str) -> bytes:
    """Return the bytes of a shared object for x86-64 whose DT_SONAME is `name`."""
    dynamic = _HEADER + 3 * _SEGMENT
    symbols = dynamic + 6 * _ENTRY
    texts = symbols + _SYMBOL
    text = b"\0" + name.encode() + b"\0"
    size = texts + len(text)
    header = struct.pack(
        "<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 3, 62, 1, 0, _HEADER, 0, 0, _HEADER, _SEGMENT, 3, 0, 0, 0
    )
    entries = ((_SONAME, 1), (_STRTAB, texts), (_STRSZ, len(text)), (_SYMTAB, symbols), (_SYMENT, _SYMBOL), (0, 0))
    return b"".join(
        (
            header,
            _segment(_LOAD, 0, size, _PAGE),
            _segment(_DYNAMIC, dynamic, len(entries) * _ENTRY, 8),
            _segment(_STACK, 0, 0, 16),
            *(struct.pack("<QQ", *entry) for entry in entries),
            bytes(_SYMBOL),
            text,
        )
    )


def _segment(kind: int, offset: int, size: int, alignment: int) -> bytes:
    return struct.pack("<IIQQQQQQ", kind, _READ_WRITE, offset, offset, offset, size, size, alignment)
