"""Attributes that were kept in an entry, read back, so that a decision can be explained or made again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.errors import Malformed, Misconfigured
from gateway.model.marking import Marking, SubjectCategory, code
from gateway.model.names import member_id
from policy.attributes import QuestionAttributes, RecordAttributes

_TEXTS = ("role", "agency", "office", "query", "purpose", "offence", "agreement")


def question_from(kept: Mapping[str, Any]) -> QuestionAttributes:
    """Return the attributes of a question, from `QuestionAttributes.as_json`. Raises `Malformed`."""
    try:
        return QuestionAttributes(
            counterpart=member_id(kept["counterpart"]),
            **{name: _text(kept[name]) for name in _TEXTS},
            has_case=kept["has_case"] is True,
            has_ticket=kept["has_ticket"] is True,
        )
    except KeyError as error:
        raise _unreadable(f"no `{error.args[0]}`") from error


def record_from(kept: Mapping[str, Any], question: QuestionAttributes) -> RecordAttributes:
    """Return the attributes of a record, from `RecordAttributes.as_json`. Raises `Malformed`."""
    try:
        return RecordAttributes(
            question=question,
            record_type=_text(kept["record_type"]),
            owner=_text(kept["owner"]),
            marking=Marking.from_json(kept["marking"]),
            category=code(SubjectCategory, kept["category"]),
        )
    except (KeyError, TypeError, AttributeError, Misconfigured) as error:
        raise _unreadable("a record's attributes have another form") from error


def _text(value: Any) -> str:
    if type(value) is not str:
        raise _unreadable("an attribute is no text")
    return value


def _unreadable(problem: str) -> Malformed:
    return Malformed(
        "the attributes that an entry kept cannot be read: {problem}", code="bad-attributes", problem=problem
    )
