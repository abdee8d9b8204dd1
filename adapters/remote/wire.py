"""Candidates, markings, descriptions and records to and from the wire. Data from a source is untrusted."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from google.protobuf.timestamp_pb2 import Timestamp
from liaison.source.v1 import source_pb2 as pb

from adapters.base import MAX_CANDIDATES
from gateway.clock import SECOND_US
from gateway.conversion import converter
from gateway.errors import Malformed, Misconfigured, TooLarge
from gateway.model.hit import Candidate, Match, Quality, SearchResult
from gateway.model.marking import Marking, ReleaseMarking, SubjectCategory
from gateway.model.query import OF_AGENCIES, QueryKind
from gateway.model.values import text_value
from gateway.ports.sources import RecordClass, SourceDescription
from gateway.records.types import RECORD_TYPES
from gateway.rpc.strict import check_count, parse
from gateway.signing import strict_json

MAX_KEY = 512
MAX_MARKING = 4 * 1024
"""Bytes of a marking as JSON."""

MAX_CLASSES = 400
"""The most classes of records that a view of a source process can name."""

_MAX_ITEMS = 64
_MAX_RULES = 32
_MAX_WORDS = 64

_release_marking = converter(ReleaseMarking)


def description_bytes(description: SourceDescription) -> bytes:
    """Return a description for the wire."""
    return pb.DescribeResponse(
        id=description.id,
        agency=description.agency,
        kind=description.kind,
        queries=sorted(kind.value for kind in description.queries),
        record_types=sorted(description.record_types),
    ).SerializeToString()


def read_description(data: bytes, source: str, agency: str) -> SourceDescription:
    """Return the description of the source `source` of `agency`. Raises `Malformed` if it is another or impossible."""
    message = parse(pb.DescribeResponse, data, "source")
    if (message.id, message.agency) != (source, agency):
        raise Malformed(
            "this is the source `{id!a}` of `{agency!a}`",
            code="foreign-source",
            where=source,
            id=message.id[:64],
            agency=message.agency[:64],
        )
    if not set(message.record_types) <= RECORD_TYPES.keys() or not set(message.queries) <= OF_AGENCIES:
        raise Malformed("unknown kinds of queries or records", code="foreign-source", where=source)
    return SourceDescription(
        id=source,
        agency=agency,
        kind=text_value(message.kind, "source.kind", _MAX_WORDS),
        queries=frozenset(map(QueryKind, message.queries)),
        record_types=frozenset(message.record_types),
    )


def scope_bytes(as_of_us: int | None, description: SourceDescription) -> bytes:
    """Return what a search covers, for the wire: as of when, in whole seconds, and which records by which queries.

    Without a time, each search asks the agency's system itself.
    """
    told = Timestamp(seconds=as_of_us // SECOND_US) if as_of_us is not None else None
    queries: dict[str, list[str]] = {}
    for record_type, kind in sorted(description.found_by):
        queries.setdefault(record_type, []).append(kind.value)
    found_by = [pb.FoundBy(record_type=each, queries=kinds) for each, kinds in queries.items()]
    return pb.ScopeResponse(as_of_time=told, found_by=found_by).SerializeToString()


def read_scope(data: bytes, now_us: int, described: SourceDescription) -> tuple[int | None, SourceDescription]:
    """Return what `scope_bytes` wrote of a described source. Raises `Malformed`, also for a time to come."""
    check_count(data, len(RECORD_TYPES) + 1, "source.scope")
    message = parse(pb.ScopeResponse, data, "source.scope")
    found_by = frozenset((each.record_type, kind) for each in message.found_by for kind in each.queries)
    if any(each not in described.record_types or kind not in described.queries for each, kind in found_by):
        raise Malformed("kinds of queries or records that it does not have", code="foreign-source", where=described.id)
    told = msgspec.structs.replace(described, found_by=frozenset((each, QueryKind(kind)) for each, kind in found_by))
    if not message.HasField("as_of_time"):
        return None, told
    as_of_us = message.as_of_time.seconds * SECOND_US
    if not 0 <= as_of_us <= now_us or message.as_of_time.nanos:
        raise Malformed("no whole second before now", code="bad-time", where=described.id)
    return as_of_us, told


def result_bytes(result: SearchResult) -> bytes:
    """Return the result of a search, for the wire."""
    candidates = [
        pb.Candidate(
            key=found.key,
            record_type=found.record_type,
            quality=found.match.quality.value,
            score=found.match.score,
            rules=found.match.rules,
            marking=marking_text(found.marking),
            category=found.category.value,
        )
        for found in result.candidates
    ]
    return pb.SearchResponse(candidates=candidates, capped=result.capped).SerializeToString()


def read_result(data: bytes, description: SourceDescription) -> SearchResult:
    """Return a source's result, in the order of scores. Raises `TooLarge` and `Malformed` if it breaks a rule."""
    check_count(data, _MAX_ITEMS, "source.answer")
    message = parse(pb.SearchResponse, data, "source.answer")
    if len(message.candidates) > MAX_CANDIDATES:
        raise TooLarge(
            "more than {limit} candidates", code="too-many-candidates", where=description.id, limit=MAX_CANDIDATES
        )
    found = [_candidate(each, description) for each in message.candidates]
    if len({(each.record_type, each.key) for each in found}) != len(found):
        raise Malformed("a candidate comes twice", code="bad-candidate", where=description.id)
    return SearchResult(tuple(sorted(found, key=lambda each: -each.match.score)), message.capped)


def _candidate(message: pb.Candidate, description: SourceDescription) -> Candidate:
    if message.record_type not in description.record_types or not math.isfinite(message.score):
        raise Malformed("a type or score that cannot be", code="bad-candidate", where=description.id)
    if not 0.0 <= message.score <= 1.0 or len(message.rules) > _MAX_RULES:
        raise Malformed("a score or number of rules that cannot be", code="bad-candidate", where=description.id)
    rules = tuple(text_value(rule, "candidate.rules") for rule in message.rules)
    return Candidate(
        source=description.id,
        key=text_value(message.key, "candidate.key", MAX_KEY),
        record_type=message.record_type,
        match=Match(read_quality(message.quality), message.score, rules),
        marking=read_marking(message.marking),
        category=_listed(SubjectCategory, message.category, "category"),
    )


def classes_bytes(classes: Iterable[RecordClass]) -> bytes:
    """Return classes of records for the wire."""
    return pb.ClassesResponse(classes=sorted(map(_class_message, classes), key=_class_id)).SerializeToString()


def read_classes(data: bytes, description: SourceDescription) -> frozenset[RecordClass]:
    """Return a source's classes of records. Raises `TooLarge` and `Malformed`."""
    check_count(data, MAX_CLASSES, "source.classes")
    found = parse(pb.ClassesResponse, data, "source.classes").classes
    if not {each.record_type for each in found} <= description.record_types:
        raise Malformed("records of a type that cannot be", code="bad-candidate", where=description.id)
    return frozenset((each.record_type, read_marking(each.marking), read_category(each.category)) for each in found)


def class_id(record_class: RecordClass) -> bytes:
    """Return the hash by which a view names a class."""
    return _class_id(_class_message(record_class))


def _class_message(record_class: RecordClass) -> pb.RecordClass:
    record_type, marking, category = record_class
    return pb.RecordClass(record_type=record_type, marking=marking_text(marking), category=category.value)


def _class_id(message: pb.RecordClass) -> bytes:
    return hashlib.sha256(message.SerializeToString(deterministic=True)).digest()


def marking_text(marking: Marking | ReleaseMarking) -> str:
    """Return a marking as JSON."""
    return strict_json.dumps(marking.as_json()).decode()


def read_marking(text: str) -> Marking:
    """Return an internal marking. Raises `Malformed` for an unknown part or value."""
    try:
        return Marking.from_json(_object(text))
    except Misconfigured as error:
        raise Malformed(error.message, code="unknown-marking", where="marking") from error


def read_release_marking(text: str) -> ReleaseMarking:
    """Return a release marking in its only form. Raises `Malformed` for an unknown part or value."""
    kept = _object(text)
    try:
        marking = _release_marking(kept)
    except msgspec.ValidationError as error:
        raise Malformed("a part is missing or unknown", code="unknown-marking", where="release_marking") from error
    if marking.as_json() != kept:
        raise Malformed("it is not in its only form", code="unknown-marking", where="release_marking")
    return marking


def read_category(text: str) -> SubjectCategory:
    """Return a subject category. Raises `Malformed`."""
    category: SubjectCategory = _listed(SubjectCategory, text, "category")
    return category


def read_quality(text: str) -> Quality:
    """Return the quality of a match. Raises `Malformed`."""
    quality: Quality = _listed(Quality, text, "quality")
    return quality


def _object(text: str) -> Mapping[str, Any]:
    value = strict_json.loads(text.encode(), MAX_MARKING)
    if not isinstance(value, dict):
        raise Malformed("a marking is an object", code="unknown-marking", where="marking")
    return value


def _listed(kind: type[Any], value: str, where: str) -> Any:
    try:
        return kind(value)
    except ValueError:
        raise Malformed("unknown {place}", code="bad-candidate", where=where, place=where) from None
