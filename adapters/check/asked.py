"""Asks one source, without a node and without policy, so that its mapping can be tried (`liaison source ask`)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.base import Adapter
from adapters.check.check import opened
from adapters.check.conformance import BUDGET
from adapters.mapping.file import load_mapping
from adapters.masking import mask
from gateway.clock import Clock
from gateway.errors import LiaisonError, Misconfigured
from gateway.model.hit import Candidate
from gateway.model.query import Query
from gateway.model.strictness import Strictness

_ALL_ROWS = 1 << 62


@dataclass(frozen=True, slots=True)
class Found:
    """One record that a source finds, as its adapter gives it; or `problem`, why it cannot be read."""

    candidate: Candidate
    fields: dict[str, Any]
    problem: str = ""

    def as_value(self, *, show: bool) -> dict[str, Any]:
        """Return the find as a JSON value; values of rows are masked unless `show`."""
        found, match = self.candidate, self.candidate.match
        return {
            "type": found.record_type,
            "key": found.key if show else mask(found.key),
            "quality": match.quality.value,
            "score": round(match.score, 3),
            "rules": list(match.rules),
            "category": found.category.value,
            "level": found.marking.level.value,
            "releasable_to": sorted(found.marking.releasable_to),
            "fields": self.fields if show else mask(self.fields),
            "problem": self.problem,
        }


@dataclass(frozen=True, slots=True)
class Asked:
    """The answer of one source. Without `is_searched` it holds nothing that the question could find."""

    source: str
    is_searched: bool
    queries: tuple[str, ...]
    found: tuple[Found, ...] = ()
    capped: bool = False

    def as_value(self, *, show: bool) -> dict[str, Any]:
        """Return the answer as a JSON value; values of rows are masked unless `show`."""
        return {
            "source": self.source,
            "searched": self.is_searched,
            "queries": list(self.queries),
            "capped": self.capped,
            "found": [each.as_value(show=show) for each in self.found],
        }


def ask_source(adapter: Adapter, query: Query, strictness: Strictness, clock: Clock) -> Asked:
    """Return all that the source finds. Raises `Malformed` for a question without anything to search by."""
    said = adapter.describe()
    queries = tuple(sorted(said.queries))
    if query.kind not in said.queries:
        return Asked(said.id, False, queries)
    result = adapter.search(query, clock.monotonic() + BUDGET, strictness)
    found = tuple(_fetched(adapter, candidate, clock) for candidate in result.candidates)
    return Asked(said.id, True, queries, found, result.capped)


def _fetched(adapter: Adapter, candidate: Candidate, clock: Clock) -> Found:
    try:
        record = adapter.fetch(candidate.key, candidate.record_type, clock.monotonic() + BUDGET)
    except LiaisonError as error:
        return Found(candidate, {}, error.message)
    return Found(candidate, record.fields)


@contextmanager
def by_mapping(path: Path, url: str, access: Path | None, clock: Clock) -> Iterator[Adapter]:
    """Open the source of a mapping behind an index of all its rows in a temporary folder."""
    url = url or load_mapping(path).url
    if not url:
        raise Misconfigured("no source is named", where=str(path), remedy="give --url, or `url` under [source]")
    with opened(path, url, access, _ALL_ROWS, clock) as (adapter, _source, _seconds):
        yield adapter
