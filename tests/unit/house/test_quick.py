"""`make quick` stays quick: what starts a process or a server says so by its mark, and is refused where it does not."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable

import pytest

STARTS: dict[str, Callable[[], object]] = {
    "Popen": lambda: subprocess.run([sys.executable, "-c", ""]),
    "posix_spawn": lambda: os.posix_spawn(sys.executable, [sys.executable, "-c", ""], {}),
    "bind": lambda: socket.create_server(("127.0.0.1", 0)),
}


@pytest.mark.parametrize("start", STARTS)
def test_a_start_without_the_mark_is_refused(start: str) -> None:
    with pytest.raises(RuntimeError, match=r"mark it with `pytest\.mark\.process`"):
        STARTS[start]()


@pytest.mark.process
def test_a_start_with_the_mark_is_none_of_its_business() -> None:
    with socket.create_server(("127.0.0.1", 0)):
        assert subprocess.run([sys.executable, "-c", ""], check=False).returncode == 0
