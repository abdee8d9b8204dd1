"""A real node that kills itself at the moment when its first answer is durable and would leave."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from gateway.app.node import build_node
from gateway.config import load_settings


async def main(home: Path) -> None:
    node = build_node(load_settings(home), production=False)
    node.answerer._release = lambda _: os.kill(os.getpid(), signal.SIGKILL)
    await node.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[-1])))
