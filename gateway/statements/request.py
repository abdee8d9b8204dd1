"""Write and read the request statement: a question to a counterpart, with its typed query.

Every text is limited; codes have their closed form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec
from liaison.exchange.v1 import notices_pb2
from liaison.exchange.v1 import statements_pb2 as pb

from gateway.errors import Forbidden, LiaisonError, Malformed, Stale, Unsupported
from gateway.model.exchange import Request
from gateway.model.names import ExchangeId, exchange_id, identifier, member_id, reference
from gateway.model.purpose import Offence, Purpose
from gateway.model.query import MAX_NAMES, QUERIES, PersonQuery, Query, QueryKind
from gateway.model.requester import Requester
from gateway.model.values import NameForm, NameSource, PartialDate, Sex
from gateway.records.identifiers.query_forms import COUNTRY, FORMS, bad_query, check_asked, code
from gateway.statements.envelope import REQUEST, Sealed, SigningKey
from gateway.statements.fields import SKEW_US, check_hash, microseconds, requester_message, timestamp
from gateway.statements.kind import Kind
from gateway.statements.versions import Versions, check_query
from gateway.trust.documents.descriptor import Descriptor
from gateway.trust.documents.statement_versions import Descriptors

MAX_VALIDITY_US = 60_000_000
"""The longest time between `issued` and `expires`, in microseconds."""

_PURPOSES: Mapping[str, Purpose] = {purpose.value: purpose for purpose in Purpose}
_OFFENCES: Mapping[str, Offence] = {offence.value: offence for offence in Offence}


class RequestReference(msgspec.Struct, frozen=True):
    """A reference to a request that was not accepted, for the signed refusal."""

    exchange_id: ExchangeId
    request_hash: bytes


def _write(request: Request) -> pb.Request:
    message = pb.Request(
        exchange_id=request.exchange_id,
        sender=request.sender,
        recipient=request.recipient,
        issued_time=timestamp(request.issued_us),
        expires_time=timestamp(request.expires_us),
        purpose=request.purpose.value,
        offence=request.offence.value,
        case_number=request.case,
        ticket=request.ticket,
        agreement=request.agreement,
        requester=requester_message(request.requester),
        token_commitment=request.token_commitment,
        trust_hash=request.trust_hash,
        policy_hash=request.policy_hash,
    )
    fill_query(message, request.query)
    return message


class Dated(Protocol):
    """A statement that is good for a short time."""

    @property
    def issued_us(self) -> int:
        """The time of issue in microseconds since 1970."""

    @property
    def expires_us(self) -> int:
        """The time from which on it counts no more."""


def check_fresh(request: Dated, now_us: int) -> None:
    """Raise `Stale` for a request that is not of our time (CASE-E7 and CASE-E11).

    A good one was issued within the skew of our time, is not expired, and is valid for at most 60 s.
    """
    if abs(now_us - request.issued_us) > SKEW_US:
        raise Stale(
            "the request was not issued at our time", code="not-fresh", where="issued_time", remedy="compare the clocks"
        )
    if now_us >= request.expires_us:
        raise Stale("the request is expired", code="expired", where="expires_time")
    if not 0 < request.expires_us - request.issued_us <= MAX_VALIDITY_US:
        raise Stale("a request is valid for 1 µs to 60 s", code="bad-validity", where="expires_time")


def read_request(message: pb.Request) -> Request:
    """Return the request in a parsed payload; raise `Malformed`, with a code of its own for each missing value."""
    check_hash(message.blind, "blind")
    case, ticket = message.case_number, message.ticket
    if not case and not ticket:
        raise Malformed("neither case nor ticket", code="missing-case", where="case_number")
    return Request(
        exchange_id=exchange_id(message.exchange_id),
        sender=member_id(message.sender),
        recipient=member_id(message.recipient),
        issued_us=microseconds(message.issued_time, "issued_time"),
        expires_us=microseconds(message.expires_time, "expires_time"),
        purpose=_listed(_PURPOSES, message.purpose, "purpose"),
        offence=_listed(_OFFENCES, message.offence, "offence"),
        case=reference(case, "case_number") if case else "",
        ticket=reference(ticket, "ticket") if ticket else "",
        agreement=_present(message.agreement, "agreement"),
        requester=_read_requester(message.requester),
        token_commitment=check_hash(message.token_commitment, "token_commitment"),
        query=read_query(message),
        trust_hash=check_hash(message.trust_hash, "trust_hash"),
        policy_hash=check_hash(message.policy_hash, "policy_hash"),
    )


def check_question(request: Request, sender: Descriptor, now_us: int) -> None:
    """Raise unless a request that was verified can be answered, whatever software its sender has.

    Raises `Malformed` (`bad-query`) for a value of its query in a wrong form, and `Forbidden` (`foreign-office`) where
    its office is not one of the sender's: neither listed, nor named after the country.
    """
    check_asked(request.query, now_us)
    office = request.requester.office
    if office not in sender.offices and not office.startswith(f"{request.sender}."):
        raise Forbidden(
            "`{member}` has no office `{office}`",
            code="foreign-office",
            where="requester.office",
            member=request.sender,
            office=office,
        )


REQUEST_KIND = Kind(REQUEST, pb.Request, "request", _write, read_request, check_fresh)
"""A question to a counterpart."""

REQUEST_VERSIONS = Versions(REQUEST_KIND)


def build_request(request: Request, members: Descriptors, key: SigningKey) -> Sealed:
    """Sign a request in the newest version that its recipient reads.

    Raises `Unsupported` for a kind of question that the recipient does not know.
    """
    check_query(members, request.recipient, request.query)
    return REQUEST_VERSIONS.newest(members, request.recipient).build(request, key)


def parse_request(envelope: bytes) -> Request:
    """Return the request in an envelope of our own log: its content is checked, its signature is not."""
    return REQUEST_VERSIONS.parse(envelope)


def request_reference(envelope: bytes) -> RequestReference | None:
    """Return id and hash of a refused request, for the refusal that we sign; None when it names no id.

    Unverified: they only tell the sender which of its requests is refused.
    """
    try:
        opened = REQUEST_VERSIONS.open(envelope)
        return RequestReference(exchange_id(opened.message.exchange_id), opened.unsealed.payload_hash)
    except LiaisonError:
        return None


def _read_requester(message: pb.Requester) -> Requester:
    return Requester(
        role=_present(message.role, "requester.role", "role"),
        office=_present(message.office, "requester.office", "office"),
        agency=_present(message.agency, "requester.agency", "agency"),
        pseudonym=_present(message.pseudonym, "requester.pseudonym", "officer"),
    )


def _present(value: str, where: str, name: str = "") -> str:
    if not value:
        raise Malformed("a value is missing", code=f"missing-{name or where}", where=where)
    return identifier(value, where)


def _listed(known: Mapping[str, Any], value: str, where: str) -> Any:
    code = known.get(value)
    if code is None:
        state = "unknown" if value else "missing"
        raise Malformed("the {place} is {state}", code=f"{state}-{where}", where=where, place=where, state=state)
    return code


# ------------------------------------------------------------ typed queries to and from protobuf


_Questioned = pb.Request | notices_pb2.WatchNotice
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


def fill_query(payload: _Questioned, query: Query) -> None:
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


def read_query(payload: _Questioned) -> Query:
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
