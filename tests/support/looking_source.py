"""A source process that was taken over: it looks at what it can read, write and reach, and goes on serving.

`HOME PARENT READ… -- WRITE…`: what it found goes out as one line that begins with `looked`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from gateway.app.run.source import Process, serve_source


def main(arguments: list[str]) -> int:
    """Serve a home, with a look around once it listens."""
    home, parent, *places = arguments
    middle = places.index("--")
    start = Process.start

    def looking(process: Process) -> None:
        start(process)
        found = {
            "read": {place: _said(lambda place=place: _read(place)) for place in places[:middle]},  # type: ignore[misc]
            "write": {place: _said(lambda place=place: _write(place)) for place in places[middle + 1 :]},  # type: ignore[misc]
            "memory": _said(lambda: _read(f"/proc/{parent}/mem")),
            "variables": _said(lambda: _read(f"/proc/{parent}/environ")),
            "signal": _said(lambda: os.kill(int(parent), 0)),
            "threads": sorted({_privileges(thread) for thread in Path("/proc/self/task").iterdir()}),
        }
        print("looked", json.dumps(found), flush=True)

    setattr(Process, "start", looking)  # noqa: B010 - a process of ours, that looks around
    return serve_source(Path(home))


def _said(act: Callable[[], object]) -> str:
    try:
        act()
    except OSError as error:
        return error.strerror or "?"
    return "done"


def _read(place: str) -> None:
    if Path(place).is_dir():
        os.listdir(place)  # noqa: PTH208 - it raises at once
    else:
        os.close(os.open(place, os.O_RDONLY))


def _write(place: str) -> None:
    """Open a file to write, made where it is not there; of what is there nothing changes."""
    os.close(os.open(place, os.O_WRONLY | os.O_CREAT, 0o600))


def _privileges(thread: Path) -> str:
    lines = (thread / "status").read_text(encoding="ascii").splitlines()
    return next(line for line in lines if line.startswith("NoNewPrivs"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
