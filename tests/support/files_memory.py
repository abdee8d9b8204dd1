"""Carry one file between two nodes in this process, and print by how many bytes its memory grew at most."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

from tests.support.desk_faces import Caller
from tests.support.files import DUTY, OFFICER, asked, box, file_world, mp4, stands
from tests.support.nodes import running

_PART = 1 << 20


def write_film(path: Path, size: int) -> None:
    """Write an MP4 of about so many bytes, whose chunks all differ, a part at a time."""
    with path.open("wb") as file:
        file.write(mp4())
        for number in range(size // _PART):
            file.write(box(b"mdat", number.to_bytes(8) * (_PART // 8 - 1)))


class Sink:
    """A file that counts what is written to it."""

    size = 0

    def write(self, data: bytes) -> int:
        self.size += len(data)
        return len(data)


def peak() -> int:
    """The most memory that this process had since `forget_peak`, in bytes."""
    found = re.search(r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


def forget_peak() -> None:
    """Let the peak be what the process has now."""
    Path("/proc/self/clear_refs").write_text("5")


async def carried(folder: Path, size: int) -> int:
    """By how many bytes memory grew: the sender's, the receiver's and the client's together."""
    world = file_world(folder / "fed")
    async with running(world, ("th", "vn")):
        officer, duty = Caller(world, OFFICER), Caller(world, DUTY)
        before = 0
        for each in (4 * _PART, size):  # the first one brings in what any file needs
            film = folder / "film.mp4"
            write_film(film, each)
            forget_peak()
            before = peak()
            brought = await asyncio.to_thread(bring, officer, film)
            thread = await asked(world, brought["id"])
            await stands(duty, thread, "clean")
            sink = Sink()
            await asyncio.to_thread(save, duty, f"threads/{thread}/attachments/{brought['root']}", sink)
            assert sink.size == film.stat().st_size
        return peak() - before


def bring(caller: Caller, film: Path) -> dict[str, str]:
    with caller.client() as node:
        return node.bring(film, caller.token(), {"name": film.name}, lambda _done: None)


def save(caller: Caller, path: str, sink: Sink) -> None:
    with caller.client() as node:
        node.save(path, caller.token(), {}, sink, lambda _done: None)  # type: ignore[arg-type]


if __name__ == "__main__":
    print(asyncio.run(carried(Path(sys.argv[1]), int(sys.argv[2]))))
