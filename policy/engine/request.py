"""Attributes as Cedar sees them: principal, action, resource, and the context of the schema.

The context is made once, and both layers read it. Its attributes are under their paths, such as `marking.level`,
with plain values; Cedar gets them in the form of its schema. A value that is not in the schema makes the request
invalid, and an invalid request is denied.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

from gateway.model.marking import Marking
from gateway.model.names import MemberId
from policy.attributes import (
    AskAttributes,
    DeskAttributes,
    LearnAttributes,
    QuestionAttributes,
    RecordAttributes,
    naming,
    qualified,
)
from policy.bundle.agreements import Covers
from policy.bundle.law import LawCovers
from policy.cache import Window

Context: TypeAlias = Mapping[str, Any]
"""The attributes of a request by their paths; all values can be hashed."""

LISTED: Mapping[str, str] = MappingProxyType(
    {
        "requester.role": "Role",
        "purpose": "Purpose",
        "offence": "Offence",
        "query": "Query",
        "answerer": "Member",
        "recipient": "Member",
        "says": "Says",
        "urgency": "Urgency",
        "category": "Category",
        "marking.level": "Level",
        "marking.use": "Use",
        "marking.caveats": "Caveat",
        "marking.onward": "Onward",
    }
)
"""The attributes that hold an entity of the schema or a set of them, with its type; all others are plain."""


@dataclass(frozen=True, slots=True)
class Request:
    """One question to the policies. `kind` is the type of `resource`: `Query`, `RecordType` or `Notice`."""

    principal: MemberId
    action: str
    kind: str
    resource: str
    context: Context

    def as_cedar(self) -> dict[str, Any]:
        """Return the request in Cedar's JSON form."""
        return {
            "principal": _entity("Member", self.principal),
            "action": _entity("Action", self.action),
            "resource": _entity(self.kind, self.resource),
            "context": json.dumps(_nested(self.context)),
        }


@dataclass(frozen=True, slots=True)
class Setting:
    """The setting of a question: the asker's law on the offence, true if it is night, and until when."""

    law: LawCovers
    night: bool
    window: Window

    def as_context(self) -> dict[str, object]:
        """Return `law` and `night` of the schema's contexts."""
        return {**self.law.as_context(), "night": self.night}


def ask_request(a: AskAttributes, own: MemberId) -> Request:
    """Return `ask`: may this officer of ours ask at all?"""
    return Request(own, "ask", "Query", a.query, {**_asked(a), "purposeInToken": a.purpose_in_token})


def question_request(
    action: str, a: QuestionAttributes, asker: MemberId, answerer: MemberId, covers: Covers, at: Setting
) -> Request:
    """Return `send` or `answer`: may this question go from `asker` to `answerer`?"""
    context = {**_asked(a), "answerer": answerer, **covers.as_context(), **at.as_context()}
    return Request(asker, action, "Query", a.query, context)


def desk_request(a: DeskAttributes, own: MemberId, covers: Covers, at: Setting) -> Request:
    """Return `desk`: may this notice go to the counterpart, or may theirs be taken?"""
    author, recipient = (own, a.counterpart) if a.ours else (a.counterpart, own)
    context = {
        **_asked(a),
        "recipient": recipient,
        "says": a.says,
        "urgency": a.urgency,
        "toOffice": a.to_office,
        "toLife": a.to_life,
        "hasHit": a.has_hit,
        **covers.as_context(),
        **at.as_context(),
    }
    return Request(author, "desk", "Notice", a.type, context)


def learn_request(a: LearnAttributes) -> Request:
    """Return `learn`: may the recipient learn that the record exists?"""
    context: dict[str, object] = {
        "agency": a.agency,
        "category": a.category,
        **_marking(a.marking),
        **_named(a.marking, a.recipient, a.agency, a.office),
    }
    return Request(a.recipient, "learn", "RecordType", a.record_type, context)


def record_request(
    a: RecordAttributes, own: MemberId, covers: Covers, record: tuple[bool, bool], at: Setting
) -> Request:
    """Return `release`: may this record go to the recipient? `record`: the agreement covers its type, and its owner."""
    question, marking = a.question, a.marking
    context = {
        **_asked(question),
        "query": question.query,
        **covers.as_context(),
        **at.as_context(),
        "coversRecordType": record[0],
        "coversOwner": record[1],
        "markingCovers.purpose": marking.purposes is None or question.purpose in marking.purposes,
        "markingCovers.offence": marking.offences is None or question.offence in marking.offences,
        "owner": qualified(own, a.owner),
        "category": a.category,
        **_marking(marking),
        **_named(marking, question.counterpart, question.agency, question.office),
    }
    return Request(question.counterpart, "release", "RecordType", a.record_type, context)


def _asked(a: AskAttributes | QuestionAttributes | DeskAttributes) -> dict[str, object]:
    return {
        "requester.role": a.role,
        "requester.agency": a.agency,
        "requester.office": a.office,
        "purpose": a.purpose,
        "offence": a.offence,
        "hasCase": a.has_case,
        "hasTicket": a.has_ticket,
    }


def _marking(marking: Marking) -> dict[str, object]:
    return {
        "marking.level": marking.level,
        "marking.use": marking.use,
        "marking.caveats": marking.caveats,
        "marking.onward": marking.onward,
    }


def _named(marking: Marking, member: MemberId, agency: str, office: str) -> dict[str, object]:
    named = naming(marking, member, agency, office)
    return {"named.member": named.member, "named.unit": named.unit, "named.withheld": named.withheld}


def _nested(context: Context) -> dict[str, Any]:
    """Return the context with its records, and with entities in the places of the schema."""
    nested: dict[str, Any] = {}
    for path, value in context.items():
        record, _, name = path.rpartition(".")
        holder = nested.setdefault(record, {}) if record else nested
        holder[name] = _cedar(LISTED[path], value) if path in LISTED else value
    return nested


def _cedar(kind: str, value: Any) -> object:
    if isinstance(value, frozenset):
        return [_entity(kind, name) for name in sorted(value)]
    return _entity(kind, value)


def _entity(kind: str, name: str) -> dict[str, str]:
    return {"type": kind, "id": str(name)}
