"""Attributes that were kept in an entry, read back, so that a decision can be explained or made again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.conversion import converter
from gateway.errors import Malformed, Misconfigured
from gateway.model.marking import Marking
from gateway.model.names import member_id
from policy.attributes import QuestionAttributes, RecordAttributes

_question, _record = converter(QuestionAttributes), converter(RecordAttributes)


def question_from(kept: Mapping[str, Any]) -> QuestionAttributes:
    """Return the attributes of a question, from `QuestionAttributes.as_json`. Raises `Malformed`."""
    try:
        question = _question(kept)
    except msgspec.ValidationError as error:
        raise _unreadable(str(error)) from error
    member_id(question.counterpart)
    return question


def record_from(kept: Mapping[str, Any], question: QuestionAttributes) -> RecordAttributes:
    """Return the attributes of a record, from `RecordAttributes.as_json`. Raises `Malformed`."""
    try:
        own = {name: kept[name] for name in ("record_type", "owner", "category")}
        marking = Marking.from_json(kept["marking"])
        return _record({**own, "marking": marking, "question": question})
    except (KeyError, TypeError, AttributeError, Misconfigured, msgspec.ValidationError) as error:
        raise _unreadable("a record's attributes have another form") from error


def _unreadable(problem: str) -> Malformed:
    return Malformed(
        "the attributes that an entry kept cannot be read: {problem}", code="bad-attributes", problem=problem
    )
