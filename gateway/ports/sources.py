"""A country's agency systems, as a node asks them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol, runtime_checkable

import msgspec

from gateway.errors import LiaisonError
from gateway.model.hit import IssuedRecord, SearchResult, SourceRecord
from gateway.model.marking import Marking, ReleaseMarking, SubjectCategory
from gateway.model.names import ExchangeId, MemberId
from gateway.model.purpose import Purpose
from gateway.model.query import Query, QueryKind
from gateway.model.strictness import Strictness

NOT_FRESH = "source-not-fresh"
"""The code of a source that is not searched: it failed at its last look, or was read longer ago than it promises."""


class SourceDescription(msgspec.Struct, frozen=True):
    """A description of a source: `id` such as `th.police.main`, `kind` as officers read it (`police records`).

    `found_by` has each record type with each kind of query that finds records of it; it is empty where the source does
    not tell.
    """

    id: str
    agency: str
    kind: str
    queries: frozenset[QueryKind]
    record_types: frozenset[str]
    found_by: frozenset[tuple[str, QueryKind]] = frozenset()

    def types_found_by(self, kind: QueryKind) -> frozenset[str]:
        """Return the types of the records that a query of this kind can find: all of them where that is not told."""
        if not self.found_by:
            return self.record_types
        return frozenset(record_type for record_type, by in self.found_by if by is kind)


RecordClass = tuple[str, Marking, SubjectCategory]
"""All of a record on which policy decides whether an asker may learn of it: its type, its marking, its category."""


class View(msgspec.Struct, frozen=True, eq=False):
    """Says what an asker may learn of: the records of the classes in `seen`. All others are as if not there.

    `decided` are the classes that were decided on. `without` are the keys of records that are not there either, of
    whatever class: their owner withdrew them.
    """

    seen: frozenset[RecordClass]
    decided: frozenset[RecordClass]
    without: frozenset[str] = frozenset()


CLASSES_CHANGED = "classes-changed"
"""The code of a source that has records of a class which a view did not decide on: it did not search."""


HEALTH_S = 3.0
"""Seconds in which a source says whether it can be asked."""


class FreshRow(msgspec.Struct, frozen=True):
    """A row that is new or has changed, as the index holds it.

    `keys` are those that a question looks up: the kind of key, the key, and its detail (`KeyKind`). `features` are the
    values that are compared with a question by name, as JSON; empty where the row has no name.
    """

    record_type: str
    key: str
    keys: Sequence[tuple[int, str, str]]
    features: str


@runtime_checkable
class TellingSource(Protocol):
    """A source that knows which of its rows have changed, since it keeps an index of them."""

    def outdated(self) -> Collection[str] | None:
        """Return the keys of rows that have changed or are gone since the last call; None where any may have been."""

    def fresh(self) -> Sequence[FreshRow] | None:
        """Return the rows that are new or have changed since the last call; None where any may be, as at first."""

    def checked_us(self) -> int:
        """Return the time of the last look at the source: what it held then is what the index holds."""


@runtime_checkable
class NamingSource(Protocol):
    """A source that finds the names of its rows in other texts, since it keeps an index of them."""

    def names_among(self, texts: Sequence[str]) -> Sequence[bool]:
        """Tell of each text whether it is the whole name of a person in a row. It blocks. Raises `LiaisonError`."""


class Source(Protocol):
    """One agency system behind an adapter (design, section 8). All calls block; a bulkhead runs them."""

    def describe(self) -> SourceDescription:
        """Return the source's description, with the queries that it takes."""

    def search(self, query: Query, deadline: float, strictness: Strictness = Strictness.USUAL) -> SearchResult:
        """Return candidates for `query`; `deadline` is a value of `Clock.monotonic`. Raises `LiaisonError`.

        `strictness` says how alike names must be; a source may be stricter than it is asked to be.
        """

    def fetch(self, key: str, record_type: str, deadline: float) -> SourceRecord:
        """Return the record behind a candidate's key. Raises `Unknown` when it is gone."""

    def health(self) -> str:
        """Return an empty text when the source can be asked, else its fault."""


@runtime_checkable
class ClassedSource(Source, Protocol):
    """A source that knows which classes of records it has, and searches as if those of some were not there."""

    def classes(self) -> Collection[RecordClass]:
        """Return the classes of its records; some more do no harm."""

    def within(self, view: View) -> Source:
        """Return the source as an asker sees it.

        What is hidden from the asker takes no place of another record, counts for no limit and costs no time. Where
        this is a `BatchSource`, so is what is returned, and its `whole` is this. A search raises `Unavailable` with
        `CLASSES_CHANGED` where the source has a class by now that the view did not decide on.
        """


@runtime_checkable
class BatchSource(Protocol):
    """The additional calls of a `Source` that answers several calls at once for less than one by one.

    Each item is answered as the single call would answer it, with an error in its place where that would raise one. An
    exception says nothing of single items: each is then asked for alone.
    """

    def search_many(
        self, asked: Sequence[tuple[Query, Strictness]], deadline: float
    ) -> Sequence[SearchResult | LiaisonError]:
        """Return the result of each query, in order."""

    def fetch_many(self, wanted: Sequence[tuple[str, str]], deadline: float) -> Sequence[SourceRecord | LiaisonError]:
        """Return the record of each key and record type, in order."""


@runtime_checkable
class NearSource(BatchSource, Protocol):
    """A source that searches a key index of our own, which waits for nothing but this machine."""

    @property
    def fetches_near(self) -> bool:
        """Tell whether it reads its records from this machine, too."""


class Occasion(msgspec.Struct, frozen=True):
    """The occasion on which a source is asked.

    `id` is the exchange's id, or the officer's search id when our own side asks. `asker` gets the answer.
    `request_hash` is SHA-256 of the request's payload, empty when our own side asks.
    """

    id: ExchangeId
    asker: MemberId
    purpose: Purpose
    request_hash: bytes = b""


class ReferredSource(Source, Protocol):
    """A source process for one occasion: every call carries the node's signed reference to it."""

    def issue(
        self, key: str, record_type: str, marking: ReleaseMarking, deadline: float
    ) -> tuple[SourceRecord, IssuedRecord]:
        """Return the record behind a candidate's key, and the same signed by its agency under `marking`.

        The signature is for this occasion. Both were verified: signer, audience, request, marking, type, and that the
        two are one. Where the record's own marking, which is in the first part, does not allow `marking`, nothing is
        signed and both are bare.
        """


@runtime_checkable
class SigningSource(Source, Protocol):
    """A source that is a process of its own, with the agency's key: it serves nothing without a reference."""

    def refer(self, occasion: Occasion) -> ReferredSource:
        """Return the source, to be asked for `occasion`."""
