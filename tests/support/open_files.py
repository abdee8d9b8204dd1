"""Tell which files this process has open, or hold many open, as a node with many callers does."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_LOW = 1_024
"""Numbers of descriptors that `select.select` takes."""


def open_in(folder: Path) -> list[str]:
    """Return the files of a folder that this process has open."""
    found = []
    for each in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            found.append(str(each.readlink()))
    return [place for place in found if place.startswith(str(folder))]


@contextmanager
def many_open() -> Iterator[None]:
    """Hold all low numbers in the block: what is opened in it has a higher one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4 * _LOW), hard))
    held = [os.open("/dev/null", os.O_RDONLY)]
    try:
        while held[-1] < _LOW:
            held.append(os.dup(held[0]))
        yield
    finally:
        for each in held:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
