"""Our own agencies, which are asked before any counterpart (step 2 of asking)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from adapters.base import MAX_CANDIDATES
from gateway.clock import Clock
from gateway.config.suspensions import Suspensions
from gateway.errors import LiaisonError
from gateway.exchange.parts import URGENT
from gateway.exchange.sources.batching import SearchCall, Steps
from gateway.exchange.sources.bulkhead import BAD_QUERIES, Bulkhead, Task
from gateway.matching.keys import query_cost
from gateway.matching.one_word import NOT_SEARCHED, asks_for_one_word
from gateway.matching.thresholds import SETS
from gateway.model.exchange import Outcome, Refusal
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


class OwnSources:
    """One line for all our own sources. Hits name type and quality; the record is read in the agency's system.

    Where no source of ours takes the question, or none answers, the line says `NOT_SEARCHED`.
    """

    def __init__(
        self,
        member: MemberId,
        walls: Sequence[Bulkhead],
        suspensions: Suspensions,
        clock: Clock,
        make_reference: Callable[[str, str, str, str, str], str],
        urgent: frozenset[Purpose] = URGENT,
    ) -> None:
        self._member = member
        self._walls = walls
        self._suspensions = suspensions
        self._clock = clock
        self._make_reference = make_reference
        self._urgent = urgent

    async def line(self, query: Query, occasion: Occasion, policy: PolicyEngine, deadline: float) -> Line:
        """Return the hits of our own agencies; a source that fails or is late is named as missing.

        So is one word of a name, where the thresholds of the purpose do not search for it. Where the question itself is
        at fault for a source, the line says so with the source's code.
        """
        walls = [wall for wall in self._walls if query.kind in wall.description.queries]
        strictness = policy.strictness(occasion.purpose)
        results = await asyncio.gather(*(self._ask(wall, query, occasion, strictness, deadline) for wall in walls))
        answered = [result for result in results if isinstance(result, _Seen)]
        hits = tuple(hit for result in answered for hit in result.hits)
        missing = {
            wall.description.kind for wall, result in zip(walls, results, strict=True) if not isinstance(result, _Seen)
        }
        if walls and not SETS[strictness].one_word and asks_for_one_word(query):
            missing.add(NOT_SEARCHED)
        found = Outcome.HIT if hits else Outcome.NO_HIT
        return Line(
            self._member,
            found if answered else Outcome.NOT_SEARCHED,
            hits,
            refusal=None if answered else next((each for each in results if isinstance(each, Refusal)), None),
            missing=tuple(sorted(missing)),
            capped=any(result.capped for result in answered),
        )

    async def _ask(
        self, wall: Bulkhead, query: Query, occasion: Occasion, strictness: Strictness, deadline: float
    ) -> _Seen | Refusal | None:
        """Return the result of a source, why the question does not fit it, or None where it does not answer."""
        description = wall.description
        if self._suspensions.suspends(agency=description.agency, source=description.id) is not None:
            return None
        loop = asyncio.get_running_loop()
        future: asyncio.Future[_Seen | Refusal | None] = loop.create_future()

        def run(source: Source) -> Steps[_Seen]:
            asked = source.refer(occasion) if wall.signs and isinstance(source, SigningSource) else source
            return self._seen((yield SearchCall(asked, query, strictness)))

        def done(result: object, error: LiaisonError | None) -> None:
            value = result if error is None and isinstance(result, _Seen) else None
            loop.call_soon_threadsafe(_settle, future, value if error is None else _question_at_fault(error))

        wall.submit(Task(run, done, deadline, self._member, occasion.purpose in self._urgent, query_cost(query)))
        try:
            async with asyncio.timeout(max(0.0, deadline - self._clock.monotonic())):
                return await future
        except TimeoutError:
            return None

    def _seen(self, result: SearchResult) -> _Seen:
        """Return the shown part of a result; it runs in the wall's thread, so a bad result ends its own task only."""
        candidates = result.candidates[:MAX_CANDIDATES]
        capped = result.capped or len(candidates) < len(result.candidates)
        return _Seen(tuple(map(self._shown, candidates)), capped)

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
