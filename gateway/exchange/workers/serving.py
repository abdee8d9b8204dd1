"""What a worker does: it takes batches, works on them as a front without workers does, and sends what it drew.

It believes the front, which has checked every request. It holds no log, no database and no key of statements.
"""

from __future__ import annotations

import os
import selectors
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

import msgspec

from gateway.clock import Clock
from gateway.config.suspensions import Switch, Switches
from gateway.courtesy import COURTESY
from gateway.errors import LiaisonError
from gateway.exchange.answering.inbound import Inbound, Reply
from gateway.exchange.answering.job import Job
from gateway.exchange.answering.port import InProcess
from gateway.exchange.stages import Stage, Turn
from gateway.exchange.workers.channel import Channel
from gateway.exchange.workers.frames import (
    MAX_BATCH,
    MOST_RESULTS,
    Batch,
    Done,
    FromWorker,
    Given,
    Policy,
    Ready,
    Result,
    State,
    SwitchedOff,
    Taken,
    ToWorker,
    Trust,
    Turned,
    packed,
    to_worker,
)
from gateway.exchange.workers.knowledge import engine_of, put_switches, view_of
from gateway.exchange.workers.seat import MOST_POLICIES
from gateway.model.exchange import Verified
from gateway.model.names import MemberId
from gateway.statements.request import REQUEST_VERSIONS
from gateway.trust.view import TrustView
from policy.engine.engine import PolicyEngine

STATE_S = 1.0
_AHEAD_S = 2.0
"""Seconds for which a policy works ahead before it decides (decision 0029)."""


class _Item(msgspec.Struct, frozen=True):
    """A batch, or a job that comes back from its sources. All stand in one line: the front served members in turn.

    `view` and `switches` are those that the front had told before the batch.
    """

    batch: Batch | None = None
    job: Job | None = None
    view: TrustView | None = None
    switches: Mapping[str, Switch] | None = None
    rank: int = 2
    line: str = ""


class _Nowhere:
    """The way back of a request in a worker: its result goes to the front."""

    def pack(self, _replies: Sequence[tuple[int, Reply]]) -> list[bytes]:
        """Pack nothing."""
        return []

    def deliver(self, messages: list[bytes], count: int) -> None:
        """Deliver nothing."""


_NOWHERE = _Nowhere()


class Known:
    """What the front has told: trust, switches, and the policies that are ready or about to be."""

    def __init__(self, member: MemberId, clock: Clock) -> None:
        self.view = TrustView(None, {}, {}, clock)
        self.switches = Switches()
        self.policies: dict[bytes, PolicyEngine] = {}
        self.member = member
        self._clock = clock
        self._newest: PolicyEngine | None = None

    def trust(self) -> TrustView:
        """Return the view in force."""
        return self.view

    def take(self, frame: Trust | SwitchedOff) -> None:
        """Take newer documents or switches. Raises `LiaisonError` where these are not what the front has."""
        if isinstance(frame, Trust):
            self.view = view_of(frame, self._clock)
        else:
            put_switches(frame, self.switches)

    def make_ready(self, frame: Policy) -> PolicyEngine:
        """Return the policy of a frame, its first decisions worked out ahead."""
        engine, until = engine_of(frame, self.member), self._clock.monotonic() + _AHEAD_S
        engine.make_ready(self._newest, self._clock.now_us(), lambda: self._clock.monotonic() < until)
        return engine

    def put(self, engine: PolicyEngine) -> None:
        """Keep a policy, and of the older ones as many as the front believes to be here."""
        self._newest = self.policies[engine.hash] = engine
        for old in list(self.policies)[:-MOST_POLICIES]:
            del self.policies[old]


class Serving:
    """A worker at work on one connection. `states` returns the state of each source."""

    def __init__(
        self,
        epoch: bytes,
        channel: Channel,
        known: Known,
        work: InProcess,
        clock: Clock,
        turn: Turn,
        states: Callable[[], Mapping[str, str]],
        fatal: Callable[[BaseException], None],
    ) -> None:
        self._epoch = epoch
        self._channel = channel
        self._known = known
        self._work = work
        self._clock = clock
        self._states = states
        self._fatal = fatal
        self._stage: Stage[_Item] = Stage("worker", self._do, fatal, turn)
        self._lock = threading.Lock()
        self._coming: dict[bytes, list[_Item]] = {}
        self._selector = selectors.DefaultSelector()
        self._woken, self._wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def run(self) -> None:
        """Serve until the connection ends. Raises `ConnectionLost` then."""
        self._work.start(lambda job: self._stage.put(_Item(job=job, rank=job.rank)))
        self._stage.start()
        threading.Thread(target=self._tell, name="state", daemon=True).start()
        self._selector.register(self._channel, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)
        while True:
            waits = selectors.EVENT_WRITE if self._channel.is_waiting else 0
            self._selector.modify(self._channel, selectors.EVENT_READ | waits)
            if self._selector.select(STATE_S):
                with suppress(BlockingIOError):
                    os.read(self._woken, 4096)
                self._channel.flush()
                for data in self._channel.receive():
                    self.take(to_worker(data))

    def take(self, frame: ToWorker) -> None:
        """Take a frame of the front. Raises `LiaisonError` where it tells what the front does not have."""
        match frame:
            case Batch():
                self._put(_Item(frame, None, self._known.view, self._known.switches.in_force))
            case Trust() | SwitchedOff():
                self._known.take(frame)
            case Policy():
                with self._lock:
                    self._coming[frame.hash] = []
                threading.Thread(target=self._make_ready, args=(frame,), name="policy", daemon=True).start()

    def _put(self, item: _Item) -> None:
        """Put a batch into the stage, once all its policies are ready."""
        with self._lock:
            for policy in item.batch.policies if item.batch is not None else ():
                if policy in self._coming:
                    self._coming[policy].append(item)
                    return
        self._stage.put(item)

    def _make_ready(self, frame: Policy) -> None:
        try:
            engine = self._known.make_ready(frame)
            with self._lock:
                self._known.put(engine)
                waiting = self._coming.pop(frame.hash)
            self._send(Ready(self._epoch, engine.hash))
            for item in waiting:
                self._put(item)
        except BaseException as error:  # noqa: BLE001 - without its policy a worker decides nothing
            self._fatal(error)

    def _tell(self) -> None:
        """Tell the front each second how the sources are."""
        pause = threading.Event()
        while not pause.wait(STATE_S):
            self._send(State(self._epoch, dict(self._states())))

    def _send(self, frame: FromWorker) -> None:
        self._send_packed(packed(frame))

    def _send_packed(self, frame: bytes) -> None:
        try:
            if not self._channel.send(frame):
                with suppress(BlockingIOError):
                    os.write(self._wake, b"\0")  # the rest leaves when the socket takes more
        except LiaisonError as error:
            self._fatal(error)

    # ------------------------------------------------------------ the stage

    def _do(self, items: list[_Item]) -> None:
        if done := [item.job for item in items if item.job is not None]:
            self._work.draw(done)
            self._answer(done)
            COURTESY.leave([job.line for job in done])
        for item in items:
            if (batch := item.batch) is not None:
                jobs = [self._job(batch, place, given, item) for place, given in enumerate(batch.requests)]
                for job in jobs:
                    COURTESY.enter(job.line)
                self._work.give(jobs)
                self._send(Taken(self._epoch, batch.id))

    def _answer(self, jobs: Sequence[Job]) -> None:
        """Send the results of jobs, in frames that the front takes."""
        frame = packed(Done(self._epoch, [_result(job) for job in jobs]))
        if len(frame) > MOST_RESULTS and len(jobs) > 1:
            half = len(jobs) // 2
            self._answer(jobs[:half])
            self._answer(jobs[half:])
        else:
            self._send_packed(frame)

    def _job(self, batch: Batch, place: int, given: Given, item: _Item) -> Job:
        """Return a request of a batch as a job. One that came in under other documents or switches is looked at again
        before its source searches."""
        certificate, number = batch.certificates[given.certificate], batch.id * MAX_BATCH + place
        peer = MemberId(given.peer)
        job = Job(
            Inbound(certificate, b"", given.deadline, "", _NOWHERE, number, given.peer),
            self._clock.monotonic(),
            given.deadline,
        )
        job.peer, job.version, job.urgent, job.decided_us = peer, given.version, given.urgent, given.decided_us
        if given.is_current:
            job.view, job.switches = item.view, item.switches
        job.policy = self._known.policies[batch.policies[given.policy]]
        request = REQUEST_VERSIONS.at(given.payload_type).parse(given.payload)
        job.request = Verified(request, given.payload_hash, b"", peer, given.key_id)
        return job


def _result(job: Job) -> Result:
    """Return what became of a job; a refusal has its reason for our own log."""
    batch, place = divmod(job.inbound.id, MAX_BATCH)
    if job.refusal is None:
        return Result(batch, place, job.drawn, None)
    if job.why is not None:
        return Result(batch, place, None, Turned.of(job.why))
    return Result(batch, place, None, Turned(job.refusal.reason, job.refusal.code, ""))
