"""Read CBOR (RFC 8949) as authenticators write it (CTAP 2.2, section 8): definite lengths, no tags, few levels.

The order of a map's members and the shortest form of numbers are not demanded: signatures are over the received bytes,
and a key is turned into the one form that we admit.
"""

from __future__ import annotations

import struct
from typing import Any, Final

from gateway.errors import Malformed

MAX_LEVELS: Final = 8
MAX_ITEMS: Final = 1_000
"""Items of one array or map."""

_FLOATS = {25: ">e", 26: ">f", 27: ">d"}
_SIMPLE = {20: False, 21: True, 22: None, 23: None}


def read_item(data: bytes, start: int = 0) -> tuple[Any, int]:
    """Return the item that begins at `start`, and where it ends. Raises `Malformed`."""
    return _Reader(data).item(start, 0)


def read_whole(data: bytes) -> Any:
    """Return the one item that fills `data`. Raises `Malformed` where bytes follow it."""
    value, end = read_item(data)
    if end != len(data):
        raise _bad("bytes follow it")
    return value


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def item(self, at: int, level: int) -> tuple[Any, int]:
        if level > MAX_LEVELS:
            raise _bad("it has too many levels")
        head = self._take(at, 1)[0]
        major, short = head >> 5, head & 31
        if major == 7:
            return self._simple(short, at + 1)
        number, at = self._number(short, at + 1)
        match major:
            case 0:
                return number, at
            case 1:
                return -1 - number, at
            case 2:
                return self._take(at, number), at + number
            case 3:
                return self._text(at, number), at + number
            case 4:
                return self._array(number, at, level)
            case 5:
                return self._map(number, at, level)
        raise _bad("it has a tag")

    def _take(self, at: int, count: int) -> bytes:
        if count > len(self._data) - at:
            raise _bad("it is cut")
        return self._data[at : at + count]

    def _number(self, short: int, at: int) -> tuple[int, int]:
        if short < 24:
            return short, at
        if short > 27:
            raise _bad("it has a length that is not given")
        size = 1 << (short - 24)
        return int.from_bytes(self._take(at, size), "big"), at + size

    def _simple(self, short: int, at: int) -> tuple[Any, int]:
        if short in _SIMPLE:
            return _SIMPLE[short], at
        if short not in _FLOATS:
            raise _bad("it has a value of an unknown kind")
        size = struct.calcsize(_FLOATS[short])
        return struct.unpack(_FLOATS[short], self._take(at, size))[0], at + size

    def _text(self, at: int, count: int) -> str:
        try:
            return self._take(at, count).decode("utf-8")
        except UnicodeDecodeError as error:
            raise _bad("a text is not UTF-8") from error

    def _array(self, count: int, at: int, level: int) -> tuple[list[Any], int]:
        _check_count(count)
        found = []
        for _ in range(count):
            value, at = self.item(at, level + 1)
            found.append(value)
        return found, at

    def _map(self, count: int, at: int, level: int) -> tuple[dict[int | str, Any], int]:
        _check_count(count)
        found: dict[int | str, Any] = {}
        for _ in range(count):
            name, at = self.item(at, level + 1)
            if type(name) not in (int, str) or name in found:
                raise _bad("a member of a map has a name of another kind, or occurs twice")
            found[name], at = self.item(at, level + 1)
        return found, at


def _check_count(count: int) -> None:
    if count > MAX_ITEMS:
        raise _bad("it has too many items")


def _bad(why: str) -> Malformed:
    return Malformed("this is not CBOR of an authenticator: {why}", code="bad-cbor", why=why)
