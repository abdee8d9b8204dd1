"""The contract of every adapter, as checks that run against a real one: `liaison adapter check` and tests.

Each check gets the content of the source (`Expectation`) and yields a sentence for each breach of the contract. No
check writes, and none relies on how the adapter works inside. An adapter of a third party runs them in its own tests
(docs/guides/adapters.md):

    def test_the_adapter_keeps_the_contract():
        adapter = open_source(Place(MAPPING, "redis://localhost/1", index_dir, SystemClock()))
        assert check_adapter(adapter, SystemClock(), Expectation(found=[...], not_found=[...])) == []
        assert check_closing(adapter, SystemClock(), Expectation(found=[...], not_found=[...])) == []
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from adapters.base import MAX_CANDIDATES, Adapter
from adapters.check.hostile import HOSTILE, STRANGE_KEYS, queries_with
from gateway.clock import Clock
from gateway.errors import LiaisonError, Malformed, TimedOut, Unknown
from gateway.model.hit import SearchResult
from gateway.model.query import Query
from gateway.model.strictness import Strictness
from gateway.ports.sources import BatchSource
from gateway.records.types import RECORD_TYPES

BUDGET = 3.0
"""Seconds that a call may take."""

SLACK = 1.0
"""Seconds beyond its deadline after which a call must have ended."""

_PLAIN = frozenset(("Lu", "Ll", "Lt", "Lo", "Nd"))
_USUAL_KEYS = frozenset(("0", "-1", "'", "ก"))
"""The `STRANGE_KEYS` that a table can have; any other is a breach even if a record carries it."""

_SHORT = 0.02
_THREADS = 4
_ROUNDS = 5
_TOGETHER = 64


@dataclass(frozen=True, slots=True)
class Expectation:
    """Queries that the source answers with at least one candidate, and queries that it answers with none.

    `many`: queries that fit more rows than one answer may hold.
    """

    found: Sequence[Query]
    not_found: Sequence[Query]
    many: Sequence[Query] = ()


Check = Callable[[Adapter, Clock, Expectation], Iterator[str]]


def check_description(adapter: Adapter, _clock: Clock, _expectation: Expectation) -> Iterator[str]:
    """Check that the description is complete, stable, and names known record types."""
    described = adapter.describe()
    if not (described.id and described.agency and described.kind and described.queries and described.record_types):
        yield "the description has empty parts"
    if not described.record_types <= RECORD_TYPES.keys():
        yield "the description names unknown record types"
    if described != adapter.describe():
        yield "the description changes between two calls"


def check_health(adapter: Adapter, _clock: Clock, _expectation: Expectation) -> Iterator[str]:
    """Check that a healthy source reports no problem, and its cursor no change."""
    if adapter.health():
        yield f"the source is not well: {adapter.health()}"
    cursor = adapter.changes("").cursor
    if adapter.changes(cursor).changed:
        yield "the source changes while nothing happens"


def check_found(adapter: Adapter, clock: Clock, expectation: Expectation) -> Iterator[str]:
    """Check that existing records are found, within the cap, and that each can be fetched and fits its type."""
    described = adapter.describe()
    for query in expectation.found:
        result = adapter.search(query, clock.monotonic() + BUDGET)
        if not result.candidates:
            yield f"a {query.kind} query finds nothing"
        if len(result.candidates) > MAX_CANDIDATES:
            yield f"a {query.kind} query gives more than {MAX_CANDIDATES} candidates"
        scores = [candidate.match.score for candidate in result.candidates]
        if scores != sorted(scores, reverse=True):
            yield f"the candidates of a {query.kind} query are not in the order of their scores"
        for candidate in result.candidates:
            record = adapter.fetch(candidate.key, candidate.record_type, clock.monotonic() + BUDGET)
            RECORD_TYPES[record.record_type].encode(record.fields)
            if (record.source, record.key, record.record_type) != (
                described.id,
                candidate.key,
                candidate.record_type,
            ):
                yield "a fetched record is not the one that was asked for"
            if record.marking != candidate.marking or record.category is not candidate.category:
                yield "search and fetch disagree on marking or category"


def check_not_found(adapter: Adapter, clock: Clock, expectation: Expectation) -> Iterator[str]:
    """Check that nothing else is found."""
    for query in expectation.not_found:
        if adapter.search(query, clock.monotonic() + BUDGET).candidates:
            yield f"a {query.kind} query finds what is not there"


def check_deadlines(adapter: Adapter, clock: Clock, expectation: Expectation) -> Iterator[str]:
    """Check that a deadline that has passed ends every call with `TimedOut`."""
    past = clock.monotonic() - 1.0
    calls: list[Callable[[], object]] = [partial(adapter.search, query, past) for query in expectation.found]
    for query in expectation.found:
        found = adapter.search(query, clock.monotonic() + BUDGET).candidates[:1]
        calls += [partial(adapter.fetch, each.key, each.record_type, past) for each in found]
    for call in calls:
        try:
            call()
        except TimedOut:
            continue
        yield "a call goes on after its deadline"


def check_strictness(adapter: Adapter, clock: Clock, expectation: Expectation) -> Iterator[str]:
    """Check that a wider search finds all that a stricter one finds."""
    for query in expectation.found:
        narrower: set[tuple[str, str]] = set()
        for strictness in Strictness:
            result = adapter.search(query, clock.monotonic() + BUDGET, strictness)
            found = {(each.record_type, each.key) for each in result.candidates}
            if not result.capped and not narrower <= found:
                yield f"a {query.kind} query finds less when it is {strictness}"
            narrower = found


def check_short_deadlines(adapter: Adapter, clock: Clock, expectation: Expectation) -> Iterator[str]:
    """Check that a call with hardly any time left answers or ends with `TimedOut`, soon after its deadline."""
    for query in expectation.found:
        begun = clock.monotonic()
        with suppress(TimedOut):
            adapter.search(query, begun + _SHORT)
        if clock.monotonic() > begun + _SHORT + SLACK:
            yield f"a {query.kind} query ends long after its deadline"


def check_cap(adapter: Adapter, clock: Clock, expectation: Expectation) -> Iterator[str]:
    """Check that many hits are capped, and that the result says so (CASE-K2)."""
    for query in expectation.many:
        result = adapter.search(query, clock.monotonic() + BUDGET)
        if len(result.candidates) > MAX_CANDIDATES:
            yield f"a {query.kind} query gives more than {MAX_CANDIDATES} candidates"
        if not result.capped:
            yield f"a {query.kind} query does not say that there are more"


def check_threads(adapter: Adapter, clock: Clock, expectation: Expectation) -> Iterator[str]:
    """Check that several threads that ask at once, while one refreshes, get the answers that one gets alone."""
    queries = list(expectation.found)

    def ask() -> list[tuple[tuple[str, str], ...]]:
        seen = []
        for query in queries:
            found = adapter.search(query, clock.monotonic() + BUDGET).candidates
            for each in found[:2]:
                adapter.fetch(each.key, each.record_type, clock.monotonic() + BUDGET)
            seen.append(tuple((each.record_type, each.key) for each in found))
        return seen

    alone = ask()
    with ThreadPoolExecutor(_THREADS) as pool:
        work = [pool.submit(ask) for _ in range(_THREADS * _ROUNDS)]
        adapter.refresh()
        if any(future.result() != alone for future in work):
            yield "threads that ask at once get other answers"


def check_refresh(adapter: Adapter, clock: Clock, expectation: Expectation) -> Iterator[str]:
    """Check that a refresh without changes says so and changes no answer."""
    before = [adapter.search(query, clock.monotonic() + BUDGET) for query in expectation.found]
    adapter.refresh()
    if adapter.refresh():
        yield "a refresh finds changes while nothing happens"
    after = [adapter.search(query, clock.monotonic() + BUDGET) for query in expectation.found]
    if [(each.candidates, each.capped) for each in before] != [(each.candidates, each.capped) for each in after]:
        yield "a refresh changes answers while nothing happens"
    for old, new in zip(before, after, strict=True):
        if new.as_of_us is not None and not (old.as_of_us or 0) <= new.as_of_us <= clock.now_us():
            yield "it says that it was searched as of a time to come, or that went back"


def check_left_out(adapter: Adapter, _clock: Clock, _expectation: Expectation) -> Iterator[str]:
    """Check that left-out rows are counted by record type and reason, and that the counts then stay."""
    counted = {name: dict(reasons) for name, reasons in adapter.left_out.items()}
    for name, reasons in counted.items():
        if name not in adapter.describe().record_types:
            yield "rows of an unknown record type are left out"
        if not all(reason and type(number) is int and number > 0 for reason, number in reasons.items()):
            yield "rows are left out without a reason or a number"
    if counted != {name: dict(reasons) for name, reasons in adapter.left_out.items()}:
        yield "what is left out changes between two looks"


def check_closing(adapter: Adapter, clock: Clock, expectation: Expectation) -> list[str]:
    """Return breaches when the adapter is closed; not part of `CHECKS`, since nothing can be asked afterwards.

    It can be closed twice; a call that comes too late ends with a `LiaisonError` or is answered, and never hangs.
    """
    breaches = []
    try:
        adapter.close()
        adapter.close()
    except Exception as error:  # noqa: BLE001 - the contract says that none may come out
        return [f"closing: {type(error).__name__} came out"]
    for query in expectation.found:
        begun = clock.monotonic()
        try:
            with suppress(LiaisonError):
                adapter.search(query, begun + BUDGET)
        except Exception as error:  # noqa: BLE001 - as above
            breaches.append(f"closing: {type(error).__name__} came out of a {query.kind} query")
        if clock.monotonic() > begun + BUDGET + SLACK:
            breaches.append(f"closing: a {query.kind} query hangs")
    return breaches


def check_hostile(adapter: Adapter, clock: Clock, _expectation: Expectation) -> Iterator[str]:
    """Check that hostile texts are refused or find nothing: never a pattern, never part of a statement."""
    for text in HOSTILE:
        for query in queries_with(text):
            try:
                result = adapter.search(query, clock.monotonic() + BUDGET)
            except LiaisonError:
                continue
            found = {(each.record_type, each.key) for each in result.candidates}
            if found and not found <= _found_plainly(adapter, clock, text, query.kind):
                yield f"a hostile text in a {query.kind} query finds something"


def _found_plainly(adapter: Adapter, clock: Clock, text: str, kind: str) -> set[tuple[str, str]]:
    """Return the records that the letters and figures of `text` alone find: a person may really be called `Or`."""
    found: set[tuple[str, str]] = set()
    words = "".join(mark if unicodedata.category(mark) in _PLAIN else " " for mark in text).split()
    for plain in {" ".join(words), "".join(words)}:
        for query in queries_with(plain):
            if query.kind == kind:
                with suppress(LiaisonError):
                    result = adapter.search(query, clock.monotonic() + BUDGET)
                    found |= {(each.record_type, each.key) for each in result.candidates}
    return found


def check_unknown_keys(adapter: Adapter, clock: Clock, _expectation: Expectation) -> Iterator[str]:
    """Check that a key or record type that the source does not have is `Unknown`."""
    types = sorted(adapter.describe().record_types)
    for key in STRANGE_KEYS:
        for record_type in (types[0], "Nothing"):
            try:
                record = adapter.fetch(key, record_type, clock.monotonic() + BUDGET)
            except Unknown:
                continue
            # A row may really have the key 0 or -1.
            if key not in _USUAL_KEYS or (record.key, record.record_type) != (key, record_type):
                yield "an unknown key can be fetched"


def check_together(adapter: Adapter, clock: Clock, expectation: Expectation) -> Iterator[str]:
    """Check that calls in one batch (`gateway.ports.sources.BatchSource`) are answered as each is alone."""
    if not isinstance(adapter, BatchSource):
        return
    queries = [*expectation.found, *expectation.not_found, *expectation.many, *queries_with("- .")]
    asked = [(query, strictness) for query in queries for strictness in (Strictness.USUAL, Strictness.STRICT)]
    wanted = [(key, name) for key in STRANGE_KEYS for name in (*sorted(adapter.describe().record_types), "Nothing")]
    for first in range(0, len(asked), _TOGETHER):
        some = asked[first : first + _TOGETHER]
        results = adapter.search_many(some, clock.monotonic() + BUDGET * len(some))
        alone = [_tried(partial(adapter.search, query, clock.monotonic() + BUDGET, how)) for query, how in some]
        if [_said(result) for result in results] != [_said(result) for result in alone]:
            yield "searches together find other things than one by one"
        found = [each for result in alone if isinstance(result, SearchResult) for each in result.candidates]
        wanted += [(each.key, each.record_type) for each in found]
    for first in range(0, len(wanted), _TOGETHER):
        places = wanted[first : first + _TOGETHER]
        records = adapter.fetch_many(places, clock.monotonic() + BUDGET * len(places))
        single = [_tried(partial(adapter.fetch, key, name, clock.monotonic() + BUDGET)) for key, name in places]
        if [_said(record) for record in records] != [_said(record) for record in single]:
            yield "records that are fetched together are not those that are fetched one by one"


def _tried(call: Callable[[], object]) -> object:
    try:
        return call()
    except LiaisonError as error:
        return error


def _said(result: object) -> object:
    """Return a result in a form that can be compared."""
    return (type(result), result.code) if isinstance(result, LiaisonError) else result


def check_junk(adapter: Adapter, clock: Clock, _expectation: Expectation) -> Iterator[str]:
    """Check that a query without a usable search key is refused as `Malformed`."""
    supported = adapter.describe().queries
    for query in queries_with("- ."):
        if query.kind in supported:
            try:
                adapter.search(query, clock.monotonic() + BUDGET)
            except Malformed:
                continue
            yield f"an empty {query.kind} query is answered"


CHECKS: tuple[Check, ...] = (
    check_description,
    check_health,
    check_found,
    check_not_found,
    check_deadlines,
    check_strictness,
    check_short_deadlines,
    check_cap,
    check_threads,
    check_refresh,
    check_left_out,
    check_hostile,
    check_unknown_keys,
    check_together,
    check_junk,
)


def check_adapter(adapter: Adapter, clock: Clock, expectation: Expectation) -> list[str]:
    """Return every breach of the contract, as `check: sentence`; empty when the adapter keeps it.

    An error that is not a `LiaisonError` is a breach of its own.
    """
    breaches = []
    for check in CHECKS:
        name = check.__name__.removeprefix("check_")
        try:
            breaches += [f"{name}: {breach}" for breach in check(adapter, clock, expectation)]
        except LiaisonError as error:
            breaches.append(f"{name}: refused with {type(error).__name__} ({error.code})")
        except Exception as error:  # noqa: BLE001 - the contract says that none may come out
            breaches.append(f"{name}: {type(error).__name__} came out")
    return breaches
