"""The entry of one record in the key index: normal forms of its search keys, features, marking."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from adapters.mapping.mapping import Mapping as SourceMapping
from adapters.mapping.mapping import RecordMapping
from adapters.mapping.rows import Built
from gateway.matching.confirm import held_features, held_names
from gateway.matching.identifiers import NUMBERED, held_numbers
from gateway.matching.keys import VESSEL, name_keys, word_keys
from gateway.matching.person import PersonFeatures
from gateway.model.marking import Marking
from gateway.model.query import FOUND_BY, QueryKind
from gateway.model.values import PartialDate
from gateway.ports.sources import SourceDescription
from gateway.storage.index.index_file import IndexedRecord, KeyKind

Key = tuple[KeyKind, str, str]

KIND_OF = {key: KeyKind[FOUND_BY[key].name] for key in NUMBERED}
"""The kind of key in the index of each search key that holds numbers."""

_compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode


def description_of(mapping: SourceMapping) -> SourceDescription:
    """Return what can be asked of a source with this mapping."""
    return SourceDescription(
        id=mapping.id,
        agency=mapping.agency,
        kind=mapping.kind,
        queries=queries_of(mapping),
        record_types=frozenset(mapping.records),
        found_by=found_by(mapping),
    )


def queries_of(mapping: SourceMapping) -> frozenset[QueryKind]:
    """Return the kinds of queries by which some record of the mapping can be found."""
    return frozenset[QueryKind]().union(*map(record_queries, mapping.records.values()))


def found_by(mapping: SourceMapping) -> frozenset[tuple[str, QueryKind]]:
    """Return each record type of the mapping with each kind of query by which its records can be found."""
    return frozenset((name, kind) for name, record in mapping.records.items() for kind in record_queries(record))


def record_queries(record: RecordMapping) -> frozenset[QueryKind]:
    """Return the kinds of queries by which the records of one type can be found."""
    return frozenset(FOUND_BY[name] for name in record.search if name in FOUND_BY)


def index_record(built: Built, links: Mapping[str, Any]) -> IndexedRecord:
    """Return the index row of a record, with its keys."""
    record, search = built.record, built.search
    names, vessels = held_names(search), held_names(search, "vessel_names")
    birth = (search.get("birth") or {}).get("value", "")
    return IndexedRecord(
        record_type=record.record_type,
        source_key=record.key,
        marking=encode_marking(record.marking),
        category=record.category.value,
        last_day=built.last_day,
        features=_features(search, record.fields, vessels) if names or vessels else "",
        links=_compact(links) if links else "{}",
        keys=[key for key in {*_name_keys(names, birth), *_vessel_keys(vessels), *_identifier_keys(search)} if key[1]],
    )


def _features(search: Mapping[str, Any], fields: Mapping[str, Any], vessels: tuple[str, ...]) -> str:
    held = held_features(search, fields)
    said = [held.names, held.birth.value if held.birth else "", held.sex, held.nationality]
    if vessels:
        return _compact([*said, held.father, vessels])
    return _compact([*said, held.father] if held.father else said)


def read_features(text: str) -> tuple[PersonFeatures, tuple[str, ...]]:
    """Return the features of a row of an index as a person's, and the names of a vessel that it holds."""
    names, birth, sex, nationality, *more = json.loads(text)
    person = PersonFeatures(tuple(names), PartialDate(birth) if birth else None, sex, nationality, *more[:1])
    return person, tuple(more[1]) if len(more) > 1 else ()


def _vessel_keys(names: tuple[str, ...]) -> Iterator[Key]:
    for name in names:
        yield from ((KeyKind.NAME, VESSEL + key, "") for key in name_keys(name))


def _name_keys(names: tuple[str, ...], birth: str) -> Iterator[Key]:
    for name in names:
        yield from ((KeyKind.NAME, key, birth) for key in name_keys(name))
        if birth:
            yield from ((KeyKind.NAME, word_and_year(key, birth), birth) for key in word_keys(name))
    if names and len(birth) == len("YYYY-MM-DD"):
        yield KeyKind.NAME, day_of_birth(birth), birth


def keys_of(features: str, identifiers: Sequence[Sequence[str]]) -> list[Key]:
    """Return the keys of a record that is in an index, from what that holds of it."""
    numbers = [(KeyKind(int(kind)), key, detail) for kind, key, detail in identifiers]
    if not features:
        return numbers
    person, vessels = read_features(features)
    birth = person.birth.value if person.birth else ""
    return [*_name_keys(person.names, birth), *_vessel_keys(vessels), *numbers]


def word_and_year(key: str, birth: str) -> str:
    """Return the key of one word with the year of birth: a word alone is too common."""
    return f"{key}#{birth[:4]}"


def day_of_birth(birth: str) -> str:
    """Return the key of a day of birth: few enough records share one to be scored, however they are spelt."""
    return f"d{birth}"


def swapped(birth: str) -> str:
    """Return the same date with day and month exchanged."""
    return f"{birth[:4]}-{birth[8:]}-{birth[5:7]}"


def _identifier_keys(search: Mapping[str, Any]) -> Iterator[Key]:
    for held_as, kind in KIND_OF.items():
        yield from ((kind, key, detail) for key, detail in held_numbers(search, held_as))


def encode_marking(marking: Marking) -> str:
    """Return a marking as JSON with sorted lists."""
    return _compact(marking.as_json())


def decode_marking(text: str) -> Marking:
    """Return the marking in `text`. Raises `Misconfigured` for an unknown value."""
    return Marking.from_json(json.loads(text))
