"""Believe of a source its own candidates, and the records that are about the subject of the question."""

from __future__ import annotations

from adapters.base import MAX_CANDIDATES
from gateway.errors import Misconfigured
from gateway.matching.confirm import confirm, judge, weaker
from gateway.matching.thresholds import Thresholds
from gateway.model.hit import Candidate, IssuedRecord, Match, Quality, SearchResult, SourceRecord, Verdict
from gateway.model.query import Query, QueryKind
from gateway.ports.sources import SourceDescription


def believed(description: SourceDescription, result: SearchResult, kind: QueryKind) -> tuple[Candidate, ...]:
    """Return at most `MAX_CANDIDATES` of a source's candidates.

    Raises `Misconfigured` for another source's, and for one of a type of which it says that no question of this kind
    finds it: what is switched off was told by that.
    """
    candidates, types = result.candidates[:MAX_CANDIDATES], description.types_found_by(kind)
    for candidate in candidates:
        if candidate.source != description.id:
            raise foreign(description.id, f"a candidate of `{candidate.source[:64]!a}`")
        if description.found_by and candidate.record_type not in types:
            raise foreign(description.id, f"a candidate of the type `{candidate.record_type[:64]!a}`")
    return candidates


def confirmed(
    query: Query, candidate: Candidate, record: SourceRecord, thresholds: Thresholds, issued: IssuedRecord | None
) -> Match | None:
    """Return the candidate's match as far as the record bears it out; None when the record is about another subject.

    An agency that signs its records has compared them itself, with more values than it tells, and says where a record
    bears out less than its search told: of a person who was found by a former name it is POSSIBLE.
    """
    if issued is None:
        match = confirm(query, record, thresholds)
        return None if match is None else weaker(candidate.match, match)
    said = judge(query, record.record_type, record.fields, thresholds)
    told = candidate.match
    if record.borne_out is not None:
        told = weaker(told, Match(record.borne_out, told.score, told.rules))
    if said is Verdict.OTHER:
        return told if record.borne_out is Quality.POSSIBLE else None
    return weaker(told, said) if isinstance(said, Match) else told


def foreign(source: str, what: str) -> Misconfigured:
    """Return the error of a source that gave what it should not have."""
    return Misconfigured("the source gave {what}", code="foreign-record", where=source, what=what)
