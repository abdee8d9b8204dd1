"""A library with a name and nothing in it satisfies the loader."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from gateway.signing.multi_buffer.empty_library import empty_library

pytestmark = pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"), reason="written for Linux on x86-64"
)

LOAD = """
import ctypes
from gateway.signing.multi_buffer.empty_library import load_empty
load_empty(["libabsent-one.so", "libabsent-two.so.5"])
for name in ("libabsent-one.so", "libabsent-two.so.5"):
    ctypes.CDLL(name)  # found by its name, though there is no such file
print("loaded")
"""


@pytest.mark.process
def test_several_are_found_by_their_names() -> None:
    done = subprocess.run([sys.executable, "-c", LOAD], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "loaded\n"


def test_it_asks_for_no_executable_stack_and_has_no_code() -> None:
    image = empty_library("libabsent.so")
    flags = [int.from_bytes(image[64 + 56 * place + 4 : 64 + 56 * place + 8], "little") for place in range(3)]
    assert flags == [6, 6, 6]
