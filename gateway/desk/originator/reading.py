"""Read records of ours from their source as they are now, or search for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from gateway.errors import LiaisonError, Unavailable, Unknown
from gateway.exchange.answering.constant_work import search_seen
from gateway.exchange.parts import Parts
from gateway.exchange.sources.batching import FetchCall, Steps
from gateway.exchange.sources.bulkhead import Bulkhead, Task
from gateway.model.hit import SearchResult, SourceRecord
from gateway.model.query import Query
from gateway.model.strictness import Strictness
from gateway.ports.sources import Source

See = Callable[[Source, bool], Source]
"""Returns a source as an asker sees it; with True, decided on anew."""

_BUDGET_S = 10.0


async def read_records(parts: Parts, wall: Bulkhead, wanted: Sequence[tuple[str, str]]) -> list[SourceRecord | None]:
    """Return the records with these keys and types, None for each that is gone.

    Raises `Unavailable` or `TimedOut` where the source cannot be asked now.
    """

    def steps(source: Source) -> Steps[object]:
        found = yield FetchCall(source, wanted)
        return list(found)

    found = await _asked(parts, wall, steps)
    if not isinstance(found, list) or len(found) != len(wanted):
        raise Unavailable("the source gave nothing", code="source-failed", where=wall.description.id)
    return [_record(each, wall) for each in found]


async def search_records(
    parts: Parts, wall: Bulkhead, query: Query, strictness: Strictness, see: See | None = None
) -> SearchResult:
    """Return the candidates of a question; `see` returns what of a source its asker sees (`search_seen`).

    Raises as `read_records` does, and `Malformed` for the question.
    """

    def steps(source: Source) -> Steps[object]:
        found = yield from search_seen(lambda anew: see(source, anew) if see else source, query, strictness)
        return found

    found = await _asked(parts, wall, steps)
    if not isinstance(found, SearchResult):
        raise Unavailable("the source gave nothing", code="source-failed", where=wall.description.id)
    return found


async def _asked(parts: Parts, wall: Bulkhead, steps: Callable[[Source], Steps[object]]) -> object:
    """Return what a source gives, behind its wall. Raises its error."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[object] = loop.create_future()

    def settle(result: object, error: LiaisonError | None) -> None:
        if not future.done():
            future.set_result(error or result)

    def done(result: object, error: LiaisonError | None) -> None:
        loop.call_soon_threadsafe(settle, result, error)

    wall.submit(Task(steps, done, parts.clock.monotonic() + _BUDGET_S, parts.member, False, 0.0))
    found = await future
    if isinstance(found, LiaisonError):
        raise found
    return found


def _record(found: object, wall: Bulkhead) -> SourceRecord | None:
    if isinstance(found, SourceRecord):
        return found
    if isinstance(found, Unknown):
        return None
    if isinstance(found, LiaisonError):
        raise found
    raise Unavailable("the source gave no record", code="source-failed", where=wall.description.id)
