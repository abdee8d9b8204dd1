"""How late an idle event loop is on this machine: by this much a node's loop is late through no fault of its own."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from gateway.telemetry import LoopLag

_TOLD_S = 1.0
_PART = (("quantile", "0.999"),)


@dataclass(frozen=True, slots=True)
class Idle:
    """The 99.9th percentiles of the last minute's delays in seconds: all of each, and without waiting for a core."""

    late_s: float = 0.0
    held_s: float = 0.0


def main(file: str) -> int:
    """Measure until killed; write what was seen to a file every second."""
    asyncio.run(_measure(Path(file)))
    return 0


async def _measure(file: Path) -> None:
    lag = LoopLag()
    lag.start()
    while True:
        await asyncio.sleep(_TOLD_S)
        draft = file.with_suffix(".new")
        draft.write_text(json.dumps(asdict(Idle(lag.quantiles()[_PART], lag.held()[_PART]))), encoding="ascii")
        draft.replace(file)


def read_idle(file: Path) -> Idle:
    """Return what was written last; zeros before that."""
    return Idle(**json.loads(file.read_text(encoding="ascii"))) if file.is_file() else Idle()
