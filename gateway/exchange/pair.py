"""Signatures of a batch, made or checked by two threads.

A signature gives up the interpreter's lock, and is all that gains from a second thread (limits.md, b). Two threads
that do different work at the same time fight over that lock (decision 0010); so a stage first does what is Python
for its whole batch, and then hands the signatures of the batch to both: while one calculates, the other needs the
lock for a microsecond only.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from queue import SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

_WORTH = 4
"""With fewer items, waking the helper costs more than it saves."""


class Pair:
    """A helper beside the thread that calls `each`; several stages may share it. Without `start` it works alone."""

    def __init__(self, name: str = "signatures") -> None:
        self._inbox: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the helper."""
        self._thread.start()

    def stop(self) -> None:
        """End the helper once what was asked for is done."""
        self._inbox.put(None)

    def each(self, work: Callable[[T], R], items: Sequence[T]) -> list[R | Exception]:
        """`work` of each item, in order, or the exception that it raised."""
        share = _Share(work, items)
        if len(items) >= _WORTH and self._thread.is_alive():
            self._inbox.put(share.help)
        return share.all()

    def _run(self) -> None:
        while (help_ := self._inbox.get()) is not None:
            with suppress(BaseException):  # its item has failed, and is told so; the helper goes on
                help_()


class _Share(Generic[T, R]):
    """The items of one call. Whoever is free takes the next one, so that nobody waits for longer than one item."""

    def __init__(self, work: Callable[[T], R], items: Sequence[T]) -> None:
        self._work = work
        # Advancing this iterator is one step under the interpreter's lock: each item is taken once.
        self._next: Iterator[tuple[int, T]] = iter(list(enumerate(items)))
        self._results: dict[int, R | Exception] = {}
        self._helped = False
        self._done = threading.Event()

    def all(self) -> list[R | Exception]:
        """Work in the caller's thread until nothing is left, and wait for what the helper has begun."""
        self._take()
        if self._helped:
            self._done.wait()
        return [self._results[place] for place in range(len(self._results))]

    def help(self) -> None:
        """Work in the helper's thread; nothing is left for one that comes late."""
        self._helped = True
        try:
            self._take()
        finally:
            self._done.set()

    def _take(self) -> None:
        work, results = self._work, self._results
        for place, item in self._next:
            try:
                results[place] = work(item)
            except Exception as error:  # noqa: BLE001 - it is the caller's, and costs the other items nothing
                results[place] = error
            except BaseException as error:
                # A panic of a foreign library: the item fails, and whoever waits for it goes on.
                results[place] = RuntimeError(f"an item could not be worked on: {type(error).__name__}")
                raise
