"""The second look: what was removed or switched off while its request was inside gets nothing (design, section 3).

A request is looked at again before its source searches, before a record is fetched, and after the commit, before the
answer leaves. While trust and switches are the same, a look costs two comparisons.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.errors import Suspended, Unauthenticated, Unavailable
from gateway.exchange.answering.job import Job
from gateway.exchange.parts import Parts
from gateway.exchange.sources.bulkhead import Bulkhead
from gateway.ports.sources import SourceDescription
from gateway.statements.envelope import check_signer
from gateway.trust.view import TrustView


class SecondLook:
    """Compares trust and switches with what they were when a request came in."""

    def __init__(self, parts: Parts, walls: Sequence[Bulkhead]) -> None:
        self._parts = parts
        self._walls = walls

    def switched_off(self, job: Job) -> frozenset[str]:
        """Return what could give the answer to a verified request and is switched off now: sources, record types."""
        suspensions = self._parts.suspensions
        if not suspensions.in_force:
            return frozenset()
        request = job.verified.value
        kind = request.query.kind
        sources = [wall.description for wall in self._walls if kind in wall.description.queries]
        types = suspensions.suspended_types(job.peer, request.purpose.value)
        found = types.intersection(frozenset[str]().union(*(each.types_found_by(kind) for each in sources)))
        return frozenset({each.id for each in sources if self._is_off(each)} | {f"type:{name}" for name in found})

    def _is_off(self, source: SourceDescription) -> bool:
        return self._parts.suspensions.suspends(agency=source.agency, source=source.id) is not None

    def check(self, job: Job) -> None:
        """Raise the refusal of a request whose sender, or whose source, may not go on being served."""
        if self._parts.trust() is not job.view:
            self.check_sender(job)
        given = job.drawn.copies if job.drawn is not None else ()
        names = (copy.record.partition("/") for copy in given)
        if any(key in self._parts.held_back(job.peer, source) for source, _, key in names):
            raise Unavailable("a record was withdrawn while the request was inside", code="record-unstable")
        switches = self._parts.suspensions.in_force
        if job.request is None or switches is job.switches:
            return
        purpose = job.request.value.purpose.value
        if (reason := self._parts.suspensions.suspends(peer=job.peer, purpose=purpose)) is not None:
            raise Suspended("exchange with `{peer}` is suspended: {reason}", peer=job.peer, reason=reason)
        if self.switched_off(job) - job.off:
            raise Suspended("a source or a record type was suspended while the request was inside")
        job.switches = switches

    def check_sender(self, job: Job) -> None:
        """Raise `Unauthenticated`, `BadSignature` or `Stale` when the sender, or a key of it, was removed meanwhile."""
        view = self._parts.trust()
        if view is not job.view:
            self._identify(job, view)
            job.view = view

    def _identify(self, job: Job, view: TrustView) -> None:
        if view.peer(job.inbound.certificate).member != job.peer:
            raise Unauthenticated("the certificate is another member's now", code="wrong-certificate")
        if job.request is not None:
            now_us = self._parts.clock.now_us()
            check_signer(view, job.request, now_us)
            if job.refusal is None:
                view.freshness(job.peer, now_us)
