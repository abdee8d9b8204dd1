"""Waiting tasks of one source, in a line for each member, so that no member waits for another one's flood.

The member whose tasks have taken the least time is served next, however many tasks another one has waiting and however
long these take. Tasks of urgent purposes go before the others; while both wait they get `_URGENT_SHARE` of the
source's time, so that urgent questions do not stop usual ones.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from queue import SimpleQueue

import msgspec

from gateway.errors import LiaisonError
from gateway.exchange.sources.batching import Steps
from gateway.ports.sources import Source

MAX_WAITING = 512
"""The most tasks that wait in one member's line."""

_URGENT_SHARE = 0.8
_COSTLY_S = 0.005
"""A task that computes for longer than this is not served in turn with the cheap ones."""

_SHORTER = 4.0
"""A costly task is begun beside one of another member that takes at least so many times as long: a long one never makes
others wait for its end."""

_FIRST_S = 0.0005
_RECENT = 64
"""The tasks that a source begins before a member that asks no more keeps no thread free."""


class Task(msgspec.Struct):
    """Work on one source: the steps of `run(source)` in the wall's thread, then `done(result, error)` exactly once.

    `line` is the member that it is done for. `cost` is the estimate of what it computes, in seconds, for a question by
    name; 0 for one by number, which costs little and is asked together with others.
    """

    run: Callable[[Source], Steps[object]]
    done: Callable[[object, LiaisonError | None], None]
    deadline: float
    line: str = ""
    urgent: bool = False
    cost: float = 0.0
    reserved: float = 0.0
    """The time that its line has paid for it beforehand."""
    alone: bool = False
    """Tells whether it is served as a costly one."""


class _Line:
    """The tasks of one member and one rank, and the time that its tasks took."""

    __slots__ = ("by_name_s", "pace", "spent", "tasks")

    def __init__(self) -> None:
        self.tasks: deque[Task] = deque()
        self.spent = 0.0
        self.pace = _FIRST_S
        self.by_name_s = 0.0

    def computes_s(self, task: Task) -> float:
        """Return what a task by name will compute, by its estimate or by the last ones of its kind; else 0."""
        return max(task.cost, self.by_name_s) if task.cost > 0 else 0.0

    def pay(self, task: Task, seconds: float, cpu: float) -> None:
        """Charge a served task, and learn from it what the next one will take."""
        self.spent += seconds - task.reserved
        self.pace += (seconds - self.pace) / 8
        if task.cost > 0:
            self.by_name_s += (cpu - self.by_name_s) / 8


class _Rank:
    """The lines of all members for urgent tasks, or for the others."""

    def __init__(self, share: float) -> None:
        self.lines: dict[str, _Line] = {}
        self.waiting: dict[str, _Line] = {}
        """The lines in which a task waits."""
        self.share = share
        self.spent = 0.0
        self.floor = 0.0

    def line(self, member: str) -> _Line:
        """Return the line of a member."""
        line = self.lines.get(member)
        if line is None:
            line = self.lines[member] = _Line()
        return line

    def add(self, task: Task) -> None:
        """Put a task at the end of its line; a line that was empty has not saved time for later."""
        line = self.line(task.line)
        if not line.tasks:
            line.spent = max(line.spent, self.floor)
            self.waiting[task.line] = line
        line.tasks.append(task)


class Lines:
    """The lines of one source. `take` and `ready` are called by one thread at a time, all else by any."""

    def __init__(self, threads: int, *, computes: bool = True) -> None:
        """Take the number of threads, and whether these compute or only wait for the source."""
        self._threads = threads
        self._computes = computes
        self._inbox: SimpleQueue[Task | None] = SimpleQueue()
        self._urgent, self._usual = _Rank(_URGENT_SHARE), _Rank(1 - _URGENT_SHARE)
        self._lock = threading.Lock()
        self._waiting: dict[str, int] = {}
        self._busy: dict[str, int] = {}
        self._costly: dict[str, float] = {}
        """The members whose costly task is served, and what it is expected to compute."""
        self._begun = 0
        self._last: dict[str, int] = {}
        self._open = True

    def put(self, task: Task) -> bool:
        """Take a task; False when its member has too many waiting."""
        with self._lock:
            waiting = self._waiting.get(task.line, 0)
            if waiting >= MAX_WAITING:
                return False
            self._waiting[task.line] = waiting + 1
        self._inbox.put(task)
        return True

    def close(self) -> None:
        """Let the threads end once nothing waits."""
        self._open = False
        for _ in range(self._threads):
            self._inbox.put(None)

    def qsize(self) -> int:
        """Return the number of tasks that wait."""
        with self._lock:
            return sum(self._waiting.values())

    def before(self, member: str) -> int:
        """Return how many of the waiting tasks are served before another one of `member`."""
        with self._lock:
            own = self._waiting.get(member, 0)
            return own + sum(min(count, own + 1) for name, count in self._waiting.items() if name != member)

    def take(self) -> Task | None:
        """Wait for the next task; None at the end."""
        while True:
            if (task := self.ready()) is not None or not self._open:
                return task
            if (arrived := self._inbox.get()) is not None:
                self._rank(arrived).add(arrived)

    def ready(self) -> Task | None:
        """Return the next task that waits and may be begun now, or None."""
        while not self._inbox.empty():  # one thread at a time takes from it
            if (arrived := self._inbox.get()) is not None:
                self._rank(arrived).add(arrived)
        with self._lock:
            urgent = self._next(self._urgent) if self._urgent.waiting else None
            usual = self._next(self._usual) if self._usual.waiting else None
            if urgent is None:  # a rank in which nothing waits saves no time for later
                self._urgent.spent = max(self._urgent.spent, self._usual.spent)
            if usual is None:
                self._usual.spent = max(self._usual.spent, self._urgent.spent)
            if urgent is not None and (usual is None or self._urgent.spent <= self._usual.spent):
                return self._begin(self._urgent, *urgent)
            return self._begin(self._usual, *usual) if usual is not None else None

    def is_costly(self, task: Task) -> bool:
        """Tell whether a task takes long, so that cheap ones must not wait for it."""
        return self._computes and task.cost > 0 and self._computes_s(task) >= _COSTLY_S

    def _computes_s(self, task: Task) -> float:
        return self._rank(task).lines[task.line].computes_s(task)

    def enter(self, task: Task) -> None:
        """Note that one thread serves this task alone, while others go on."""
        with self._lock:
            self._busy[task.line] = self._busy.get(task.line, 0) + 1
            task.alone = self.is_costly(task)
            if task.alone:
                self._costly[task.line] = self._computes_s(task)

    def leave(self, task: Task) -> None:
        """Note that its thread is free again."""
        with self._lock:
            self._busy[task.line] -= 1
            if task.alone:
                del self._costly[task.line]
        self._inbox.put(None)  # what had to wait for it may be begun now

    def charge(self, tasks: Sequence[Task], seconds: float, cpu: float) -> None:
        """Charge tasks that were served to their members, `seconds` each; `cpu` is what a question by name computed."""
        with self._lock:
            for task in tasks:
                rank = self._urgent if task.urgent else self._usual
                rank.spent += (seconds - task.reserved) / rank.share
                rank.line(task.line).pay(task, seconds, cpu)

    def _rank(self, task: Task) -> _Rank:
        return self._urgent if task.urgent else self._usual

    def _begin(self, rank: _Rank, name: str, line: _Line) -> Task:
        """Take the first task of a line, and let the line pay what its last ones took."""
        task = line.tasks.popleft()
        if not line.tasks:
            del rank.waiting[name]
        rank.floor = line.spent
        task.reserved = line.pace
        line.spent += task.reserved
        rank.spent += task.reserved / rank.share
        self._waiting[name] -= 1
        self._begun += 1
        self._last[name] = self._begun
        return task

    def _next(self, rank: _Rank) -> tuple[str, _Line] | None:
        """Return the line that has had least of those whose first task may be begun now, or None.

        One costly task is served at a time, and a much shorter one of another member beside it. The last thread is for
        another member than the one that holds the others, as long as there is another one.
        """
        found: tuple[str, _Line] | None = None
        for name, line in rank.waiting.items():
            if found is not None and found[1].spent <= line.spent:
                continue
            if self._costly and not self._goes_beside(name, line.computes_s(line.tasks[0])):
                continue
            if name and self._threads > 1 and self._busy.get(name, 0) >= self._threads - 1 and self._has_others(name):
                continue
            found = name, line
        return found

    def _goes_beside(self, member: str, seconds: float) -> bool:
        """Tell whether a task that computes so long may be begun beside the costly ones that are being served."""
        if seconds < _COSTLY_S:
            return True
        return member not in self._costly and _SHORTER * seconds <= min(self._costly.values())

    def _has_others(self, member: str) -> bool:
        return any(name != member and self._begun - last < _RECENT for name, last in self._last.items())
