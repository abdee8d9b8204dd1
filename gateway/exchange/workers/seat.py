"""One worker, as the front sees it: its process, what it was told, and the requests that it was given."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import count

from gateway.config.suspensions import Switch
from gateway.errors import Malformed
from gateway.exchange.answering.job import Job
from gateway.exchange.parts import Parts
from gateway.exchange.workers.channel import Channel
from gateway.exchange.workers.frames import Batch, Done, FromWorker, Given, Start, ToWorker, packed
from gateway.exchange.workers.knowledge import policy_frame, switches_frame, trust_frame
from gateway.throttle import Throttle
from gateway.trust.view import TrustView
from policy.engine.engine import PolicyEngine

MOST_POLICIES = 4
"""Policies that a worker keeps: the one in force, and those before it that still decide on what came in under them."""

STATES_PER_S, STATES_AT_ONCE_S = 2.0, 60.0
"""Signs of life of a worker, which gives one a second; what waited while this process stood still comes at once."""

OVERDUE_S = 10.0
"""Seconds after a deadline at which a worker has answered, however busy the machine is."""


_STATE = re.compile(r"[A-Za-z]{1,64}", re.ASCII)
"""A state is one word: a fault, by the name of its class."""


class Standing(StrEnum):
    """How a worker is."""

    STARTING = "starting"
    SERVING = "serving"
    LEAVING = "leaving"
    ENDED = "ended"


class Seat:
    """A worker. All but `send` and `told` is called under the lock of the pool."""

    def __init__(self, number: int, process: subprocess.Popen[bytes], now: float) -> None:
        self.number = number
        self.process = process
        self.epoch = os.urandom(8)
        self.standing = Standing.STARTING
        self.since = self.heard = now
        self.channel: Channel | None = None
        self.sources: dict[str, str] = {}
        self.policies: list[bytes] = []
        self.ready: set[bytes] = set()
        self._numbers = count()
        self._given: dict[int, dict[int, Job]] = {}
        self._untaken: dict[int, float] = {}
        self._view: TrustView | None = None
        self._switches: Mapping[str, Switch] | None = None
        self._known: frozenset[str] = frozenset()
        self._states = Throttle(STATES_PER_S, STATES_AT_ONCE_S)

    @property
    def untaken(self) -> int:
        """The number of batches that it has not taken up."""
        return len(self._untaken)

    @property
    def waited_since(self) -> float | None:
        """The time when it was given the oldest batch that it has not taken up."""
        return min(self._untaken.values(), default=None)

    @property
    def inside(self) -> int:
        """The number of requests that it works on."""
        return sum(map(len, self._given.values()))

    def served_s(self, now: float) -> float:
        """Return for how long it has served, 0 where it was never ready."""
        return now - self.since if self.ready else 0.0

    def is_overdue(self, now: float) -> bool:
        """Tell whether requests of its oldest batch are unanswered long after their deadlines."""
        oldest = next(iter(self._given.values()), {})
        return bool(oldest) and max(job.deadline for job in oldest.values()) + OVERDUE_S < now

    def send(self, frame: ToWorker) -> None:
        """Send a frame. Raises `ConnectionLost`."""
        if self.channel is not None:
            self.channel.send(packed(frame))

    def begin(self, start: Start, parts: Parts) -> None:
        """Tell a worker that has connected all that it must know. Raises `ConnectionLost`."""
        self._known = frozenset(source.id for source in start.sources)
        self.send(start)
        self.tell(parts)
        self.tell_policy(parts.policy())

    def tell(self, parts: Parts) -> None:
        """Tell trust and switches where they are others than it knows. Raises `ConnectionLost`."""
        if (view := parts.trust()) is not self._view:
            self.send(trust_frame(view))
            self._view = view
        if (switches := parts.suspensions.in_force) is not self._switches:
            self.send(switches_frame(switches))
            self._switches = switches

    def tell_policy(self, policy: PolicyEngine) -> None:
        """Tell a policy that it does not know. Raises `ConnectionLost`."""
        if policy.hash in self.policies:
            return
        self.ready.discard(policy.hash)
        self.send(policy_frame(policy))
        self.policies.append(policy.hash)
        del self.policies[:-MOST_POLICIES]

    def give(self, jobs: Sequence[Job], parts: Parts, now: float) -> None:
        """Give requests to the worker as a batch, after all that it must know of them. Raises `ConnectionLost`."""
        number = next(self._numbers)
        self._given[number] = dict(enumerate(jobs))
        self._untaken[number] = now
        self.tell(parts)
        policies = {job.policy.hash: job.policy for job in jobs}
        for policy in policies.values():
            self.tell_policy(policy)
        certificates = list({job.inbound.certificate for job in jobs})
        places = {certificate: place for place, certificate in enumerate(certificates)}
        of_policy = {policy: place for place, policy in enumerate(policies)}
        given = [
            _given(
                job,
                places[job.inbound.certificate],
                of_policy[job.policy.hash],
                is_current=job.view is self._view and job.switches is self._switches,
            )
            for job in jobs
        ]
        self.send(Batch(self.epoch, number, certificates, list(policies), given))

    def hear(self, frame: FromWorker, now: float) -> None:
        """Note that it said something. Raises `Malformed` for a frame of another life, and for one without content."""
        if frame.epoch != self.epoch:
            raise _foreign("epoch")
        if isinstance(frame, Done) and not frame.results:
            raise _foreign("result")
        self.heard = now

    def is_ready_for(self, policy: bytes) -> None:
        """Note a policy for which it is ready. Raises `Malformed` for one that it was not told, and a second time."""
        if policy not in self.policies or policy in self.ready:
            raise _foreign("policy")
        self.ready.add(policy)

    def note_states(self, sources: Mapping[str, str], now: float) -> None:
        """Note the states of its sources. Raises `Malformed` for sources that it has not, and for a flood of states."""
        if not self._states.admits(now):
            raise Malformed("more signs of life than a worker gives", code="bad-frame", where="worker")
        if not sources.keys() <= self._known or not all(map(_STATE.fullmatch, sources.values())):
            raise _foreign("source")
        self.sources = dict(sources)

    def taken(self, batch: int) -> None:
        """Note that a batch was taken up. Raises `Malformed` for one that was not given, or was taken up before."""
        if self._untaken.pop(batch, None) is None:
            raise _foreign("batch")

    def take_back(self, batch: int, place: int) -> Job:
        """Return the job of a result. Raises `Malformed` where this worker does not work on it."""
        jobs = self._given.get(batch)
        job = jobs.pop(place, None) if jobs is not None else None
        if jobs is None or job is None:
            raise _foreign("request")
        if not jobs:
            del self._given[batch]
        return job

    def lost(self) -> Iterator[Job]:
        """Yield the jobs that the worker has not answered; it has none from then on."""
        given, self._given = self._given, {}
        self._untaken.clear()
        for jobs in given.values():
            yield from jobs.values()


def _given(job: Job, certificate: int, policy: int, *, is_current: bool) -> Given:
    request = job.verified
    assert job.opened is not None
    return Given(
        certificate,
        policy,
        job.peer,
        str(job.opened.unsealed.payload_type),
        job.opened.unsealed.payload,
        request.payload_hash,
        request.key_id,
        job.deadline,
        job.decided_us,
        job.answer_version(),
        job.urgent,
        is_current,
    )


def _foreign(what: str) -> Malformed:
    return Malformed("a {what} that this worker was not given", code="bad-frame", where="worker", what=what)
