"""Typed queries to and from protobuf. Every text is limited; codes have their closed form."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from liaison.exchange.v1 import notices_pb2
from liaison.exchange.v1 import statements_pb2 as pb

from gateway.errors import Malformed, Unsupported
from gateway.model.query import MAX_NAMES, QUERIES, PersonQuery, Query, QueryKind
from gateway.model.values import NameForm, NameSource, PartialDate, Sex
from gateway.records.identifiers.query_forms import COUNTRY, FORMS, bad_query, code

Questioned = pb.Request | notices_pb2.WatchNotice
"""The payloads that hold a query."""

_Closed = tuple[int, str, Callable[[str, str], str]]
"""A value of a closed form: its place among the fields of its class and in a statement, and what takes it."""


def _closed(kind: QueryKind) -> tuple[_Closed, ...]:
    forms = enumerate(FORMS[kind].items())
    return tuple((place, f"query.{name}", form.taken) for place, (name, form) in forms if form.taken is not None)


_KINDS: Mapping[str, tuple[Callable[..., Query], tuple[str, ...], tuple[_Closed, ...]]] = {
    kind: (each, each.__struct_fields__, _closed(kind)) for kind, each in QUERIES.items()
}
"""The class of each kind, its fields and its values of a closed form, by the field of a payload that holds it."""

_SCRIPT, _LANGUAGE = code(r"[A-Z][a-z]{3}"), code(r"[A-Za-z0-9-]{2,35}")
_SOURCES: Mapping[str, NameSource] = {"": NameSource.UNKNOWN, **{source.value: source for source in NameSource}}
_SEXES: Mapping[str, Sex | None] = {"": None, **{sex.value: sex for sex in Sex}}


def fill_query(payload: Questioned, query: Query) -> None:
    """Write `query` into the one field of `payload` that is called as its kind is."""
    if isinstance(query, PersonQuery):
        payload.person.CopyFrom(_person_message(query))
        return
    field = getattr(payload, query.kind, None)
    if field is None:
        raise Unsupported("reports are not watched", where="query", remedy="read the library: `liaison report list`")
    field.SetInParent()
    for name in query.__struct_fields__:
        setattr(field, name, getattr(query, name))


def read_query(payload: Questioned) -> Query:
    """Return the query of `payload`; raise `Malformed` when there is none, or when a value does not fit (`bad-query`).

    Whether a value has the form of its table (`records.identifiers.query_forms`) is asked where it is answered, so that
    what was answered before that was asked can still be read in a log.
    """
    name = payload.WhichOneof("query")
    if name is None:
        raise Malformed("no query", code="missing-query", where="query")
    message, (make, fields, closed) = getattr(payload, name), _KINDS[name]
    try:
        if make is PersonQuery:
            return _read_person(message)
        values = [getattr(message, each) for each in fields]
        for place, where, taken in closed:
            taken(values[place], where)
        return make(*values)
    except Malformed as error:
        raise bad_query(error) from error


def _person_message(query: PersonQuery) -> pb.PersonQuery:
    return pb.PersonQuery(
        names=[
            pb.NameForm(text=name.text, script=name.script, lang=name.lang, source=name.source.value)
            for name in query.names
        ],
        birth=query.birth.value if query.birth else "",
        sex=query.sex.value if query.sex else "",
        nationality=query.nationality,
        father=query.father,
    )


def _read_person(message: pb.PersonQuery) -> Query:
    if len(message.names) > MAX_NAMES:
        raise Malformed("more than {limit} names", code="bad-query", where="query.names", limit=MAX_NAMES)
    sex = message.sex
    if sex not in _SEXES:
        raise Malformed("unknown sex", code="bad-query", where="query.sex", remedy="M, F, X or nothing")
    birth = message.birth
    return PersonQuery(
        names=tuple(map(_read_name, message.names)),
        birth=PartialDate(birth) if birth else None,
        sex=_SEXES[sex],
        nationality=COUNTRY(message.nationality, "query.nationality"),
        father=message.father,
    )


def _read_name(message: pb.NameForm) -> NameForm:
    source = _SOURCES.get(message.source)
    if source is None:
        raise Malformed("unknown source of a name", code="bad-query", where="query.names.source")
    return NameForm(
        text=message.text,
        script=_SCRIPT(message.script, "query.names.script"),
        lang=_LANGUAGE(message.lang, "query.names.lang"),
        source=source,
    )
