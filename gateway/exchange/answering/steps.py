"""The steps of answering a counterpart as spans: the answer, the policy on its question, and each source.

Nothing is measured here while nothing reads it. That the entry is durable is the journal's own step.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from gateway.exchange.answering.draft import Drafted
from gateway.exchange.answering.job import Job
from gateway.exchange.parts import Parts
from gateway.telemetry import Span, SpanRecord, Trace


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
