"""Keep the memory of all threads in few pools of the C library: what one gives back serves the others."""

from __future__ import annotations

import ctypes

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
