"""The C2SP tlog-tiles layout: hashes in tiles of 256, entries in bundles of 256 with a two-byte length each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from gateway.audit.tree.merkle import Tree
from gateway.errors import Malformed

WIDTH: Final = 256
MAX_BUNDLE: Final = WIDTH * (2 + (1 << 16))
"""Bytes of the largest bundle."""

_HEIGHT = 8


def tile_path(level: int | str, index: int, width: int) -> str:
    """Return the path of a tile: `tile/0/x001/234`, and `….p/<width>` for a partial one. `entries` names bundles."""
    digits = f"{index:03d}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[start : start + 3] for start in range(0, len(digits), 3)]
    place = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    return f"tile/{level}/{place}" + ("" if width == WIDTH else f".p/{width}")


def tiles(tree: Tree, size: int, lowest: int = 0) -> Iterator[tuple[str, bytes]]:
    """Yield path and bytes of each tile over the first `size` leaves of `tree`, which are hashes of level `lowest`."""
    level = 0
    while count := size >> (_HEIGHT * level):
        for first in range(0, count, WIDTH):
            stop = min(first + WIDTH, count)
            yield (
                tile_path(lowest + level, first // WIDTH, stop - first),
                b"".join(tree.node(_HEIGHT * level, index) for index in range(first, stop)),
            )
        level += 1


def bundle(entries: Sequence[bytes]) -> bytes:
    """Return the bundle of `entries`."""
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def width_of(place: int, size: int) -> int:
    """Return the width of tile or bundle `place` of level 0 in a log of `size` entries."""
    return min(WIDTH, size - place * WIDTH)


def places(start: int, stop: int) -> range:
    """Return the numbers of the bundles that hold the entries in [start, stop)."""
    return range(start // WIDTH, -(-stop // WIDTH)) if start < stop else range(0)


def read_bundle(data: bytes, width: int) -> list[bytes]:
    """Return the entries of a bundle of `width`. Raises `Malformed`."""
    entries: list[bytes] = []
    at = 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 2], "big")
        entry = data[at + 2 : at + 2 + length]
        if len(entry) != length or at + 2 > len(data):
            raise Malformed("a bundle of entries is cut off", code="bad-bundle", where="export")
        entries.append(entry)
        at += 2 + length
    if len(entries) != width:
        raise Malformed(
            "a bundle holds {count} entries, not {width}",
            code="bad-bundle",
            where="export",
            count=len(entries),
            width=width,
        )
    return entries
