"""One source behind a wall of its own: own threads, own bounded queue, own deadline (design, sections 8 and 9).

A source that hangs, crashes or lies does not harm the others: its items end as `timeout` or `failed`, and the answer
says that a kind of source is missing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import cast

from msgspec.structs import replace

from gateway.clock import Clock
from gateway.courtesy import COURTESY
from gateway.errors import LiaisonError, TimedOut, Unavailable
from gateway.exchange.sources.batching import FetchCall, SearchCall, Steps, Work, run_together
from gateway.exchange.sources.lines import Lines, Task
from gateway.exchange.stages import Turn, as_error
from gateway.pauses import OWN
from gateway.ports.sources import BatchSource, NearSource, SigningSource, Source, SourceDescription
from gateway.throttle import Throttle

__all__ = ["BAD_QUERIES", "Bulkhead", "Health", "Task", "WallLimits"]

BAD_QUERIES = frozenset({"bad-query", "query-too-costly", "personal-data"})
"""The codes of a source for a query that it cannot search by: the question is at fault, not the source."""

_MAX_BATCH = 64
_BATCH_S = 0.02
_MIN_PACE_S = 0.00005
_FIRST_PACE_S = 0.002
_QUICK_S = 0.003
_HELD_S = 0.01
"""The longest time that a result waits for the others of its batch."""

_HANGS_S = 1.0
"""A source that is this long over a deadline hangs: new tasks end at once as missing."""

FEWEST_NEAR = 16
"""Fewer questions of a batch are not served in the caller's thread: while another one does it more of them arrive, and
what they share at the end costs less for each than the thread."""

Result = tuple[Task, object, LiaisonError | None]
"""A task that was served, with its result or error."""


@dataclass(frozen=True, slots=True)
class WallLimits:
    """Limits of one source; 0 means none of its own. `timeout_s` counts from `submit`."""

    rate_per_s: float = 0.0
    timeout_s: float = 0.0


_NO_LIMITS = WallLimits()


@dataclass(slots=True)
class Health:
    """The recent results of a source, as its wall has seen them. `unread` is the code of a last look that failed."""

    failures: int = 0
    last_error: str = ""
    unread: str = ""
    served: int = field(default=0)
    refused: int = 0


class Bulkhead:
    """Threads and queue of one source. `submit` never blocks and never raises."""

    def __init__(
        self,
        source: Source,
        clock: Clock,
        threads: int = 1,
        turn: Turn | None = None,
        limits: WallLimits = _NO_LIMITS,
        *,
        fewest_near: int = FEWEST_NEAR,
    ) -> None:
        self._turn = turn or Turn()
        self._gate = threading.Lock()
        self._fewest_near = fewest_near
        self.source = source
        self.description: SourceDescription = source.describe()
        self.signs = isinstance(source, SigningSource)
        """Tells whether the source is a process that signs its records itself: this process only waits for it."""
        self.health = Health()
        self._clock = clock
        self.limit(limits)
        self._at_work: dict[int, float] = {}
        self._alone = 0
        self._stopped = threading.Event()
        self._pace = _FIRST_PACE_S
        self._queue = Lines(threads, computes=not self.signs)
        self._near = Near(source, clock) if isinstance(source, NearSource) else None
        self._threads = [
            threading.Thread(target=self._run, name=f"source-{self.description.id}-{number}", daemon=True)
            for number in range(threads)
        ]

    def limit(self, limits: WallLimits) -> None:
        """Take other limits for what is submitted from now on."""
        self._timeout_s = limits.timeout_s
        self._throttle = Throttle(limits.rate_per_s) if limits.rate_per_s else None

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def look_again(self) -> None:
        """Read the source's description again."""
        self.description = self.source.describe()

    def turn_to(self, source: Source) -> None:
        """Ask another source from now on: the open one, in the place of one that was away."""
        self._near = Near(source, self._clock) if isinstance(source, NearSource) else None
        self.signs = isinstance(source, SigningSource)
        self.source = source
        self.look_again()

    def stop(self) -> None:
        """Ask the threads to end. One that hangs in the source is left behind (daemon)."""
        self._stopped.set()
        self._queue.close()

    def submit_all(self, tasks: Sequence[Task]) -> None:
        """Hand over the work of a batch. While nothing waits, what is quick and near is done in the caller's thread.

        So no line of a member is overtaken. One thread at a time calls it.
        """
        taken: set[int] = set()
        if self._near is not None and self._is_free():
            now = self._clock.monotonic()
            near = [task for task in tasks if not task.cost and now < task.deadline][: self._near.most()]
            if len(near) >= self._fewest_near:
                self._serve_near(self._near, near)
                taken = set(map(id, near))
        for task in tasks:
            if id(task) not in taken:
                self.submit(task)

    def _is_free(self) -> bool:
        """Tell whether the source is quick, and nothing waits for it."""
        is_slow = self._throttle is not None or self._pace >= _QUICK_S
        return not is_slow and not self._queue.qsize() and not (self._at_work and self.hangs)

    def _serve_near(self, near: Near, tasks: Sequence[Task]) -> None:
        """Serve tasks as far as near look-ups go; the others go on in the wall's threads."""
        begun = self._clock.monotonic()
        works = [Work(partial(task.run, self.source), task.deadline) for task in tasks]
        near.run(works)
        self._learn(tasks, (self._clock.monotonic() - begun) / len(tasks), 0.0)
        served = list(zip(tasks, works, strict=True))
        _hand_on([(task, *self._outcome(work)) for task, work in served if work.call is None])
        for task, work in served:
            if work.call is not None:
                self.submit(replace(task, run=partial(_go_on, work)))

    def submit(self, task: Task) -> None:
        """Hand work over; a hanging source, a full line of its member and a spent rate end it at once as failed."""
        task.deadline = self.until(task.deadline)
        if self._throttle is not None and self._is_late(task, self._throttle):
            return self._refuse(task, "the source is asked too often")
        if self._at_work and self.hangs:
            return self._refuse(task, "the source hangs")
        if not self._queue.put(task):
            return self._refuse(task, "the source has too much waiting")
        return None

    def _refuse(self, task: Task, why: str) -> None:
        self.health.refused += 1
        task.done(None, TimedOut(why, code="source-busy", where=self.description.id))

    def _is_late(self, task: Task, throttle: Throttle) -> bool:
        """Tell whether the source's rate brings a task its turn too late."""
        return throttle.due(self._clock.monotonic(), self._queue.before(task.line)) >= task.deadline

    def until(self, deadline: float) -> float:
        """Return `deadline`, or the end of the source's own time from now on where that is sooner."""
        return min(deadline, self._clock.monotonic() + self._timeout_s) if self._timeout_s else deadline

    @property
    def hangs(self) -> bool:
        """Tell whether no thread can serve: all threads, or the one that serves alone, are long over deadlines."""
        now = self._clock.monotonic()
        over = [thread for thread, deadline in list(self._at_work.items()) if OWN.over(now - deadline, _HANGS_S)]
        return bool(over) and (len(over) == len(self._threads) or self._alone in over)

    @property
    def state(self) -> str:
        """`ok`, or the fault of the source in one word."""
        return "hangs" if self.hangs else self.health.unread or self.health.last_error or "ok"

    def _run(self) -> None:
        while self._next():
            pass

    def _next(self) -> bool:
        """Serve waiting tasks; False when the end was asked for.

        While the source is quick, one thread serves alone, and always the same one: its connections are warm. A task
        that takes long is served beside it.
        """
        with self._gate:
            task = self._queue.take()
            while task is not None and self._is_quick(task):
                task = self._serve_alone(task)
            if task is None:
                return False
            if self._throttle is not None and not self._wait_for_turn(task, self._throttle):
                return True
            self._queue.enter(task)
        try:
            with COURTESY.long(task.line) if task.alone else nullcontext():
                results = self._together([task])
            _hand_on(results)
        finally:
            self._queue.leave(task)
        return True

    def _is_quick(self, task: Task) -> bool:
        """Tell whether a task may be served in turn with the stages of the node."""
        is_slow = self._throttle is not None or self.signs or self._pace >= _QUICK_S
        return not is_slow and not self._queue.is_costly(task)

    def _wait_for_turn(self, task: Task, throttle: Throttle) -> bool:
        """Wait until the source's rate lets a task through; refuse it and return False when that is too late."""
        now = self._clock.monotonic()
        due = throttle.reserve(now, task.deadline)
        if due is None:
            self._queue.charge([task], 0.0, 0.0)
            self._refuse(task, "the source is asked too often")
            return False
        if due > now:
            self._stopped.wait(due - now)
        return True

    def _serve_alone(self, task: Task) -> Task | None:
        """Serve a first task and those that wait, in turn with the stages, then wait; return the next task.

        Results are handed on together: one hand-over to the next stage instead of one for each task.
        """
        following: Task | None = task
        with self._turn.taken():
            self._alone = threading.get_ident()
            begun = self._clock.monotonic()
            results: list[Result] = []
            while following is not None and self._is_quick(following):
                portion = [following]
                following = self._take_more(portion)
                if portion[0].cost:  # it may take long, and what is finished does not wait for it
                    _hand_on(results)
                    results = []
                results += self._together(portion)
                if self._clock.monotonic() - begun > _HELD_S:
                    break
                following = following or self._queue.ready()
            _hand_on(results)
            self._alone = 0
        return following or self._queue.take()

    def _take_more(self, portion: list[Task]) -> Task | None:
        """Add tasks that a quick source answers together in the time that a result may be held.

        Returns the first that is not of this kind. A question by name is served alone: it may cost as much as many.
        """
        wanted = 1 if portion[0].cost else min(_MAX_BATCH, int(min(_BATCH_S, _HELD_S) / self._pace))
        while len(portion) < wanted:
            task = self._queue.ready()
            if task is None or task.cost:
                return task
            portion.append(task)
        return None

    def _together(self, tasks: Sequence[Task]) -> list[Result]:
        """Run tasks step by step together, so that their calls reach the source together, and charge their members."""
        now = self._clock.monotonic()
        cpu = time.thread_time() if tasks[0].cost else 0.0
        works = [Work(partial(task.run, self.source), task.deadline) for task in tasks]
        timely = [work for work in works if now < work.deadline]
        if timely:
            thread = threading.get_ident()
            self._at_work[thread] = max(work.deadline for work in timely)
            try:
                run_together(timely, self._clock)
            finally:
                del self._at_work[thread]
        cpu = time.thread_time() - cpu if tasks[0].cost else 0.0
        # Those that go together are alike, so they pay alike: one reading of the clock for all of them.
        share = (self._clock.monotonic() - now) / len(tasks)
        self._learn(tasks, share, cpu)
        return [(task, *self._outcome(work)) for task, work in zip(tasks, works, strict=True)]

    def _learn(self, tasks: Sequence[Task], seconds: float, cpu: float) -> None:
        """Charge tasks, `seconds` each, to their members; learn how quick the source is, but not from costly ones."""
        if not self._queue.is_costly(tasks[0]):
            self._pace += (max(seconds, _MIN_PACE_S) - self._pace) * len(tasks) / (7 + len(tasks))
        self._queue.charge(tasks, seconds, cpu)

    def _outcome(self, work: Work) -> tuple[object, LiaisonError | None]:
        if not work.has_begun:
            return None, TimedOut("no time was left for the source", where=self.description.id)
        if work.error is not None:
            known = work.error if isinstance(work.error, LiaisonError) else None
            self.health.failures += 1
            self.health.last_error = known.code if known is not None else type(work.error).__name__
            return None, as_error(work.error)
        self.health.served += 1
        self.health.failures, self.health.last_error = 0, ""
        return work.result, None


def _go_on(work: Work, _source: Source) -> Steps[object]:
    """Return the steps of a work that has begun, from the call that it keeps."""
    while work.call is not None:
        reply: object
        try:
            reply = yield work.call
        except BaseException as error:  # noqa: BLE001 - it is thrown into the work that asked
            reply = error
        work.go_on(reply)
    if work.error is not None:
        raise work.error
    return work.result


def _hand_on(results: Sequence[Result]) -> None:
    """Give results to their tasks."""
    for task, result, error in results:
        task.done(result, error)


# ------------------------------------------------------------ near look-ups, in the caller's own thread
# A source in another thread costs two changes of threads, and a fight over the interpreter's lock, for an answer that
# takes some twenty microseconds. So the thread that has a batch of questions looks up itself what waits for this
# machine only, and for a short time: in our key index, and in a database file of this machine. A work that needs more
# than that keeps its call, and goes on behind the source's wall.


NEAR_S = 0.002
"""The longest that one call for a batch computes, as far as the last ones tell."""

_STALLS_S = 0.01
"""A call that takes longer than this did not only compute: it waited for the disk, and counts in full."""

_FIRST_NEAR_S = 0.00003
_MOST_NEAR = 64
_FORGETS = 0.98
"""The share of a pace that was too slow which is left after each batch that it kept away: a disk is not always busy."""


class Near:
    """The near look-ups of one source. One thread at a time uses it."""

    def __init__(self, source: NearSource, clock: Clock) -> None:
        self._source = source
        self._itself: object = source
        self._clock = clock
        self._paces: dict[type, float] = {SearchCall: _FIRST_NEAR_S, FetchCall: _FIRST_NEAR_S}

    def most(self) -> int:
        """Return how many works a batch may have now, so that each of its calls ends in time."""
        most = min(_MOST_NEAR, int(NEAR_S / max(self._paces.values())))
        for kind, pace in self._paces.items():
            if pace > NEAR_S:
                self._paces[kind] = pace * _FORGETS
        return most

    def run(self, works: Sequence[Work]) -> None:
        """Run works to their ends; one that makes a call which is not near, or not answered in time, keeps its call."""
        for work in works:
            work.go_on()
        waiting = works
        while waiting := [work for work in waiting if self._is_near(work.call)]:
            kind = type(waiting[0].call)
            some = [work for work in waiting if type(work.call) is kind]
            replies = self._timed(some)
            for work, reply in zip(some, replies, strict=True):
                if not _is_late(reply):
                    work.go_on(reply)
            if any(map(_is_late, replies)):
                return

    def _timed(self, works: Sequence[Work]) -> Sequence[object]:
        """Return the replies to calls of one kind, and learn how long one takes."""
        begun, computed = self._clock.monotonic(), time.thread_time()
        try:
            replies = self._ask(works, begun + _STALLS_S)
        except Exception:  # noqa: BLE001 - behind the wall the source is asked again, and says what is wrong
            replies = [_LATER] * len(works)
        took = self._clock.monotonic() - begun
        if took < _STALLS_S:
            took = time.thread_time() - computed
        kind = type(works[0].call)
        self._paces[kind] += (took / len(works) - self._paces[kind]) * len(works) / (256 + len(works))
        return replies

    def _is_near(self, call: SearchCall | FetchCall | None) -> bool:
        if call is None or getattr(call.source, "whole", call.source) is not self._itself:
            return False
        return self._source.fetches_near if isinstance(call, FetchCall) else True

    def _ask(self, works: Sequence[Work], deadline: float) -> Sequence[object]:
        """Put calls of one kind to the source, as those who ask see it."""
        searches = [call for work in works if isinstance(call := work.call, SearchCall)]
        if searches:
            return self._search(searches, deadline)
        fetches = [call.wanted for work in works if isinstance(call := work.call, FetchCall)]
        found = iter(self._source.fetch_many([place for wanted in fetches for place in wanted], deadline))
        return [[next(found) for _ in wanted] for wanted in fetches]

    def _search(self, calls: Sequence[SearchCall], deadline: float) -> Sequence[object]:
        """Return the replies, in order; who sees the same is looked up together."""
        alike: dict[int, list[int]] = {}
        for place, call in enumerate(calls):
            alike.setdefault(id(call.source), []).append(place)
        replies: list[object] = [_LATER] * len(calls)
        for places in alike.values():
            source = cast(BatchSource, calls[places[0]].source)  # the near one, or what somebody sees of it
            asked = [(calls[place].query, calls[place].strictness) for place in places]
            for place, reply in zip(places, source.search_many(asked, deadline), strict=True):
                replies[place] = reply
        return replies


_LATER = TimedOut("the source had no time left", code="source-deadline")


def _is_late(reply: object) -> bool:
    """Tell whether the source may say more when it has more time."""
    found = reply if isinstance(reply, list) else [reply]
    return any(isinstance(each, TimedOut | Unavailable) for each in found)
