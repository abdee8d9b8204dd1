"""Tell what is wrong with a body or a parameter of a call: the member's place, and a sentence of ours about it.

The checker's own words name its types and its documents, and would stay English: each kind of mistake has a sentence
here, whose facts are the limits and codes of the API. What the caller sent is never among them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from gateway.errors import Malformed
from gateway.language.catalogue import Sentences

_Body = TypeVar("_Body", bound=BaseModel)

SAID: Sentences = {
    "missing": "this member is missing",
    "extra_forbidden": "unknown member",
    "string_pattern_mismatch": "is not written as this member must be",
    "string_type": "a text is expected",
    "string_too_short": "a text of {min_length} characters or more is expected",
    "string_too_long": "a text of {max_length} characters at most is expected",
    "int_type": "a whole number is expected",
    "greater_than_equal": "a number of {ge} or more is expected",
    "less_than_equal": "a number of {le} or less is expected",
    "bool_type": "true or false is expected",
    "list_type": "a list is expected",
    "too_short": "{min_length} or more of them are expected",
    "too_long": "{max_length} of them at most are expected",
    "dict_type": "an object with members is expected",
    "enum": "one of these is expected: {expected}",
    "timezone_aware": "a time with its zone is expected, such as 2026-11-24T09:30:00Z",
    "union_tag_not_found": "the member `{discriminator}` says which kind it is, and is missing",
    "union_tag_invalid": "the member `{discriminator}` is one of these: {expected_tags}",
    "other": "the value has another form than this member has",
}
"""The sentence of each kind of mistake, with the facts that the checker gives."""

_SAME: Mapping[str, str] = {
    "int_parsing": "int_type",
    "int_from_float": "int_type",
    "int_parsing_size": "int_type",
    "bool_parsing": "bool_type",
    "literal_error": "enum",
    "model_type": "dict_type",
    "model_attributes_type": "dict_type",
    "string_unicode": "string_type",
    "finite_number": "int_type",
}
"""Kinds of mistakes that have the sentence of another one."""


def read_body(kind: type[_Body], value: Any, code: str) -> _Body:
    """Return `value` (parsed JSON) as a body of `kind`; raise `Malformed` with `code` for the first wrong member."""
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        raise wrong_body(error.errors(include_url=False, include_input=False), value, code) from None


def wrong_body(mistakes: Sequence[Mapping[str, Any]], value: Any, code: str) -> Malformed:
    """Return the error about the first mistake that the checker found in `value`."""
    first = mistakes[0]
    kind = _SAME.get(first["type"], first["type"])
    if kind.startswith("datetime_"):
        kind = "timezone_aware"
    facts = {name: str(fact).replace("'", "").replace(" or ", ", ") for name, fact in (first.get("ctx") or {}).items()}
    where = ".".join(_place(first["loc"], value))[:120] or "body"
    return Malformed(SAID.get(kind, SAID["other"]), code=code, where=where, **facts)


def _place(loc: Sequence[str | int], value: Any) -> list[str]:
    """Return the place of a member in what the caller sent, without the kinds by which the checker chose its rules."""
    place: list[str] = []
    for number, part in enumerate(loc, 1):
        is_there = (isinstance(value, dict) and part in value) or (isinstance(value, list) and isinstance(part, int))
        if is_there or number == len(loc):
            place.append(str(part))
        value = value[part] if is_there and (isinstance(value, dict) or int(part) < len(value)) else value
    return place
