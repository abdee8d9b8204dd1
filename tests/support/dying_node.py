"""A real node that kills itself at the moment when its first answer is durable and would leave."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from gateway.app.run.node import build_node
from gateway.config import load_settings


def serve(home: str) -> int:
    """Run the node until it kills itself."""
    asyncio.run(_serve(Path(home)))
    return 0


async def _serve(home: Path) -> None:
    node = build_node(load_settings(home), production=False)
    node.answering.answerer._release = lambda _: os.kill(os.getpid(), signal.SIGKILL)
    await node.start()
    await asyncio.Event().wait()
