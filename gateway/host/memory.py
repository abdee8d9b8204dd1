"""Keep the memory of all threads in few pools of the C library: what one gives back serves the others."""

from __future__ import annotations

import ctypes
import gc

_M_ARENA_MAX = -8
"""The number of this setting in glibc's `malloc.h`."""

_POOLS = 2


def share_pools() -> None:
    """Let all threads share two pools, before they begin: glibc has eight for each core, and each keeps what it had.

    Does nothing with a C library that has no such setting.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(_M_ARENA_MAX, _POOLS)


def settle() -> None:
    """Freeze the objects of the start, so that the collector does not visit them again and again.

    Its full passes over all modules cost a tenth of the hot path and stopped the node for 100 ms at a time. A pass over
    new objects is short, since it comes often: one over 50,000 of them stopped the node for 40 to 170 ms.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 20, 500)


def release() -> None:
    """Free what refers to itself alone, also among what `settle` froze.

    gRPC keeps a thread for each connection that a security module signs for, as long as anything holds a call over it,
    and a process waits for that thread at its end.
    """
    gc.unfreeze()
    gc.collect()
