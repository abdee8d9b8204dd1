"""Typed queries to and from the bytes that a reference names by their hash."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from liaison.source.v1 import source_pb2 as pb
from msgspec import structs

from adapters.remote.wire import class_id
from gateway.errors import Malformed
from gateway.model.query import MAX_NAMES, OF_AGENCIES, QUERIES, PersonQuery, Query, QueryKind
from gateway.model.strictness import Strictness
from gateway.model.values import MAX_TEXT, NameForm, NameSource, PartialDate, Sex, text_value
from gateway.ports.sources import View
from gateway.rpc.strict import parse

MAX_WITHOUT, _LABEL = 8_192, 4
"""The most bytes of keys that a query leaves out, and those that the wire adds to a key.

What else was withdrawn the node leaves out of what was found.
"""

_BY_PARTS: Mapping[str, type[Query]] = {kind: QUERIES[kind] for kind in OF_AGENCIES if kind is not QueryKind.PERSON}
"""The kinds of questions whose values are texts; the parts of a message are called like them."""
_SOURCES: Mapping[str, NameSource] = {source.value: source for source in NameSource}
_STRICTNESSES: Mapping[str, Strictness] = {each.value: each for each in Strictness}
_SEXES: Mapping[str, Sex | None] = {"": None, **{sex.value: sex for sex in Sex}}


def query_bytes(query: Query, strictness: Strictness = Strictness.USUAL, view: View | None = None) -> bytes:
    """Return `query`, with the required likeness of names and what its asker may learn of, for the wire."""
    seen = _view(view) if view is not None else None
    if isinstance(query, PersonQuery):
        return pb.Query(person=_person(query), strictness=strictness.value, view=seen).SerializeToString()
    parts = structs.asdict(query)
    number = pb.NumberQuery(kind=query.kind.value, parts=parts)
    return pb.Query(number=number, strictness=strictness.value, view=seen).SerializeToString()


def _view(view: View) -> pb.View:
    hidden = view.decided - view.seen
    without, room = [], MAX_WITHOUT
    for key in sorted(view.without):
        room -= len(key.encode()) + _LABEL
        if room >= 0:
            without.append(key)
    return pb.View(seen=sorted(map(class_id, view.seen)), hidden=sorted(map(class_id, hidden)), without=without)


class ToldView(NamedTuple):
    """The classes that an asker may learn of and all that were decided on, by hash, and the keys that are not there."""

    seen: frozenset[bytes]
    decided: frozenset[bytes]
    without: frozenset[str] = frozenset()


def read_view(data: bytes) -> ToldView | None:
    """Return what the asker of the query in `data` may learn of.

    None where nothing was decided. Raises `Malformed`.
    """
    message = parse(pb.Query, data, "query")
    if not message.HasField("view"):
        return None
    seen = frozenset(message.view.seen)
    return ToldView(seen, seen | frozenset(message.view.hidden), frozenset(message.view.without))


def read_query(data: bytes) -> tuple[Query, Strictness]:
    """Return the query in `data` and the required likeness of names.

    Raises `Malformed` for parts that are unknown, missing, too long or not proper text.
    """
    message = parse(pb.Query, data, "query")
    strictness = _STRICTNESSES.get(message.strictness)
    if strictness is None:
        raise Malformed("no set of thresholds, or an unknown one", code="bad-query", where="query.strictness")
    kind = message.WhichOneof("query")
    if kind == "person":
        return _read_person(message.person), strictness
    if kind == "number":
        return _read_number(message.number), strictness
    raise Malformed("no query", code="missing-query", where="query")


def _person(query: PersonQuery) -> pb.PersonQuery:
    names = [
        pb.Name(text=name.text, script=name.script, lang=name.lang, source=name.source.value) for name in query.names
    ]
    return pb.PersonQuery(
        names=names,
        birth=query.birth.value if query.birth else "",
        sex=query.sex.value if query.sex else "",
        nationality=query.nationality,
        father=query.father,
    )


def _read_person(message: pb.PersonQuery) -> Query:
    if len(message.names) > MAX_NAMES or message.sex not in _SEXES:
        raise Malformed("too many names, or an unknown sex", code="bad-query", where="query.person")
    return PersonQuery(
        names=tuple(map(_read_name, message.names)),
        birth=PartialDate(message.birth) if message.birth else None,
        sex=_SEXES[message.sex],
        nationality=_text(message.nationality),
        father=_text(message.father),
    )


def _read_name(message: pb.Name) -> NameForm:
    source = _SOURCES.get(message.source)
    if source is None:
        raise Malformed("unknown source of a name", code="bad-query", where="query.person.names")
    return NameForm(text_value(message.text, "query.person.names"), _text(message.script), _text(message.lang), source)


def _read_number(message: pb.NumberQuery) -> Query:
    kind = _BY_PARTS.get(message.kind)
    if kind is None or set(message.parts) != set(kind.__struct_fields__):
        raise Malformed("unknown kind of query, or other parts than it has", code="bad-query", where="query.number")
    return kind.read({name: _text(value) for name, value in message.parts.items()})


def _text(value: str) -> str:
    return text_value(value, "query", MAX_TEXT) if value else value
