"""The event loop of all our processes: uvloop where it is installed (Linux), else asyncio's own; and its threads."""

from __future__ import annotations

import asyncio
import os
import resource
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

new_event_loop: Callable[[], asyncio.AbstractEventLoop]
try:
    from uvloop import new_event_loop
except ImportError:
    new_event_loop = asyncio.new_event_loop

T = TypeVar("T")

SHARED = min(32, (os.cpu_count() or 1) + 4)
"""Counts the threads in which the loop has blocking work done (`asyncio.to_thread`); more work waits for one."""

_here = threading.local()


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` on that loop, and return its result. The process leaves no core dump, which would hold its keys."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.get_loop().set_default_executor(shared_threads())
        return runner.run(main)


def shared_threads() -> ThreadPoolExecutor:
    """Return the threads in which a loop has blocking work done. Who waits in one takes it from all the others."""
    return ThreadPoolExecutor(
        SHARED, thread_name_prefix="shared", initializer=setattr, initargs=(_here, "shared", True)
    )


async def apart(work: Callable[[], T]) -> T:
    """Have blocking work done in a thread of its own, where it waits for no other work, and which ends after it."""
    thread = ThreadPoolExecutor(1, thread_name_prefix="apart")
    try:
        return await asyncio.get_running_loop().run_in_executor(thread, work)
    finally:
        thread.shutdown(wait=False)


def is_shared() -> bool:
    """Tell whether this thread is one of those that all blocking work of a loop has together."""
    return getattr(_here, "shared", False)
