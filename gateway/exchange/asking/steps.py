"""The steps of a search as spans: the search, our own agencies, and each counterpart until its line is there."""

from __future__ import annotations

from collections.abc import Callable

from gateway.exchange.asking.inquiry import Asked, Inquiry
from gateway.exchange.parts import Parts
from gateway.model.search import Line
from gateway.telemetry import Span


class SearchSteps:
    """Records the spans of searches. Nothing is measured while nothing reads it."""

    def __init__(self, parts: Parts) -> None:
        self._recorder = parts.recorder

    def own(self, inquiry: Inquiry, begun: float, line: Line) -> None:
        """Record that our own agencies have answered."""
        if self._recorder.is_on:
            told = {"outcome": line.outcome.value}
            self._recorder.record(
                self._recorder.span(Span.OWN, inquiry.trace.child(), begun, self._recorder.monotonic(), told)
            )

    def ended(self, inquiry: Inquiry, begun: float) -> None:
        """Record that all lines of a search are there, or that its budget is over."""
        if self._recorder.is_on:
            told = {"search_id": inquiry.search_id}
            self._recorder.record(
                self._recorder.span(Span.SEARCH, inquiry.trace, begun, self._recorder.monotonic(), told)
            )

    def each_line(self, asked: Asked, added: Callable[[Line], None]) -> Callable[[Line], None]:
        """Return `added` for the lines of one counterpart, each of which ends a span that begins now."""
        begun, recorder = self._recorder.monotonic(), self._recorder

        def told(line: Line) -> None:
            if recorder.is_on:
                found: dict[str, str | int] = {
                    "peer": asked.member,
                    "outcome": line.outcome.value,
                    "exchange_id": asked.request.exchange_id,
                }
                if line.refusal is not None:
                    found["code"] = line.refusal.code
                # The late answer of a silent counterpart is a span of its own: that of the silence has ended.
                place = asked.inquiry.trace.child() if line.late else asked.trace
                recorder.record(recorder.span(Span.COUNTERPART, place, begun, self._recorder.monotonic(), found))
            added(line)

        return told
