"""What every adapter must keep, as checks that run against a real one: `liaison adapter check` and our tests.

Each check is told what the source holds (`Expectation`) and returns a sentence when the contract is broken, else
nothing. No check writes, and none relies on how the adapter works inside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from adapters.base import MAX_CANDIDATES, Adapter
from gateway.clock import Clock
from gateway.errors import LiaisonError, Malformed, TimedOut, Unknown
from gateway.model.query import (
    ContainerQuery,
    DocumentQuery,
    NationalIdQuery,
    PersonQuery,
    Query,
    VehicleQuery,
)
from gateway.model.values import NameForm
from gateway.records.types import RECORD_TYPES

BUDGET = 3.0
"""Seconds that a call may take."""

HOSTILE = (
    "'; DROP TABLE persons; --",
    '" OR 1=1 --',
    "1; SELECT 1",
    "%",
    "_",
    "a%",
    "A\\",
    "[A-Z]*",
    "/* */",
    "ʼ OR ʼ1ʼ=ʼ1",
    "＇ OR 1=1",
    "A" * 40,
)
"""Texts that mean something to a database or a pattern language, and nothing to a search (threats.md, K1)."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """Queries that the source answers with at least one candidate, and queries that it answers with none."""

    found: Sequence[Query]
    not_found: Sequence[Query]


Check = Callable[[Adapter, Clock, Expectation], Iterator[str]]


def check_description(adapter: Adapter, _clock: Clock, _expectation: Expectation) -> Iterator[str]:
    """The description is complete, stable, and names known record types."""
    described = adapter.describe()
    if not (described.id and described.agency and described.kind and described.queries and described.record_types):
        yield "the description has empty parts"
    if not described.record_types <= RECORD_TYPES.keys():
        yield "the description names unknown record types"
    if described != adapter.describe():
        yield "the description changes between two calls"


def check_health(adapter: Adapter, _clock: Clock, _expectation: Expectation) -> Iterator[str]:
    """A source that can be asked says that nothing is wrong, and its cursor says that nothing has changed."""
    if adapter.health():
        yield f"the source is not well: {adapter.health()}"
    cursor = adapter.changes("").cursor
    if adapter.changes(cursor).changed:
        yield "the source changes while nothing happens"


def check_found(adapter: Adapter, clock: Clock, expectation: Expectation) -> Iterator[str]:
    """What is there is found, within the cap, and each candidate's record can be fetched and fits its type."""
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
    """What is not there is not found."""
    for query in expectation.not_found:
        if adapter.search(query, clock.monotonic() + BUDGET).candidates:
            yield f"a {query.kind} query finds what is not there"


def check_deadlines(adapter: Adapter, clock: Clock, expectation: Expectation) -> Iterator[str]:
    """A deadline that has passed ends every call with `TimedOut`."""
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


def check_hostile(adapter: Adapter, clock: Clock, _expectation: Expectation) -> Iterator[str]:
    """Hostile texts are refused or find nothing; they are never a pattern and never part of a statement."""
    for text in HOSTILE:
        for query in queries_with(text):
            try:
                result = adapter.search(query, clock.monotonic() + BUDGET)
            except LiaisonError:
                continue
            if result.candidates:
                yield f"a hostile text in a {query.kind} query finds something"


def check_unknown_keys(adapter: Adapter, clock: Clock, _expectation: Expectation) -> Iterator[str]:
    """A key or record type that the source does not have is `Unknown`."""
    types = sorted(adapter.describe().record_types)
    for key in ("", "0", "-1", "99999999999999999999999", "1 OR 1=1", "'", "\x00", "ก"):
        for record_type in (types[0], "Nothing"):
            try:
                adapter.fetch(key, record_type, clock.monotonic() + BUDGET)
            except Unknown:
                continue
            yield "an unknown key can be fetched"


def check_junk(adapter: Adapter, clock: Clock, _expectation: Expectation) -> Iterator[str]:
    """A query with nothing to search by is refused as `Malformed`."""
    supported = adapter.describe().queries
    for query in queries_with("- ."):
        if query.kind in supported:
            try:
                adapter.search(query, clock.monotonic() + BUDGET)
            except Malformed:
                continue
            yield f"an empty {query.kind} query is answered"


def queries_with(text: str) -> Iterator[Query]:
    """A query of each kind with `text` in every field of it that is free text; those that the model accepts."""
    makers: tuple[Callable[[], Query], ...] = (
        lambda: PersonQuery((NameForm(text),), nationality=text),
        lambda: DocumentQuery(text, text),
        lambda: NationalIdQuery(text, text),
        lambda: VehicleQuery(text, text, text),
        lambda: ContainerQuery(text),
    )
    for make in makers:
        try:
            yield make()
        except Malformed:
            continue


CHECKS: tuple[Check, ...] = (
    check_description,
    check_health,
    check_found,
    check_not_found,
    check_deadlines,
    check_hostile,
    check_unknown_keys,
    check_junk,
)


def check_adapter(adapter: Adapter, clock: Clock, expectation: Expectation) -> list[str]:
    """Every breach of the contract, as `check: sentence`; empty when the adapter keeps it.

    An error that is no `LiaisonError` is a breach of its own.
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
