"""A counterpart asks us: from the bytes that came in to the answer that leaves, in numbered steps.

In the stage *in* (`Answerer.admit`), for each request of a batch:

0. on the loop: the member is within its rate, and not too much of it is inside (`Answerer.submit`);
1. the peer is an active member, by the certificate that TLS saw, and our own time is to be trusted;
2. the bytes have a size and a form that we accept;
3. the signature holds, the signer is the TLS peer, and we are the audience;
4. the request is fresh, its office is its sender's, each value of its query has its form (`records.identifiers.
   query_forms`), and it was not answered before (the same bytes again get the stored answer);
5. an agreement covers it, nothing that it needs is suspended, and the counterpart acknowledges what it got;
6. policy allows the question, and today's quota is not used up.

In the wall of each source (`gather.Gatherer`):

7. the source is asked inside the time budget;
8. candidates are matched and scored;
9. policy decides on each record and each field.

In the stage *out* (`Answerer.conclude`):

10. records are signed, and the answer is drawn (`draft.draw_all`);
11. the answer is signed, and one entry for it is durable and under a signed checkpoint;
12. the answer leaves, with its proof, when its sender may still have it (`gather.SecondLook`).

The policy that is in force in step 1 decides on all of a question, to the end.

`no hit` and a hit that policy suppresses take the same path and make the same answer.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from gateway.clock import Clock, check_time
from gateway.config.suspensions import Switch
from gateway.errors import LiaisonError, Reason, Replayed, Stale, StorageAway, Suspended, Unavailable
from gateway.exchange.answering.admission import Admission, AdmissionLimits, Faults
from gateway.exchange.answering.draft import Drafted, draft_answer, draft_kept_back, draft_loser, draw_all, expiry_us
from gateway.exchange.answering.gather import Gatherer
from gateway.exchange.answering.inbound import FrameRefusal, Inbound, Release, Reply, ReplySink
from gateway.exchange.answering.job import Job
from gateway.exchange.answering.repeated_subjects import Subjects
from gateway.exchange.incidents import Incidents
from gateway.exchange.parts import Parts
from gateway.exchange.stages import Stage, Turn, as_error, reraise_fatal
from gateway.model.exchange import AnswerMessage
from gateway.ports.journal import Logged, StoredAnswer
from gateway.ports.quotas import QuotaPlace
from gateway.statements.envelope import sealed_together
from gateway.statements.fields import SKEW_US
from gateway.statements.kind import accept, check_senders
from gateway.statements.request import REQUEST_VERSIONS, check_question
from gateway.telemetry import Span, SpanRecord, Trace
from policy.engine.engine import PolicyEngine


class Answerer:
    """Answers counterparts. `submit` takes a request from the transport; the reply goes to the request's sink."""

    def __init__(
        self,
        parts: Parts,
        gatherer: Gatherer,
        release: Release,
        fatal: Callable[[BaseException], None],
        limits: AdmissionLimits,
        source_timeout_s: float,
        turn: Turn,
        owes: Callable[[str, str, float], None],
        incidents: Incidents,
        processes: Callable[[], int],
    ) -> None:
        """Take the parts: `owes` refuses a counterpart whose receipts are overdue; `incidents` collects alarms.

        `processes` returns how many processes of this node share the limits of a member.
        """
        self._parts = parts
        self._owes = owes
        self._incidents = incidents
        self._subjects = Subjects()
        self._gatherer = gatherer
        self._second_look = gatherer.second_look
        self._steps = Steps(parts)
        self._release = release
        self._admission = Admission(limits, parts.clock, processes)
        self._faults = Faults(parts.clock, processes)
        self._source_timeout_s = source_timeout_s
        self._stage = Stage[Inbound | Job]("exchange", self._work, fatal, turn, lambda: self.inside)
        self._deadlines = Deadlines(parts.clock, self._stage.put)
        self._idle = threading.Condition()

    def limit(self, limits: AdmissionLimits, source_timeout_s: float) -> None:
        """Take other limits for what comes from now on."""
        self._admission.limit(limits)
        self._source_timeout_s = source_timeout_s

    def start(self) -> None:
        """Start the timekeeper and the stage."""
        self._deadlines.start()
        self._stage.start()

    def stop(self, timeout: float) -> None:
        """Answer what was taken, `timeout` seconds at most, then end the stages."""
        with self._idle:
            self._idle.wait_for(lambda: self._admission.inside == 0, timeout)
        self._stage.stop(timeout)
        self._deadlines.stop()

    @property
    def inside(self) -> int:
        """The number of requests that are being served."""
        return self._admission.inside

    def submit(self, inbound: Inbound) -> None:
        """Take a request. Raises `Overloaded` beyond a limit of its member: then nothing of it is read or kept."""
        self._admission.enter(inbound.line)
        self._stage.put(inbound)

    def _work(self, batch: list[Inbound | Job]) -> None:
        """Conclude the jobs that sources have finished, then admit new requests: one thread runs both stages."""
        if done := [item for item in batch if isinstance(item, Job)]:
            try:
                draw_all(self._parts, [job for job in done if job.stored is None and job.request is not None])  # 10
                self.conclude(done)
            except (Unavailable, StorageAway) as error:
                self._cannot_keep(done, error)
        if new := [item for item in batch if isinstance(item, Inbound)]:
            self.admit(new)

    def _cannot_keep(self, jobs: Sequence[Job], error: Unavailable | StorageAway) -> None:
        """Refuse what cannot be kept or signed now, without an entry (nothing was signed)."""
        refusal = FrameRefusal.of(error)
        self._send([(job, refusal) for job in jobs])
        self._leave(jobs)

    # ------------------------------------------------------------ stage in

    def admit(self, batch: list[Inbound]) -> None:
        """Take a batch through steps 1 to 6, then put the requests that remain before the sources."""
        policy, switches = self._parts.policy(), self._parts.suspensions.in_force
        jobs = [self._identify(inbound, policy, switches) for inbound in batch]
        self._steps.join(jobs)
        self._check_time(jobs)
        self._verify([job for job in jobs if job.refusal is None])
        jobs = self._limit_faults(jobs)
        try:
            self._decide_all([job for job in jobs if job.refusal is None], policy)
        except (Unavailable, StorageAway) as error:
            self._cannot_keep(jobs, error)
            return
        served = [job for job in jobs if job.refusal is None and job.stored is None]
        self._stage.put_all(job for job in jobs if job.refusal is not None or job.stored is not None)
        if served:
            self._deadlines.watch(served)
            self._gatherer.ask_all(served, self._stage.put)

    def _decide_all(self, verified: list[Job], policy: PolicyEngine) -> None:
        """Recognise repeated requests, decide on all questions, and charge the quotas (the rest of 4, 5 and 6).

        Raises `Unavailable` where nothing can be kept, or where our own key was removed, so that nothing is signed.
        """
        self._parts.check_key()
        self._recognise(verified)
        now_us = self._parts.clock.now_us()
        for job in verified:
            self._steps.deciding(job)
            self._decide(job, now_us)
            self._steps.decided(job)
        self._charge([job for job in verified if job.refusal is None and job.stored is None], policy)

    def _identify(self, inbound: Inbound, policy: PolicyEngine, switches: Mapping[str, Switch]) -> Job:
        parts = self._parts
        view = parts.trust()
        now = parts.clock.monotonic()
        job = Job(inbound, now, min(inbound.deadline, now + self._source_timeout_s))
        job.come_in_under(view, policy, switches)
        try:
            job.peer = view.peer(inbound.certificate).member  # 1
            job.opened = REQUEST_VERSIONS.open(inbound.envelope)  # 2
        except Exception as error:  # noqa: BLE001 - whatever goes wrong in a verification is a refusal
            job.refuse(as_error(error))
        return job

    def _check_time(self, jobs: Sequence[Job]) -> None:
        """Refuse all jobs while our own clock is not to be trusted (the rest of 1)."""
        try:
            check_time(self._parts.clock)
        except Stale as error:
            for job in jobs:
                job.refuse(error)

    def _verify(self, jobs: Sequence[Job]) -> None:
        """Verify signature, sender and audience (3), then freshness, forms and office (the first half of 4)."""
        parts = self._parts
        view, now_us = parts.trust(), parts.clock.now_us()
        opened = [(job, job.opened) for job in jobs if job.opened is not None]
        outcomes = check_senders([(it, job.peer) for job, it in opened], keys=view, me=parts.member, now_us=now_us)
        for (job, _), outcome in zip(opened, outcomes, strict=True):
            if isinstance(outcome, LiaisonError):
                job.refuse(outcome)
                continue
            job.is_proved = True
            try:
                job.request = accept(outcome, now_us)
                parts.signed_time(job.request.value.sender, job.request.value.issued_us)
                job.urgent = job.request.value.purpose in parts.urgent
                check_question(job.request.value, view.descriptor(job.peer), now_us)
            except Exception as error:  # noqa: BLE001 - whatever goes wrong in a verification is a refusal
                job.refuse(as_error(error))

    def _limit_faults(self, jobs: list[Job]) -> list[Job]:
        """Return the jobs that get an entry; of those whose sender is not proved, as many as have a turn."""
        away: list[tuple[Job, Reply]] = []
        for job in jobs:
            if job.is_proved:
                continue
            job.is_kept = self._faults.is_whole(job.peer)
            if not isinstance(job.why, Stale) and not self._faults.has_entry(job.peer):
                away.append((job, FrameRefusal(Reason.RESOURCE_EXHAUSTED, "fault-limit")))
                self._incidents.note(job.peer, "fault-limit")
        if not away:
            return jobs
        self._send(away)
        self._leave([job for job, _ in away])
        left = {id(job) for job, _ in away}
        return [job for job in jobs if id(job) not in left]

    def _recognise(self, jobs: Sequence[Job]) -> None:
        """Find the stored answer of requests that come again; refuse other bytes under the same id (the rest of 4)."""
        for job in jobs if self._parts.begun_us else ():
            if job.verified.value.issued_us < self._parts.begun_us + SKEW_US:
                # The answer may be among the entries that are lost, and each exchange has one answer only.
                job.refuse(Stale("our log lost entries of the time of this request", code="not-fresh"))
        jobs = [job for job in jobs if job.refusal is None]
        known = self._parts.journal.stored_answers([job.claim for job in jobs]) if jobs else {}
        for job in jobs:
            stored = known.get(job.claim)
            if stored is None and self._parts.is_forgotten(expiry_us(job.verified.value)):
                job.refuse(Stale("the claims of that time are forgotten", code="not-fresh", where="expires_time"))
            elif stored is not None and stored.request_hash == job.verified.payload_hash and stored.answer:
                job.stored = stored
            elif stored is not None:
                job.refuse(self._replayed(job))

    def _replayed(self, job: Job) -> Replayed:
        """Return the refusal of other bytes under an answered id, and note it for a human: a fault or an attack."""
        error = Replayed("this exchange id was used with another request", where="exchange_id")
        detail = "another request under the id of an exchange that was answered"
        self._incidents.note(job.peer, error.code, detail, job.verified.value.exchange_id)
        return error

    def _decide(self, job: Job, now_us: int) -> None:
        """Apply suspensions, due receipts, agreement and policy to the question (5 and 6)."""
        parts = self._parts
        try:
            parts.trust().freshness(job.peer, now_us)
            purpose = job.verified.value.purpose.value
            if (reason := parts.suspensions.suspends(peer=job.peer, purpose=purpose)) is not None:
                raise Suspended("exchange with `{peer}` is suspended: {reason}", peer=job.peer, reason=reason)
            if job.stored is None:
                self._owes(job.peer, purpose, job.begun)
            if job.refusal is None:
                job.decided_us = now_us
                job.decision = job.policy.may_answer(job.ask(parts.member), now_us)
                if not job.decision.allow:
                    job.refuse_by_policy(job.decision)
                elif job.stored is None:
                    self._note_purpose(job, now_us)
            if job.stored is not None and self._second_look.switched_off(job):
                raise Suspended("a source of the stored answer is suspended")
        except Exception as error:  # noqa: BLE001 - an error in a decision denies
            job.refuse(as_error(error))

    def _note_purpose(self, job: Job, now_us: int) -> None:
        """Tell a human when one subject was asked for under several purposes; the answer stays as it is."""
        request = job.verified.value
        if purposes := self._subjects.note(job.peer, request.query, request.purpose, now_us):
            detail = f"one subject was asked for as {', '.join(purposes)}"
            self._incidents.note(job.peer, "several-purposes", detail, request.exchange_id)

    def _charge(self, jobs: Sequence[Job], policy: PolicyEngine) -> None:
        """Charge today's quota for the questions that policy allows; a refusal by policy is not charged."""
        places = [QuotaPlace("in", job.peer, job.verified.value.purpose.value) for job in jobs]
        refusals = self._parts.over_quota(policy.quotas, places)
        for job, refusal in zip(jobs, refusals, strict=True):
            if refusal is not None:
                job.refuse(refusal)

    # ------------------------------------------------------------ stage out

    def conclude(self, batch: Sequence[Job]) -> None:
        """Take a batch through steps 11 and 12: one transaction, one signed head, one wake-up of the loop."""
        drafted = self._sealed([self._written(item) for item in [self._draft(job) for job in batch]])
        self._steps.mark(drafted)
        logged = self._parts.journal.append([item.entry for item in drafted])  # 11
        for item, place in zip(drafted, logged, strict=True):
            item.reply = self._reply(item, place)
        self._keep_back(drafted, logged)
        self._note_losers([(item, place) for item, place in zip(drafted, logged, strict=True) if _lost(place)])
        self._send([(item.job, item.reply) for item in drafted])  # 12
        self._leave(batch)
        self._steps.told(batch)

    def _draft(self, job: Job) -> Drafted:
        try:
            return draft_answer(self._parts, job)
        except Exception as error:  # noqa: BLE001 - one bad record must not cost the batch
            return self._refused(job, error)

    def _written(self, item: Drafted) -> Drafted:
        try:
            item.write()
        except Exception as error:  # noqa: BLE001 - one answer that cannot be said must not cost the batch
            item = self._refused(item.job, error)
            item.write()
        return item

    def _sealed(self, drafted: list[Drafted]) -> list[Drafted]:
        """Return the answers of a batch, signed; one that cannot be signed becomes a refusal."""
        key = self._parts.key
        places = [place for place, item in enumerate(drafted) if item.payload]
        outcomes = sealed_together(
            [(drafted[place].kind.payload_type, drafted[place].payload) for place in places], key
        )
        for place, outcome in zip(places, outcomes, strict=True):
            if isinstance(outcome, Exception):  # a key that fails once must not cost the batch
                drafted[place] = self._refused(drafted[place].job, outcome)
                drafted[place].write()
                outcome = drafted[place].kind.seal(drafted[place].payload, key)
            drafted[place].seal(outcome)
        return drafted

    def _refused(self, job: Job, error: Exception) -> Drafted:
        reraise_fatal(error)
        job.refuse(as_error(error))
        return draft_answer(self._parts, job)

    def _note_losers(self, losers: list[tuple[Drafted, Logged | StoredAnswer]]) -> None:
        """Write an entry for each request that came while another one of its exchange was being served."""
        if losers:
            self._parts.journal.append([draft_loser(item.job, place) for item, place in losers])

    def _reply(self, item: Drafted, place: Logged | StoredAnswer) -> Reply:
        if isinstance(place, Logged):
            if item.job.stored is not None and item.job.refusal is None:
                stored = item.job.stored
                return AnswerMessage(stored.answer, stored.entry, self._parts.journal.proof(stored.index))
            if not item.envelope:
                return item.reply
            return AnswerMessage(item.envelope, place.entry, place.proof)
        if place.request_hash != item.job.verified.payload_hash:
            return FrameRefusal.of(self._replayed(item.job))
        return AnswerMessage(place.answer, place.entry, self._parts.journal.proof(place.index))

    def _keep_back(self, drafted: Sequence[Drafted], logged: Sequence[Logged | StoredAnswer]) -> None:
        """Turn each answer that its sender may not have any more into a bare refusal, once an entry says so."""
        kept = []
        for item, place in zip(drafted, logged, strict=True):
            if isinstance(item.reply, AnswerMessage) and (error := self._removed(item.job)) is not None:
                item.reply = FrameRefusal.of(error)
                kept.append(draft_kept_back(item, error, place.index))
        if kept:
            self._parts.operations.append(kept)

    def _removed(self, job: Job) -> LiaisonError | None:
        """Return why the sender may not have its answer any more; a refusal goes to everybody who is not removed."""
        look = self._second_look.check if job.refusal is None else self._second_look.check_sender
        try:
            look(job)
        except Exception as error:  # noqa: BLE001 - an error in a check keeps the answer back
            return as_error(error)
        return None

    def _send(self, replies: list[tuple[Job, Reply]]) -> None:
        by_sink: dict[int, tuple[ReplySink, list[tuple[int, Reply]]]] = {}
        for job, reply in replies:
            inbound = job.inbound
            by_sink.setdefault(id(inbound.sink), (inbound.sink, []))[1].append((inbound.id, reply))
        self._release([(sink, sink.pack(items), len(items)) for sink, items in by_sink.values()])

    def _leave(self, jobs: Iterable[Job]) -> None:
        self._admission.leave([job.line for job in jobs])
        if self._admission.inside == 0:
            with self._idle:
                self._idle.notify_all()


def _lost(place: Logged | StoredAnswer) -> bool:
    return isinstance(place, StoredAnswer)


# ------------------------------------------------------------ deadlines


_Ticket = Sequence[Job]
"""The list of `Job.ticket`: empty once the job is finished."""


class Deadlines:
    """One thread that wakes at the next deadline. A batch is watched as one, by its earliest deadline."""

    def __init__(self, clock: Clock, expired: Callable[[Job], None]) -> None:
        self._clock = clock
        self._expired = expired
        self._heap: list[tuple[float, int, Sequence[_Ticket]]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._open = True
        self._thread = threading.Thread(target=self._run, name="deadlines", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        with self._changed:
            self._open = False
            self._changed.notify()

    def watch(self, jobs: Sequence[Job]) -> None:
        """Pass on each job that is not complete at its deadline. Call it before another thread has the jobs."""
        self._watch(min(job.deadline for job in jobs), [job.ticket() for job in jobs])

    def _watch(self, deadline: float, tickets: Sequence[_Ticket]) -> None:
        with self._changed:
            first = not self._heap or deadline < self._heap[0][0]
            heapq.heappush(self._heap, (deadline, next(self._numbers), tickets))
            if first:
                self._changed.notify()

    def _run(self) -> None:
        while (due := self._next()) is not None:
            now = self._clock.monotonic()
            waiting: list[tuple[float, _Ticket]] = []
            for job, ticket in [(job, each) for each in due for job in tuple(each)]:
                if job.deadline > now:
                    waiting.append((job.deadline, ticket))
                elif job.finish():
                    self._expired(job)
            if waiting:
                self._watch(min(deadline for deadline, _ in waiting), [ticket for _, ticket in waiting])

    def _next(self) -> Sequence[_Ticket] | None:
        with self._changed:
            while self._open:
                if not self._heap:
                    self._changed.wait()
                    continue
                remaining = self._heap[0][0] - self._clock.monotonic()
                if remaining <= 0:
                    return heapq.heappop(self._heap)[2]
                self._changed.wait(remaining)
            return None


# ------------------------------------------------------------ spans
# Nothing is measured here while nothing reads it. That the entry is durable is the journal's own step.


class Steps:
    """Places requests in the traces of their senders, and records their spans once the answers have left."""

    def __init__(self, parts: Parts) -> None:
        self._recorder = parts.recorder

    def join(self, jobs: Iterable[Job]) -> None:
        """Give each request its place in the trace of its sender, or in one of our own where it is recorded."""
        for job in jobs:
            job.trace = self._recorder.join(job.inbound.traceparent, job.peer)

    def deciding(self, job: Job) -> None:
        """Note that policy begins to decide on a request."""
        if job.trace is not None and job.trace.is_sampled:
            job.decided = (self._recorder.monotonic(), 0.0)

    def decided(self, job: Job) -> None:
        """Note that policy has decided on a request."""
        if job.decided[0]:
            job.decided = (job.decided[0], self._recorder.monotonic())

    def mark(self, drafted: Sequence[Drafted]) -> None:
        """Note in the draft of each entry the step that it is about."""
        for item in drafted:
            if item.job.trace is not None:
                item.entry.trace = item.job.trace.header

    def told(self, batch: Sequence[Job]) -> None:
        """Record the spans of requests whose answers have left."""
        if self._recorder.is_on:
            for job in batch:
                for span in self._spans(job):
                    self._recorder.record(span)

    def _spans(self, job: Job) -> Iterator[SpanRecord]:
        make, trace = self._recorder.span, job.trace
        told: dict[str, str | int] = {"peer": job.peer, "outcome": job.outcome.value}
        if job.request is not None:
            told["exchange_id"] = job.request.value.exchange_id
        if job.refusal is not None:
            told["code"] = job.refusal.code
        yield make(Span.ANSWER, trace, job.begun, self._recorder.monotonic(), told)
        if trace is not None and job.decided[1]:
            yield make(Span.POLICY, trace.child(), *job.decided, {})
        if job.drawn is not None:
            for note, times in zip(job.drawn.sources, job.drawn.times, strict=True):
                if times[0]:
                    yield make(Span.SOURCE, _below(trace), *times, {"source": note["id"], "state": note["state"]})


def _below(trace: Trace | None) -> Trace | None:
    """Return a place below one that is recorded."""
    return trace.child() if trace is not None and trace.is_sampled else None
