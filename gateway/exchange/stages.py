"""Batched stages: a thread that takes everything that waits, 64 items at most, without a delay.

MEASURED-2 shows why: hand-overs between threads and one sync for each row cost more than the work itself. Items of each
member stand in a line of their own and the lines are served in turn, so that one member's flood cannot take another's
share. Within a line, finished items leave before new ones come in, urgent ones first. Lines are bounded where items
enter (`answering.admission`), not here.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from time import perf_counter, sleep
from typing import Generic, Protocol, TypeVar

from gateway.errors import LiaisonError, StorageAway, StorageBroken

MAX_BATCH = 64

RANKS = 3
"""Three ranks: urgent items that leave, other items that leave, and items that come in."""

_SEVERAL = 2
_FORGIVEN = 25

_PORTION = 16
_SMALL = 4
"""The most items of one member in a batch while other members ask, too, and all have as many waiting, or some have not:
an item that comes alone waits for the rest of a batch at each step of its way."""

_ASKS_S = 5.0
"""The seconds for which a member counts as one that asks."""

FEWEST = 8
"""Items that a batch has at least while more are on their way: those of a small one cost three times as much each."""

_MANY = 3 * FEWEST
"""Items on their way of which some come within `_LINGER_S`."""

_LINGER_S = 0.001
"""Seconds for which a stage leaves the interpreter to those who bring items. One that comes alone never waits."""

_ROUNDS = 4
"""Batches that a stage works off in one turn while more arrive.

The next stage in turn then finds more that waits, and shares the cost of a batch among more items.
"""


class Item(Protocol):
    """An item that can be in a line."""

    @property
    def line(self) -> str:
        """The member in whose line it stands."""

    @property
    def rank(self) -> int:
        """The place among the others of its line, 0 to `RANKS` - 1: the least goes first."""


I = TypeVar("I", bound=Item)  # noqa: E741


class Turn:
    """One stage works at a time, as long as none takes long, and those that wait are served in their order.

    Threads of one interpreter that work at the same time fight over its lock at each signature and each row, which
    costs more than the work (MEASURED-2). So stages and sources take turns. A thread that ends its turn hands it to the
    first one that waits: a stage that has more to do would otherwise take it again before the other one has woken up,
    which then waits for nothing. It is a courtesy, not a lock: a thread that has waited for `patience` seconds goes on
    without it, and after `_FORGIVEN` waits in vain the turn of a hanging thread is forgotten.
    """

    def __init__(self, patience: float = 0.02) -> None:
        self._patience = patience
        self._lock = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._holder: object = None
        self._in_vain = 0

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Run the block in turn, or without it after `patience` seconds."""
        me = self._take()
        try:
            yield
        finally:
            if me is not None:
                self._hand_on(me)

    def _take(self) -> object:
        """Wait for the turn; return its holder, or None for a thread that goes on without it."""
        mine = threading.Lock()
        with self._lock:
            if self._holder is None:
                self._holder, self._in_vain = mine, 0
                return mine
            mine.acquire()
            self._waiting.append(mine)
        if mine.acquire(timeout=self._patience):
            return mine
        with self._lock:
            if self._holder is mine:  # it was handed over just now
                return mine
            self._waiting.remove(mine)
            self._in_vain += 1
            if self._in_vain > _FORGIVEN:
                self._pass()
        return None

    def _hand_on(self, me: object) -> None:
        with self._lock:
            if self._holder is me:  # else it was forgotten
                self._pass()

    def _pass(self) -> None:
        """Give the turn to the first one that waits. Call it with the lock."""
        self._in_vain = 0
        self._holder = first = self._waiting.popleft() if self._waiting else None
        if first is not None:
            first.release()


class MemberLines(Generic[I]):
    """Items that wait, in a line for each member. For one thread, or under a lock."""

    def __init__(self) -> None:
        self._lines: dict[str, tuple[deque[I], ...]] = {}
        self._asked: dict[str, float] = {}
        self.waiting = 0
        """The number of items that wait."""

    def add(self, item: I) -> None:
        """Put an item at the end of its line."""
        name = item.line
        line = self._lines.get(name)
        if line is None:
            line = self._lines[name] = tuple(deque() for _ in range(RANKS))
        line[item.rank].append(item)
        self.waiting += 1
        self._asked[name] = perf_counter()

    def is_shared(self) -> bool:
        """Tell whether several members ask at this time."""
        if len(self._asked) < _SEVERAL:
            return False
        since = perf_counter() - _ASKS_S
        self._asked = {name: last for name, last in self._asked.items() if last > since}
        return len(self._asked) >= _SEVERAL

    def _portion(self) -> int:
        """Return the most items of one member in a batch while several ask."""
        all_wait = len(self._lines) >= len(self._asked)
        return _PORTION if all_wait and min(map(_count, self._lines.values()), default=0) >= _SMALL else _SMALL

    def next_batch(self) -> list[I]:
        """Return up to `MAX_BATCH` items, one of each line in turn; of one line no more than its portion."""
        batch: list[I] = []
        for _ in range(self._portion() if self.is_shared() else MAX_BATCH):
            if not self.waiting or len(batch) == MAX_BATCH:
                break
            for name in list(self._lines):
                line = self._lines[name]
                batch.append(next(filter(None, line)).popleft())
                self.waiting -= 1
                if not any(line):
                    del self._lines[name]
                if len(batch) == MAX_BATCH:
                    break
        return batch


class Stage(Generic[I]):
    """A thread with a bounded batch. `work` must isolate the errors of single items.

    An exception that escapes `work` is a failure of the whole node: it goes to `fatal`, which ends the process.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[list[I]], None],
        fatal: Callable[[BaseException], None],
        turn: Turn | None = None,
        inside: Callable[[], int] = lambda: 0,
    ) -> None:
        """Take the parts: `inside` returns how many items are on their way, here or where they come back from."""
        self._work = work
        self._inside = inside
        self._turn = turn or Turn()
        self._fatal = fatal
        self._inbox: SimpleQueue[I | None] = SimpleQueue()
        self._lines: MemberLines[I] = MemberLines()
        self._thread = threading.Thread(target=self._run, name=f"stage-{name}", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Let the thread finish what waits, then end it."""
        self._inbox.put(None)
        self._thread.join(timeout)

    def put(self, item: I) -> None:
        """Hand an item over, from any thread."""
        self._inbox.put(item)

    def put_all(self, items: Iterable[I]) -> None:
        """Hand items over, from any thread."""
        for item in items:
            self._inbox.put(item)

    def _run(self) -> None:
        open_ = True
        try:
            while open_ or self._lines.waiting:
                open_ = self._fill(block=self._lines.waiting == 0) and open_
                if open_ and self._lines.waiting < FEWEST and self._inside() >= _MANY:
                    sleep(_LINGER_S)
                with self._turn.taken():
                    for _ in range(_ROUNDS):
                        open_ = self._fill(block=False) and open_
                        if not (batch := self._lines.next_batch()):
                            break
                        self._work(batch)
                        if self._lines.is_shared():
                            break  # the source and the other stages are waited for by others, too
        except StorageAway as error:  # what this thread had in hand is gone: its end is that of the process
            self._fatal(StorageBroken(error.message, where=error.where, remedy=error.remedy))
        except BaseException as error:  # noqa: BLE001 - nothing may go on after an unknown failure
            self._fatal(error)

    def _fill(self, block: bool) -> bool:
        """Move what has arrived into the lines; False when the end has been asked for."""
        try:
            item = self._inbox.get(block)
            while True:
                if item is None:
                    return False
                self._lines.add(item)
                item = self._inbox.get_nowait()
        except Empty:
            return True


def _count(line: tuple[deque[I], ...]) -> int:
    return sum(map(len, line))


def as_error(error: BaseException) -> LiaisonError:
    """Return `error` as a `LiaisonError`: one of ours as it is, an unexpected one with the code `internal`."""
    if isinstance(error, LiaisonError):
        return error
    wrapped = LiaisonError("unexpected {kind}", code="internal", kind=type(error).__name__)
    wrapped.__cause__ = error
    return wrapped


def reraise_fatal(error: Exception) -> None:
    """Raise `error` again when the storage is broken: that ends the stage. A server that is away costs one item."""
    if isinstance(error, StorageBroken) and not isinstance(error, StorageAway):
        raise error
