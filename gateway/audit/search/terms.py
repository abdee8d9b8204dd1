"""The terms by which an entry is found, read from its private part and the statements that are kept with it.

A term is a field and a value in normal form, one line of text such as `officer=th.o.1042`. A search index keeps the
entries of each term (`gateway.audit.search.postings`); a found entry is compared once more with its own terms.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode
from collections.abc import Callable, Collection, Iterator, Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Any

import orjson

from gateway.audit.entries.entry import Entry
from gateway.audit.reading.opened import hits_of, question_of
from gateway.errors import LiaisonError
from gateway.matching.identifiers import number_key, plate_number
from gateway.model.desk.notices import Ask, Change, Notice, Status
from gateway.model.exchange import Request
from gateway.model.forms.phones import e164
from gateway.model.forms.vessels import vessel_form
from gateway.model.query import PersonQuery, Query, query_of
from gateway.ports.entries import events

Resolve = Callable[[str, str, str], tuple[str, str, str]]
"""Turns a hit reference, counterpart and case into source, key and record type; raises `LiaisonError` where it cannot.
"""

TERMS = "4"
"""The edition of the normal forms: an index with terms of another one is built anew."""

ANY = "any"
"""The reason that stands for every refusal."""

UNKNOWN_BIRTH = "unknown"
"""The year of birth of a question that gives none."""

_REFUSALS = events.kinds(
    events.REFUSED, events.TOO_MANY, events.DENIED, events.ONWARD_REFUSED, events.CONSENT_NOT_TAKEN
)


class Field(StrEnum):
    """The private fields that can be searched."""

    OFFICER = "officer"
    CASE = "case"
    AGREEMENT = "agreement"
    PURPOSE = "purpose"
    OUTCOME = "outcome"
    REFUSED = "refused"
    RECORD = "record"
    NAME = "name"
    BORN = "born"
    NUMBER = "number"
    NOTICE = "notice"
    THREAD = "thread"


def term(field: Field, value: str) -> str:
    """Return one term; `value` is in the field's normal form."""
    return f"{field}={value}"


def name_terms(name: str) -> frozenset[str]:
    """Return the terms of a person's name. An entry fits if it has one of them."""
    from gateway.matching.same import name_sounds

    return frozenset(term(Field.NAME, sound) for sound in name_sounds(name))


def number_terms(number: str, country: str = "") -> frozenset[str]:
    """Return the terms of a number or plate of any kind; none where it is empty in normal form (`-`, `000000`).

    `country` is where a telephone number is dialled so.
    """
    keys = (number_key(number), plate_number(number)[0], number_key(vessel_form(number)), e164(number, country))
    return frozenset(term(Field.NUMBER, key) for key in keys if key)


def born_terms(year: str) -> frozenset[str]:
    """Return the terms of a year of birth: a question without a birth date may be about the same person."""
    return frozenset((term(Field.BORN, year), term(Field.BORN, UNKNOWN_BIRTH)))


ALL_FIELDS = frozenset(Field)


def terms_of(
    entry: Entry,
    private: Mapping[str, Any],
    request: bytes,
    answer: bytes,
    resolve: Resolve | None = None,
    wanted: Collection[Field] = ALL_FIELDS,
) -> frozenset[str]:
    """Return the terms of an opened entry, of `wanted` fields at least. An unreadable statement gives none.

    Statements are parsed only for fields that need them: that is most of the work.
    """
    found = set(_simple(Field.OFFICER, *_officers(private)))
    found.update(_simple(Field.CASE, private.get("case"), private.get("ticket")))
    found.update(_simple(Field.AGREEMENT, private.get("agreement")))
    found.update(_simple(Field.PURPOSE, private.get("purpose")))
    found.update(_simple(Field.NOTICE, private.get("notice")))
    found.update(_simple(Field.THREAD, private.get("thread")))
    found.update(_refused(entry, private))
    is_needed = not _KEPT.issuperset(wanted) or (Field.RECORD in wanted and "notice" in private)
    asked = _question(request) if is_needed else None
    if asked is not None:
        found.update(_asker(asked))
    if not _SUBJECT.isdisjoint(wanted):
        query = asked.query if isinstance(asked, Request) else None
        found.update(_subject(query or query_of(private.get("query"), private.get("question"))))
    if Field.RECORD in wanted:
        found.update(_records(entry, private, answer, resolve))
        if isinstance(asked, Notice):
            found.update(_told_records(asked))
    return frozenset(found)


def _asker(asked: Request | Notice) -> Iterator[str]:
    about = asked.head if isinstance(asked, Notice) else asked
    yield from _simple(Field.OFFICER, about.requester.pseudonym)
    if isinstance(asked, Notice) and asked.head.approver is not None:
        yield from _simple(Field.OFFICER, asked.head.approver.pseudonym)
    yield from _simple(Field.CASE, about.case, about.ticket)
    yield from _simple(Field.AGREEMENT, about.agreement)
    yield from _simple(Field.PURPOSE, about.purpose.value)


def _told_records(notice: Notice) -> Iterator[str]:
    """Yield the records that a notice brings, and those that it is about."""
    body = notice.body
    yield from _simple(Field.RECORD, *map(_jti, notice.records))
    if isinstance(body, Ask) and body.hit is not None:
        yield from _simple(Field.RECORD, body.hit.record, body.hit.reference)
    elif isinstance(body, Status):
        yield from _simple(Field.RECORD, body.record)
    elif isinstance(body, Change):
        yield from _simple(Field.RECORD, *body.records)


_OUTCOME_OF = {events.REFUSED.kind: "refused", events.TOO_MANY.kind: "too_many"}
"""Outcomes that the kind of an entry tells."""

_KEPT = frozenset((Field.OUTCOME, Field.REFUSED, Field.RECORD, Field.NOTICE, Field.THREAD))
"""Fields for which the request is not needed."""

_SUBJECT = frozenset((Field.NAME, Field.BORN, Field.NUMBER))


def _simple(field: Field, *values: object) -> Iterator[str]:
    return (term(field, value) for value in values if isinstance(value, str) and value)


def _officers(private: Mapping[str, Any]) -> Iterator[object]:
    """Yield person ids at home, and the pseudonym by which a counterpart knows an officer."""
    yield from (private.get("officer"), private.get("on_behalf_of"), private.get("approver"))
    requester = private.get("requester")
    if isinstance(requester, list) and requester:
        yield requester[-1]


def _refused(entry: Entry, private: Mapping[str, Any]) -> Iterator[str]:
    """Yield the outcome and, for a refusal by either side, its reason and code."""
    outcome = private.get("outcome")
    refused = entry.kind in _REFUSALS or outcome in ("refused", "suspended")
    yield from _simple(Field.OUTCOME, outcome, _OUTCOME_OF.get(entry.kind, ""))
    if refused:
        yield term(Field.REFUSED, ANY)
        yield from _simple(Field.REFUSED, private.get("reason"), private.get("code"), private.get("refusal"))


def _subject(query: Query | None) -> Iterator[str]:
    if query is None:
        return
    for name in query.named.names if query.named is not None else ():
        yield from name_terms(name.text)
    for text in query.texts:
        yield from number_terms(text)
    if isinstance(query, PersonQuery):
        yield term(Field.BORN, query.birth.value[:4] if query.birth else UNKNOWN_BIRTH)


def _records(entry: Entry, private: Mapping[str, Any], answer: bytes, resolve: Resolve | None) -> Iterator[str]:
    """Yield records that were given or used: the `jti` of each issue, the reference of each hit, the source's key."""
    yield from _simple(Field.RECORD, private.get("record"), private.get("hit"))
    hits = private.get("hits")
    if not hits:
        return
    references = [item for item in hits if isinstance(item, str)] if isinstance(hits, list) else []
    for hit in hits_of(answer):
        references.append(hit.reference)
        yield from _simple(Field.RECORD, _jti(hit.record))
    for reference in dict.fromkeys(references):
        yield term(Field.RECORD, reference)
        if resolve is not None and entry.kind == events.ANSWERED.kind:
            yield from _at_source(reference, entry, private, resolve)


def _at_source(reference: str, entry: Entry, private: Mapping[str, Any], resolve: Resolve) -> Iterator[str]:
    case = private.get("case") or private.get("ticket") or ""
    try:
        source, key, _ = resolve(reference, entry.peer, case if isinstance(case, str) else "")
    except LiaisonError:
        return  # its quarter's key is gone: it is found by its reference
    yield term(Field.RECORD, f"{source}/{key}")


def _jti(record: str) -> str:
    """Return the `jti` in a record's payload, unverified; empty where there is none."""
    parts = record.split("~", 1)[0].split(".")
    if len(parts) != 3:
        return ""
    try:
        payload = orjson.loads(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, binascii.Error):
        return ""
    jti = payload.get("jti") if isinstance(payload, dict) else ""
    return jti if isinstance(jti, str) else ""


@lru_cache(maxsize=4)
def _question(request: bytes) -> Request | Notice | None:
    """Return the request or notice in a kept envelope; None where none is kept, or where it does not parse."""
    return question_of(request)
