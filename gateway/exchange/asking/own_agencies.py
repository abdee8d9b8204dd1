"""Our own agencies, which are asked before any counterpart (step 2 of asking)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from adapters.base import MAX_CANDIDATES
from gateway.clock import Clock
from gateway.config.suspensions import Suspensions
from gateway.errors import LiaisonError, Reason
from gateway.exchange.parts import URGENT
from gateway.exchange.sources.batching import SearchCall, Steps
from gateway.exchange.sources.bulkhead import BAD_QUERIES, Bulkhead, Task
from gateway.matching.keys import query_cost
from gateway.matching.one_word import NOT_SEARCHED, asks_for_one_word
from gateway.matching.thresholds import SETS
from gateway.model.exchange import Outcome, Refusal, searched_of
from gateway.model.hit import OWN_AGENCY, Candidate, SearchResult
from gateway.model.names import MemberId
from gateway.model.purpose import Purpose
from gateway.model.query import Query
from gateway.model.search import Line, ShownHit
from gateway.model.strictness import Strictness
from gateway.ports.sources import Occasion, SigningSource, Source
from policy.engine.engine import PolicyEngine


@dataclass(frozen=True, slots=True)
class _Seen:
    """The hits of one source, as our own officer sees them."""

    hits: tuple[ShownHit, ...]
    capped: bool
    missing: tuple[str, ...] = ()
    as_of_us: int = 0


Show = Callable[[Candidate], ShownHit | None]
"""Returns a candidate as our officer sees it; None where they may not."""

_AGENCIES = "agencies"
"""The word for what is missing where no source of ours takes the question, and an alert was found."""


class DeskAlerts(Protocol):
    """The alerts that the desk holds: searched for our own officers only (`gateway.desk.alerts.gate`)."""

    @property
    def is_empty(self) -> bool:
        """Tell whether no alert is in force at all."""

    @property
    def missing(self) -> tuple[str, ...]:
        """Return whose alerts cannot be told now."""

    def within(self, office: str) -> Source:
        """Return the alerts that an officer of an office sees."""

    def shown(self, candidate: Candidate, reference: str, office: str) -> ShownHit | None:
        """Return an alert as an officer of an office sees it; None where it is not for them, or over by now."""


@dataclass(frozen=True, slots=True)
class AlertSource:
    """The desk's alerts, and the wall that they are searched behind."""

    wall: Bulkhead
    alerts: DeskAlerts


class OwnSources:
    """One line for all our own sources. Hits name type and quality; the record is read in the agency's system.

    The alerts of the desk stand first, with their records: what is to be done is seen before anything else.

    Where no source of ours takes the question, or none answers, the line says `NOT_SEARCHED`, and `SUSPENDED` where all
    are switched off; where some do not answer, or are switched off, `PARTIAL`.
    """

    def __init__(
        self,
        member: MemberId,
        walls: Sequence[Bulkhead],
        suspensions: Suspensions,
        clock: Clock,
        make_reference: Callable[[str, str, str, str, str], str],
        urgent: frozenset[Purpose] = URGENT,
        alerts: AlertSource | None = None,
    ) -> None:
        self._member = member
        self._walls = walls
        self._suspensions = suspensions
        self._clock = clock
        self._make_reference = make_reference
        self._urgent = urgent
        self._alerts = alerts

    async def line(
        self, query: Query, occasion: Occasion, policy: PolicyEngine, deadline: float, office: str = ""
    ) -> Line:
        """Return the hits of our own agencies; a source that fails or is late is named as missing.

        So is one word of a name, where the thresholds of the purpose do not search for it. Where the question itself is
        at fault for a source, the line says so with the source's code.
        """
        walls = [wall for wall in self._walls if query.kind in wall.description.queries]
        strictness = policy.strictness(occasion.purpose)
        warned, results = await asyncio.gather(
            self._warned(query, occasion, strictness, deadline, office),
            asyncio.gather(*(self._ask(wall, query, occasion, strictness, deadline) for wall in walls)),
        )
        answered = [result for result in results if isinstance(result, _Seen)]
        hits = (*warned.hits, *(hit for result in answered for hit in result.hits))
        missing = {
            wall.description.kind for wall, result in zip(walls, results, strict=True) if not isinstance(result, _Seen)
        }
        if walls and not SETS[strictness].one_word and asks_for_one_word(query):
            missing.add(NOT_SEARCHED)
        if hits and not walls:
            missing.add(_AGENCIES)
        missing.update(warned.missing)
        off = {wall.description.kind for wall in walls if self._is_off(wall)}
        looks = [
            (wall.description.kind, result.as_of_us)
            for wall, result in zip(walls, results, strict=True)
            if isinstance(result, _Seen)
        ]
        if hits:
            outcome = Outcome.HIT
        elif not answered:
            outcome = Outcome.SUSPENDED if off and missing <= off else Outcome.NOT_SEARCHED
        else:
            outcome = Outcome.PARTIAL if missing else Outcome.NO_HIT
        refusal = None if answered or hits else next((each for each in results if isinstance(each, Refusal)), None)
        return Line(
            self._member,
            outcome,
            hits,
            refusal=Refusal(Reason.SUSPENDED, "suspended") if outcome is Outcome.SUSPENDED else refusal,
            missing=tuple(sorted(missing)),
            suspended=tuple(sorted(off & missing)),
            searched=searched_of(looks),
            capped=any(result.capped for result in (warned, *answered)),
        )

    async def _warned(
        self, query: Query, occasion: Occasion, strictness: Strictness, deadline: float, office: str
    ) -> _Seen:
        """Return the alerts that the question finds; where they do not answer, or an owner is silent, that is told."""
        if self._alerts is None or self._alerts.alerts.is_empty:
            return _Seen((), capped=False)
        wall, alerts = self._alerts.wall, self._alerts.alerts
        show = partial(self._alert, alerts, office)
        seen = await self._ask(wall, query, occasion, strictness, deadline, show, alerts.within(office))
        missing = alerts.missing
        if isinstance(seen, _Seen):
            return replace(seen, missing=missing)
        fault = () if isinstance(seen, Refusal) else (wall.description.kind,)
        return _Seen((), capped=False, missing=(*fault, *missing))

    def _alert(self, alerts: DeskAlerts, office: str, candidate: Candidate) -> ShownHit | None:
        place = (candidate.source, candidate.key, candidate.record_type, self._member, "")
        return alerts.shown(candidate, self._make_reference(*place), office)

    async def _ask(
        self,
        wall: Bulkhead,
        query: Query,
        occasion: Occasion,
        strictness: Strictness,
        deadline: float,
        show: Show | None = None,
        part: Source | None = None,
    ) -> _Seen | Refusal | None:
        """Return the result of a source, why the question does not fit it, or None where it does not answer.

        `part` is what the officer sees of it, if that is not all.
        """
        if self._is_off(wall):
            return None
        loop = asyncio.get_running_loop()
        future: asyncio.Future[_Seen | Refusal | None] = loop.create_future()

        def run(source: Source) -> Steps[_Seen]:
            asked = source.refer(occasion) if wall.signs and isinstance(source, SigningSource) else part or source
            now_us = self._clock.now_us()
            return self._seen((yield SearchCall(asked, query, strictness)), show or self._shown, now_us)

        def done(result: object, error: LiaisonError | None) -> None:
            value = result if error is None and isinstance(result, _Seen) else None
            loop.call_soon_threadsafe(_settle, future, value if error is None else _question_at_fault(error))

        wall.submit(Task(run, done, deadline, self._member, occasion.purpose in self._urgent, query_cost(query)))
        try:
            async with asyncio.timeout(max(0.0, deadline - self._clock.monotonic())):
                return await future
        except TimeoutError:
            return None

    def _is_off(self, wall: Bulkhead) -> bool:
        description = wall.description
        return self._suspensions.suspends(agency=description.agency, source=description.id) is not None

    def _seen(self, result: SearchResult, show: Show, now_us: int) -> _Seen:
        """Return the shown part of a result; it runs in the wall's thread, so a bad result ends its own task only."""
        candidates = result.candidates[:MAX_CANDIDATES]
        capped = result.capped or len(candidates) < len(result.candidates)
        as_of_us = now_us if result.as_of_us is None else result.as_of_us
        return _Seen(tuple(hit for hit in map(show, candidates) if hit is not None), capped, as_of_us=as_of_us)

    def _shown(self, candidate: Candidate) -> ShownHit:
        reference = self._make_reference(candidate.source, candidate.key, candidate.record_type, self._member, "")
        match = candidate.match
        rules = (*match.rules, OWN_AGENCY)
        return ShownHit(reference, match.quality, candidate.record_type, rules, "", None)


def _question_at_fault(error: LiaisonError) -> Refusal | None:
    """Return why a source cannot search by the question; None for a fault of the source."""
    return Refusal(error.reason, error.code) if error.code in BAD_QUERIES else None


def _settle(future: asyncio.Future[_Seen | Refusal | None], value: _Seen | Refusal | None) -> None:
    if not future.done():
        future.set_result(value)
