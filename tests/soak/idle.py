"""How late an idle event loop is on this machine: by this much a node's loop is late through no fault of its own."""

from __future__ import annotations

import asyncio
from pathlib import Path

from gateway.telemetry import LoopLag

_TOLD_S = 1.0


def main(file: str) -> int:
    """Measure until killed; write the 99.9th percentile of the last minute, in seconds, to a file every second."""
    asyncio.run(_measure(Path(file)))
    return 0


async def _measure(file: Path) -> None:
    lag = LoopLag()
    lag.start()
    while True:
        await asyncio.sleep(_TOLD_S)
        draft = file.with_suffix(".new")
        draft.write_text(str(lag.quantiles()[("quantile", "0.999"),]), encoding="ascii")
        draft.replace(file)


def delay_s(file: Path) -> float:
    """Return what was written last; 0 before that."""
    return float(file.read_text(encoding="ascii")) if file.is_file() else 0.0
