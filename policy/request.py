"""Attributes as Cedar sees them: principal, action, resource, and the context of the schema.

The context is made once, as JSON text, and both layers read it. A value that the schema does not know makes the
request invalid, and an invalid request is denied.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from gateway.model.marking import Marking
from gateway.model.names import MemberId
from policy.agreements import Covers
from policy.attributes import (
    AskAttributes,
    LearnAttributes,
    QuestionAttributes,
    RecordAttributes,
    naming,
    qualified,
)
from policy.cache import Window
from policy.law import LawCovers

Request = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Setting:
    """What surrounds a question: what the asker's law says of the offence, whether it is night, and until when."""

    law: LawCovers
    night: bool
    window: Window

    def as_context(self) -> dict[str, object]:
        """`law` and `night` of the schema's contexts."""
        return {"law": self.law.as_context(), "night": self.night}


def ask_request(a: AskAttributes, own: MemberId) -> Request:
    """May this officer of ours ask at all?"""
    context: dict[str, object] = {**_asked(a), "purposeInToken": a.purpose_in_token}
    return _request(own, "ask", _entity("Query", a.query), context)


def question_request(
    action: str, a: QuestionAttributes, asker: MemberId, answerer: MemberId, covers: Covers, at: Setting
) -> Request:
    """`send` or `answer`: may this question go from `asker` to `answerer`?"""
    context = {**_asked(a), "answerer": _entity("Member", answerer), "covers": covers.as_context(), **at.as_context()}
    return _request(asker, action, _entity("Query", a.query), context)


def learn_request(a: LearnAttributes) -> Request:
    """May the recipient learn that the record exists?"""
    context: dict[str, object] = {
        "agency": a.agency,
        "marking": _marking(a.marking),
        "category": _entity("Category", a.category),
        "named": _named(a.marking, a.recipient, a.agency, a.office),
    }
    return _request(a.recipient, "learn", _entity("RecordType", a.record_type), context)


def record_request(
    a: RecordAttributes, own: MemberId, covers: Covers, record: tuple[bool, bool], at: Setting
) -> Request:
    """May this record go to the recipient? `record`: the agreement covers its type, and its owner."""
    question = a.question
    context = {
        **_asked(question),
        "query": _entity("Query", question.query),
        "covers": covers.as_context(),
        **at.as_context(),
        "coversRecordType": record[0],
        "coversOwner": record[1],
        "markingCovers": {
            "purpose": a.marking.purposes is None or question.purpose in a.marking.purposes,
            "offence": a.marking.offences is None or question.offence in a.marking.offences,
        },
        "owner": qualified(own, a.owner),
        "marking": _marking(a.marking),
        "category": _entity("Category", a.category),
        "named": _named(a.marking, question.counterpart, question.agency, question.office),
    }
    return _request(question.counterpart, "release", _entity("RecordType", a.record_type), context)


def _request(principal: MemberId, action: str, resource: dict[str, str], context: dict[str, object]) -> Request:
    return {
        "principal": _entity("Member", principal),
        "action": _entity("Action", action),
        "resource": resource,
        "context": json.dumps(context),
    }


def _asked(a: AskAttributes | QuestionAttributes) -> dict[str, object]:
    return {
        "requester": {"role": _entity("Role", a.role), "agency": a.agency, "office": a.office},
        "purpose": _entity("Purpose", a.purpose),
        "offence": _entity("Offence", a.offence),
        "hasCase": a.has_case,
        "hasTicket": a.has_ticket,
    }


def _marking(marking: Marking) -> dict[str, object]:
    return {
        "level": _entity("Level", marking.level),
        "use": _entities("Use", marking.use),
        "caveats": _entities("Caveat", marking.caveats),
        "onward": _entity("Onward", marking.onward),
    }


def _named(marking: Marking, member: MemberId, agency: str, office: str) -> dict[str, bool]:
    named = naming(marking, member, agency, office)
    return {"member": named.member, "unit": named.unit, "withheld": named.withheld}


def _entity(kind: str, name: str) -> dict[str, str]:
    return {"type": kind, "id": str(name)}


def _entities(kind: str, names: Iterable[str]) -> list[dict[str, str]]:
    return [_entity(kind, name) for name in sorted(names)]
