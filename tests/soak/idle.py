"""How late an idle event loop is on this machine: what a node's loop is late beyond that is its own."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from pathlib import Path

_STEP_S = 0.02
_KEPT = int(60 / _STEP_S)
_TOLD_S = 1.0


def main(file: str) -> int:
    """Measure until killed; write the 99.9th percentile of the last minute, in seconds, to a file every second."""
    asyncio.run(_measure(Path(file)))
    return 0


async def _measure(file: Path) -> None:
    delays: deque[float] = deque(maxlen=_KEPT)
    told = 0.0
    while True:
        due = time.monotonic() + _STEP_S
        await asyncio.sleep(_STEP_S)
        now = time.monotonic()
        delays.append(max(0.0, now - due))
        if now - told > _TOLD_S:
            told = now
            _write(file, sorted(delays)[round(0.999 * (len(delays) - 1))])


def _write(file: Path, seconds: float) -> None:
    draft = file.with_suffix(".new")
    draft.write_text(str(seconds), encoding="ascii")
    draft.replace(file)


def delay_s(file: Path) -> float:
    """Return what was written last; 0 before that."""
    return float(file.read_text(encoding="ascii")) if file.is_file() else 0.0
