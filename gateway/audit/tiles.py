"""The C2SP tlog-tiles layout: hashes in tiles of 256, entries in bundles of 256 with a two-byte length each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from gateway.audit.merkle import HASH_BYTES, Tree
from gateway.errors import Malformed

WIDTH = 256
_HEIGHT = 8


def tile_path(level: int | str, index: int, width: int) -> str:
    """`tile/0/x001/234` and for a partial tile `….p/<width>`; level `entries` names bundles."""
    digits = f"{index:03d}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[start : start + 3] for start in range(0, len(digits), 3)]
    place = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    return f"tile/{level}/{place}" + ("" if width == WIDTH else f".p/{width}")


def tiles(tree: Tree, size: int) -> Iterator[tuple[str, bytes]]:
    """Path and bytes of each tile of the first `size` leaves."""
    level = 0
    while count := size >> (_HEIGHT * level):
        for first in range(0, count, WIDTH):
            stop = min(first + WIDTH, count)
            yield (
                tile_path(level, first // WIDTH, stop - first),
                b"".join(tree.node(_HEIGHT * level, index) for index in range(first, stop)),
            )
        level += 1


def bundle(entries: Sequence[bytes]) -> bytes:
    """Entries of one bundle."""
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def widths(size: int) -> Iterator[tuple[int, int]]:
    """Index and width of each tile of level 0, or bundle, in a log of `size` entries."""
    for first in range(0, size, WIDTH):
        yield first // WIDTH, min(WIDTH, size - first)


def read_bundle(data: bytes, width: int) -> list[bytes]:
    """The entries of a bundle of `width`, or `Malformed`."""
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
        raise Malformed(f"a bundle holds {len(entries)} entries, not {width}", code="bad-bundle", where="export")
    return entries


def read_leaves(folder: Path, size: int) -> Iterator[bytes]:
    """Leaf hashes from the tiles of level 0, for finding which entry differs."""
    for index, width in widths(size):
        data = (folder / tile_path(0, index, width)).read_bytes()
        if len(data) != width * HASH_BYTES:
            raise Malformed("a tile has the wrong size", code="bad-tile", where="export")
        for at in range(0, len(data), HASH_BYTES):
            yield data[at : at + HASH_BYTES]
