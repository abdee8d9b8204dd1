"""Files of the kinds that are taken, made byte by byte, and people who bring, send and open them at real nodes."""

from __future__ import annotations

import asyncio
import io
import tempfile
import time
import zlib
from pathlib import Path
from typing import Any

import pytest

from gateway.clock import SystemClock, steady_ns
from tests.support.desk_faces import Caller, desk_world
from tests.support.moved_clock import Ahead
from tests.support.nodes import World
from tests.support.waiting import until

QUESTION = {
    "about": "question", "to": "vn", "topic": "vehicle", "facts": "a grey truck", "urgency": "URGENT",
    "purpose": "INVESTIGATION", "offence": "NARC", "case": "TH-2026-17",
}  # fmt: skip
_STANDS_S = 180.0
"""Seconds after which a state of a file counts as one that never comes."""

OFFICER, SUPERVISOR, DUTY = "th.o.1042", "th.s.3", "vn.n.1"


def whole_day(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Let nodes that start from now on have a day (UTC) that is not over before the test is."""
    ahead = Ahead(folder)
    ahead.to_a_whole_day()
    patch.setattr(SystemClock.__init__, "__defaults__", (ahead.moved(time.time_ns), ahead.moved(steady_ns)))


def png_part(kind: bytes, data: bytes = b"") -> bytes:
    """A chunk of a PNG."""
    return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)


def png(*more: bytes, width: int = 3, height: int = 2, behind: bytes = b"") -> bytes:
    """A PNG with more chunks before its pixels."""
    head = png_part(b"IHDR", width.to_bytes(4) + height.to_bytes(4) + bytes((8, 0, 0, 0, 0)))
    pixels = png_part(b"IDAT", zlib.compress(bytes((min(width, 64) + 1) * min(height, 64))))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(more) + pixels + png_part(b"IEND") + behind


def jpeg_part(marker: int, data: bytes) -> bytes:
    """A part of a JPEG."""
    return bytes((0xFF, marker)) + (len(data) + 2).to_bytes(2) + data


def exif(side: int = 6) -> bytes:
    """The part of a JPEG that says which side is up, and where it was taken."""
    tag = (274).to_bytes(2) + (3).to_bytes(2) + (1).to_bytes(4) + side.to_bytes(2) + bytes(2)
    maker = (271).to_bytes(2) + (2).to_bytes(2) + (5).to_bytes(4) + (38).to_bytes(4)
    return jpeg_part(0xE1, b"Exif\0\0MM\0*" + (8).to_bytes(4) + (2).to_bytes(2) + maker + tag + bytes(4) + b"NIKON GPS")


def jpeg(
    *more: bytes, width: int = 40, height: int = 30, behind: bytes = b"", scan: bytes = b"\x12\xff\x00\x34"
) -> bytes:
    """A JPEG with more parts before its pixels."""
    size = bytes((8,)) + height.to_bytes(2) + width.to_bytes(2) + bytes((1, 1, 0x11, 0))
    parts = (jpeg_part(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0"), *more, jpeg_part(0xC0, size))
    return b"\xff\xd8" + b"".join(parts) + jpeg_part(0xDA, bytes((1, 1, 0, 0, 63, 0))) + scan + b"\xff\xd9" + behind


def tiff(width: int = 10, height: int = 10) -> bytes:
    """A TIFF with one directory."""
    tags = [(256, width), (257, height)]
    entries = b"".join(tag.to_bytes(2, "little") + b"\4\0\1\0\0\0" + value.to_bytes(4, "little") for tag, value in tags)
    return b"II*\0" + (8).to_bytes(4, "little") + len(tags).to_bytes(2, "little") + entries + bytes(4)


def pdf(*more: bytes, root: bytes = b"", trailer: bytes = b"", before: bytes = b"") -> bytes:
    """A PDF of one page, with more objects from number 4 on. `root` and `trailer` are more of these dictionaries.

    `before` is an earlier revision of the file, to which this one is added.
    """
    pages = (b"<</Type/Catalog/Pages 2 0 R" + root + b">>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>")
    made, places = bytearray(before or b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"), []
    for number, content in enumerate((*pages, b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>", *more), 1):
        places.append(len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = len(made)
    made += b"xref\n0 %d\n0000000000 65535 f \n" % (len(places) + 1)
    made += b"".join(b"%010d 00000 n \n" % place for place in places)
    earlier = b"/Prev %d" % before.rindex(b"xref\n0") if before else b""
    made += b"trailer\n<</Size %d/Root 1 0 R%s%s>>\n" % (len(places) + 1, earlier, trailer)
    return bytes(made) + b"startxref\n%d\n%%%%EOF\n" % table


def pdf_stream(data: bytes, about: bytes = b"") -> bytes:
    """A stream of a PDF as an object's content; `about` is more of its dictionary."""
    return b"<</Length %d%s>>\nstream\n%s\nendstream" % (len(data), about, data)


def pdf_pack(*objects: bytes, first: int = 50, about: bytes = b"/Filter/FlateDecode", packed: bool = True) -> bytes:
    """A stream of objects, which are numbered from `first` on."""
    table, place = b"", 0
    for number, content in enumerate(objects, first):
        table += b"%d %d " % (number, place)
        place += len(content) + 1
    data = table + b"\n".join(objects)
    about = b"/Type/ObjStm/N %d/First %d" % (len(objects), len(table)) + about
    return pdf_stream(zlib.compress(data) if packed else data, about)


def box(kind: bytes, data: bytes = b"") -> bytes:
    """A box of an MP4."""
    return (len(data) + 8).to_bytes(4) + kind + data


def mp4(pixels: bytes = b"\x01" * 64) -> bytes:
    """An MP4."""
    return box(b"ftyp", b"isom\0\0\2\0isomiso2") + box(b"moov", box(b"mvhd", bytes(100))) + box(b"mdat", pixels)


def film(size: int) -> bytes:
    """An MP4 of at least so many bytes, which no compression shortens and whose chunks all differ."""
    return mp4(b"".join(number.to_bytes(8) for number in range(size // 8)))


def file_world(folder: Path, members: tuple[str, ...] = ("th", "vn"), more: str = "", **scanners: str) -> World:
    """A federation whose nodes have these scanners, by member; others have none, and say so."""
    world = desk_world(folder, members)
    for member in members:
        with (world.home(member) / "node.toml").open("a", encoding="utf-8") as settings:
            settings.write(f'[attachments]\nscanner = "{scanners.get(member, "none")}"\nfree_mib = 0\n{more}\n')
    return world


async def bring(caller: Caller, name: str, data: bytes, **query: str) -> dict[str, Any]:
    """Send a file to the caller's node."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        return await asyncio.to_thread(_bring, caller, Path(file.name), {"name": name, **query})


def _bring(caller: Caller, file: Path, query: dict[str, str]) -> dict[str, Any]:
    with caller.client() as node:
        return node.bring(file, caller.token(), query, lambda _done: None)


async def save(caller: Caller, thread: str, root: str) -> bytes:
    """Open a file of a thread."""
    found = io.BytesIO()

    def get() -> None:
        with caller.client() as node:
            node.save(f"threads/{thread}/attachments/{root}", caller.token(), {}, found, lambda _done: None)

    await asyncio.to_thread(get)
    return found.getvalue()


async def asked(world: World, *files: str) -> str:
    """A question of th to vn with these files, approved and taken; its thread."""
    body = QUESTION | {"attachments": list(files)}
    drafted = await Caller(world, OFFICER).call("POST", "threads", body)
    await Caller(world, SUPERVISOR).call("POST", f"work/{drafted['work']}/approve")
    thread = str(drafted["thread"])
    await until(lambda: bool(world.nodes["vn"].desk.parts.store.find_thread(thread)), "the ask did not come")  # type: ignore[arg-type]
    return thread


async def listed(caller: Caller, thread: str) -> list[dict[str, Any]]:
    """The files of a thread as a caller sees them."""
    found = await caller.call("GET", f"threads/{thread}/attachments")
    return list(found["attachments"])


async def stands(caller: Caller, thread: str, state: str, count: int = 1) -> list[dict[str, Any]]:
    """Wait until so many files of a thread have this state. A look is a call, so that looks become rarer."""
    now, pause_s = asyncio.get_running_loop().time, 0.02
    end = now() + _STANDS_S
    while True:
        found = await listed(caller, thread)
        if [each["state"] for each in found] == [state] * count:
            return found
        assert now() < end, found
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 1.4, 0.5)
