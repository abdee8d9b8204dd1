"""The workers of a front: their processes, the requests that wait for them, and what they answer.

Requests wait in a line for each member, and leave in batches: a worker has at most two batches that it has not taken
up, and what arrives meanwhile makes the next one bigger. A worker that ends gets a successor. What it had not answered
is given to another one once; what cannot be answered in its time is refused. Nothing leaves twice, since the front
takes one result of each request, and the log one answer of each exchange.

A worker whose frames are not what ours send is ended at once, and an alarm says so.
"""

from __future__ import annotations

import os
import selectors
import subprocess
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from functools import partial

from gateway.errors import LiaisonError, Malformed, Unavailable
from gateway.exchange.answering.deadlines import Deadlines
from gateway.exchange.answering.job import Job
from gateway.exchange.answering.port import Finished
from gateway.exchange.parts import Parts
from gateway.exchange.stages import FEWEST, MemberLines
from gateway.exchange.workers.channel import Channel
from gateway.exchange.workers.check import check_result
from gateway.exchange.workers.door import Door
from gateway.exchange.workers.frames import (
    MOST_FROM_WORKER,
    MOST_TO_WORKER,
    Done,
    FromWorker,
    Ready,
    Result,
    Start,
    State,
    Taken,
    from_worker,
)
from gateway.exchange.workers.places import Places, WorkerReport
from gateway.exchange.workers.seat import Seat, Standing
from policy.engine.engine import PolicyEngine

MOST_UNTAKEN = 2
TRIES = 2
"""Workers that a request is given to: one that ends them is not given to all."""

GRACE_S = 0.5
"""Seconds after its deadline for which a request waits for its worker, which answers at the deadline itself."""

SILENT_S = 15.0
"""A worker that says nothing for so long hangs, and is ended."""

READY_S = 2.0  # for which a new policy waits for the workers to be ready for it

_START_S = 60.0
_LOOK_S = 0.25
_SOON_S = 0.02


class Pool:
    """Workers in processes of their own. `spawn` starts one; `start_of` makes the first frame that it gets.

    `note` takes code and detail of an alarm about a worker. `make_ahead` makes what the workers can only read.
    `types_for` returns the types of records that may be given for the question of a job.
    """

    def __init__(
        self,
        parts: Parts,
        count: int,
        door: Callable[[], Door],
        spawn: Callable[[], subprocess.Popen[bytes]],
        start_of: Callable[[bytes], Start],
        note: Callable[[str, str], None],
        make_ahead: Callable[[], None],
        fatal: Callable[[BaseException], None],
        types_for: Callable[[Job], Collection[str]],
    ) -> None:
        self._parts = parts
        self._types_for = types_for
        self._open_door = door
        self._spawn = spawn
        self._start_of = start_of
        self._note = note
        self._make_ahead = make_ahead
        self._fatal = fatal
        self._clock = parts.clock
        self._places = Places(count)
        self._lines: MemberLines[Job] = MemberLines()
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._deadlines = Deadlines(self._clock, self._late, GRACE_S)
        self._selector = selectors.DefaultSelector()
        self._woken, self._wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._finished: Finished = lambda _job: None
        self._thread = threading.Thread(target=self._run, name="workers", daemon=True)
        self._stopping = False
        self._failed: BaseException | None = None

    # ------------------------------------------------------------ the port

    def start(self, finished: Finished) -> None:
        """Open the socket and start the workers; wait until one of them serves. Raises what kept it from that."""
        self._finished = finished
        self._door = self._open_door()
        self._selector.register(self._door.socket, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._deadlines.start()
        self._thread.start()
        with self._changed:
            self._changed.wait_for(
                lambda: self._failed or self._places.serving() or self._places.cannot_start, _START_S
            )
            if not self._places.serving():
                self._stopping = True
                raise self._failed or Unavailable(
                    "no worker serves",
                    code="no-worker",
                    where="workers",
                    remedy="look into the node's log for what the workers said; `liaison serve --workers 0` needs none",
                )

    def stop(self) -> None:
        """Let the workers go: they end when their connection does."""
        with self._lock:
            self._stopping = True
        self._awake()
        self._thread.join(_START_S)
        self._deadlines.stop()

    def give(self, jobs: Sequence[Job]) -> None:
        """Take jobs into the lines, and give workers what they can take up."""
        self._deadlines.watch(jobs)
        with self._lock:
            for job in jobs:
                self._lines.add(job)
            self._dispatch()

    def draw(self, jobs: Sequence[Job]) -> Sequence[Job]:
        """Return those of the jobs whose workers have drawn what ours can draw."""
        return [job for job in jobs if job.checked is None or job.checked()]

    def source_states(self) -> Mapping[str, str]:
        """Return the worst state of each source that a worker sees."""
        with self._lock:
            return self._places.source_states()

    # ------------------------------------------------------------ for others of the front

    def tell(self) -> None:
        """Tell the workers trust and switches where these have changed, also while nothing is asked. Blocks."""
        self._make_ahead()
        with self._lock:
            for seat in self._places.serving():
                self._safely(seat, lambda seat: seat.tell(self._parts))

    def prepare(self, policy: PolicyEngine) -> None:
        """Tell a policy that is about to come into force; wait `READY_S` at most until all workers are ready for it."""
        with self._changed:
            seats = self._places.serving()
            for seat in seats:
                self._safely(seat, lambda seat: seat.tell_policy(policy))
            self._changed.wait_for(
                lambda: all(policy.hash in s.ready or s.standing is not Standing.SERVING for s in seats), READY_S
            )

    def renew(self) -> None:
        """Let successors take the place of all workers, since keys or sources have changed; each finishes its work."""
        with self._lock:
            self._places.leave()
        self._awake()

    def serves(self) -> bool:
        """Tell whether a worker can be given requests."""
        with self._lock:
            return bool(self._places.serving())

    def reports(self) -> list[WorkerReport]:
        """Return a report of each worker."""
        with self._lock:
            return [place.report() for place in self._places.all]

    # ------------------------------------------------------------ requests

    def _dispatch(self) -> None:
        """Give workers batches of what waits. Call it with the lock."""
        while self._lines.waiting and (seat := self._next_seat()) is not None:
            jobs = [job for job in self._lines.next_batch() if not job.complete]
            if not jobs:
                continue
            self._places.count_batch(seat)
            self._safely(seat, lambda seat, jobs=jobs: seat.give(jobs, self._parts, self._clock.monotonic()))  # type: ignore[misc]

    def _next_seat(self) -> Seat | None:
        """Return the worker that is given the next batch, or None while that is to grow."""
        serving = self._places.serving()
        seat = min(serving, key=lambda seat: (seat.untaken, seat.inside), default=None)
        if seat is None or seat.untaken >= MOST_UNTAKEN:
            return None
        since = min((each.waited_since for each in serving if each.waited_since is not None), default=None)
        is_busy = since is not None and self._clock.monotonic() - since < _SOON_S
        return None if is_busy and self._lines.waiting < FEWEST else seat

    def _safely(self, seat: Seat, send: Callable[[Seat], None]) -> None:
        """Send something to a worker; one that cannot be reached is ended."""
        try:
            send(seat)
        except LiaisonError as error:
            self._end(seat, error)
        else:
            if seat.channel is not None and seat.channel.is_waiting:
                self._awake()

    def _late(self, job: Job) -> None:
        """Refuse a job that no worker answered in its time."""
        self._refuse(job, "no worker answered in time")

    def _refuse(self, job: Job, why: str) -> None:
        job.refuse(Unavailable("{why}", code="no-worker", where="workers", why=why))
        self._finished(job)

    # ------------------------------------------------------------ the thread of the workers

    def _run(self) -> None:
        try:
            while not self._stopping:
                self._upkeep()
                for key, _ in self._selector.select(_SOON_S if self._lines.waiting else _LOOK_S):
                    self._serve(key)
            self._close()
        except BaseException as error:  # noqa: BLE001 - without this thread no worker is heard any more
            self._failed = error
            self._fatal(error)

    def _serve(self, key: selectors.SelectorKey) -> None:
        if key.fileobj == self._woken:
            with suppress(BlockingIOError):
                os.read(self._woken, 4096)
        elif key.fileobj is self._door.socket:
            self._let_in()
        else:
            self._hear(key.data)

    def _upkeep(self) -> None:
        """Start workers that are due, end those that hang, and look again at what waits."""
        now = self._clock.monotonic()
        with self._lock:
            for place in self._places.all:
                if place.seat is None and now >= place.due:
                    place.seat = Seat(self._places.all.index(place), self._spawn(), now)
                elif place.seat is not None:
                    self._look_after(place.seat, now)
            for seat in list(self._places.leaving):
                if not seat.inside and self._places.has_successor:
                    self._places.leaving.remove(seat)
                    self._release(seat)
                elif seat.is_overdue(now):
                    self._end(seat, Unavailable("it does not answer", code="worker-hangs"))
            self._dispatch()
            for seat in self._places.seats:
                if seat.channel is not None:
                    waits = selectors.EVENT_WRITE if seat.channel.is_waiting else 0
                    self._selector.modify(seat.channel, selectors.EVENT_READ | waits, seat)

    def _look_after(self, seat: Seat, now: float) -> None:
        starts = seat.standing is Standing.STARTING
        since, most = (seat.since, _START_S) if starts else (seat.heard, SILENT_S)
        if starts and seat.process.poll() is not None:
            self._end(seat, Unavailable("it ended as it started", code="worker-lost"))
        elif now - since > most or seat.is_overdue(now):
            self._end(seat, Unavailable("it does not answer", code="worker-hangs"))

    def _let_in(self) -> None:
        found = self._door.accept()
        if found is None:
            return
        connection, process = found
        with self._lock:
            seat = next((each for each in self._places.seats if each.process.pid == process), None)
            if seat is not None and seat.channel is None:
                seat.channel = Channel(connection, MOST_FROM_WORKER, MOST_TO_WORKER)
                self._selector.register(seat.channel, selectors.EVENT_READ, seat)
                self._safely(seat, lambda seat: seat.begin(self._start_of(seat.epoch), self._parts))
                return
        connection.close()
        if seat is not None:
            self._end(seat, Malformed("a second connection", code="bad-frame", where="worker"))
            return
        self._note("worker-stranger", "a process that is no worker of ours connected to the socket of the workers")

    def _hear(self, seat: Seat) -> None:
        if seat.channel is None:
            return
        try:
            seat.channel.flush()
            frames = seat.channel.receive()
            for data in frames:
                self._take(seat, from_worker(data), len(data))
        except LiaisonError as error:
            self._end(seat, error)
        with self._lock:
            self._dispatch()

    def _take(self, seat: Seat, frame: FromWorker, size: int) -> None:
        """Take a frame of a worker. Raises `LiaisonError` for one that ours would not send."""
        seat.hear(frame, self._clock.monotonic())
        match frame:
            case Done():
                for result in frame.results:
                    self._take_result(seat, result, size)
            case Taken():
                with self._lock:
                    seat.taken(frame.batch)
            case State():
                seat.note_states(frame.sources, seat.heard)
            case Ready():
                self._is_ready(seat, frame.policy)

    def _take_result(self, seat: Seat, result: Result, size: int) -> None:
        """Hand a result on to the stage, which checks it (`draw`): it works on whole batches."""
        with self._lock:
            job = seat.take_back(result.batch, result.place)
        if job.finish():  # else it was too late, and is refused
            job.checked = partial(self._is_good, seat, result, job, size)
            self._finished(job)

    def _is_good(self, seat: Seat, result: Result, job: Job, size: int) -> bool:
        """Take a result into its job; False where it is none of ours: then the job is given to another worker."""
        job.checked = None
        try:
            check_result(result, job, self._parts.member, self._clock.now_us(), size, self._types_for(job))
        except LiaisonError as error:
            self._deadlines.watch([job])
            with self._lock:
                self._again([job])
            self._end(seat, error)
            return False
        if result.turned is not None:
            job.refuse(result.turned.error())
        job.drawn = result.drawn
        return True

    def _is_ready(self, seat: Seat, policy: bytes) -> None:
        with self._changed:
            seat.is_ready_for(policy)
            if seat.standing is Standing.STARTING:
                seat.standing, seat.since = Standing.SERVING, seat.heard
            self._dispatch()
            self._changed.notify_all()

    # ------------------------------------------------------------ ends

    def _end(self, seat: Seat, error: LiaisonError) -> None:
        """End a worker that is lost or not to be believed; give its requests to others."""
        with self._changed:
            if seat.standing is Standing.ENDED:
                return
            self._release(seat)
            self._places.vacate(seat, self._clock.monotonic())
            self._again(list(seat.lost()))
            self._changed.notify_all()
        if not self._stopping:
            self._note(error.code, f"worker {seat.number + 1} was ended: {error.message}")
        self._awake()

    def _release(self, seat: Seat) -> None:
        """End the process of a worker, whose connection is closed."""
        seat.standing = Standing.ENDED
        if seat.channel is not None:
            with suppress(KeyError, ValueError):
                self._selector.unregister(seat.channel)
            seat.channel.close()
            seat.channel = None
        seat.process.kill()
        seat.process.wait()

    def _again(self, jobs: Sequence[Job]) -> None:
        """Let jobs of a lost worker stand in line again; one that was given to `TRIES` workers is refused."""
        for job in jobs:
            job.tries += 1
            if job.tries < TRIES:
                self._lines.add(job)
            elif job.finish():
                self._refuse(job, "the workers that had it ended")

    def _awake(self) -> None:
        with suppress(OSError):  # full: it is awake; closed: it has ended
            os.write(self._wake, b"\0")

    def _close(self) -> None:
        with self._lock:
            for seat in self._places.seats:
                self._release(seat)
        self._door.close()
        self._selector.close()
        for descriptor in (self._woken, self._wake):
            os.close(descriptor)
