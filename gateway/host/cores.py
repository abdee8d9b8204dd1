"""How many cores this process may use."""

from __future__ import annotations

import os
from pathlib import Path

_LIMIT = Path("/sys/fs/cgroup/cpu.max")
"""The limit of a container, in cgroup v2: microseconds of CPU in a period, or `max`, and the period."""


def cores(limit: Path = _LIMIT) -> int:
    """Return the cores that the machine and a container let this process use, at least one."""
    allowed = len(os.sched_getaffinity(0))
    try:
        quota, _, period = limit.read_text(encoding="ascii").partition(" ")
        return max(1, min(allowed, int(quota) // int(period)))
    except (OSError, ValueError, ZeroDivisionError):
        return allowed
