"""The pools of the C library's memory are few."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

import pytest

_MANY_THREADS = """
import ctypes, threading
from gateway.host.memory import share_pools
share_pools()
ready, go = threading.Barrier(17), threading.Event()
def work():
    kept = [bytearray(4096) for _ in range(100)]
    ready.wait(); go.wait(); del kept
threads = [threading.Thread(target=work) for _ in range(16)]
for each in threads: each.start()
ready.wait()
ctypes.CDLL(None).malloc_info(0, ctypes.c_void_p.in_dll(ctypes.CDLL(None), "stdout"))
ctypes.CDLL(None).fflush(None)
go.set()
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_info"), reason="another C library than glibc")
@pytest.mark.process
def test_sixteen_threads_share_two_pools() -> None:
    ran = subprocess.run([sys.executable, "-c", _MANY_THREADS], capture_output=True, check=True, env=os.environ)
    assert 1 <= ran.stdout.count(b"<heap nr=") <= 2
