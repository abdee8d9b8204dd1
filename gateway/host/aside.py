"""Work that takes long, in a process of its own with a low priority: the node's own work does not wait for it."""

from __future__ import annotations

import os
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from gateway.errors import LiaisonError, Unavailable

Progress = Callable[[int, int], None]
"""Called with how much is done, and how much there is."""

T = TypeVar("T")

_LOOK_S = 0.2
_NICE = 10


def aside(
    work: Callable[..., T], arguments: tuple[Any, ...], progress: Progress, is_wanted: Callable[[], bool] = lambda: True
) -> T:
    """Return what `work(*arguments, progress)` returns in a process of its own. Blocks.

    Once `is_wanted` says no the process is ended. Raises what the work raises, and `Unavailable` where the process ends
    early.
    """
    context = get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(theirs, work, arguments), daemon=True)
    process.start()
    theirs.close()
    try:
        result: T = _followed(ours, progress, is_wanted)
        return result
    finally:
        process.kill()
        process.join()
        ours.close()


def _followed(ours: Connection, progress: Progress, is_wanted: Callable[[], bool]) -> Any:
    while is_wanted():
        if not ours.poll(_LOOK_S):
            continue
        try:
            said, value = ours.recv()
        except EOFError:
            break
        if said == "progress":
            progress(*value)
        elif said == "result":
            return value
        else:
            raise value
    raise Unavailable(
        "the work ended before its end: begin it again",
        code="work-ended",
        where="process",
    )


def _run(theirs: Connection, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    os.nice(_NICE)
    try:
        theirs.send(("result", work(*arguments, lambda done, all_: theirs.send(("progress", (done, all_))))))
    except LiaisonError as error:
        theirs.send(("error", error))
    except Exception as error:  # noqa: BLE001  # it is raised where the work was wanted
        theirs.send(("error", RuntimeError(f"{type(error).__name__}: {error}")))
