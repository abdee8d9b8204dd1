"""Refusals in words: a sentence for each machine code, for officers to read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from policy.attributes import AskAttributes, QuestionAttributes, RecordAttributes

Attributes = AskAttributes | QuestionAttributes | RecordAttributes

ROLE_NOT_ALLOWED = "role-not-allowed"
AGREEMENT_UNKNOWN = "agreement-unknown"
NOT_A_PARTY = "not-a-party"
AGREEMENT_EXPIRED = "agreement-expired"
PURPOSE_NOT_COVERED = "purpose-not-covered"
QUERY_NOT_COVERED = "query-not-covered"
OFFENCE_NOT_COVERED = "offence-not-covered"
RECORD_NOT_COVERED = "record-not-covered"
CASE_MISSING = "case-missing"
POLICY_DENIES = "policy-denies"


def _agreement(attributes: Attributes) -> str:
    question = _question(attributes)
    return f"the agreement `{question.agreement}`" if question and question.agreement else "the agreement"


def _question(attributes: Attributes) -> QuestionAttributes | None:
    if isinstance(attributes, RecordAttributes):
        return attributes.question
    return attributes if isinstance(attributes, QuestionAttributes) else None


def _asked(attributes: Attributes) -> AskAttributes | QuestionAttributes:
    return attributes.question if isinstance(attributes, RecordAttributes) else attributes


def _words(value: str) -> str:
    return str(value).replace("_", " ").lower()


def _purpose(attributes: Attributes) -> str:
    purpose = _words(_asked(attributes).purpose)
    if isinstance(attributes, AskAttributes):
        return f"the purpose `{purpose}` is not among those that this officer may ask for"
    question = _question(attributes)
    if question is None or not question.agreement:
        return f"no agreement between the two countries covers the purpose `{purpose}`"
    return f"{_agreement(attributes)} does not cover the purpose `{purpose}`"


def _record(attributes: Attributes) -> str:
    kind = attributes.record_type if isinstance(attributes, RecordAttributes) else "this kind"
    return f"{_agreement(attributes)} does not cover records of {kind}"


_SENTENCES: Mapping[str, Callable[[Attributes], str]] = MappingProxyType(
    {
        ROLE_NOT_ALLOWED: lambda a: f"an officer with the role `{_asked(a).role}` may not ask this",
        AGREEMENT_UNKNOWN: lambda a: f"{_agreement(a)}, which a question must cite, is not known here",
        NOT_A_PARTY: lambda a: f"{_agreement(a)} is not between these two countries, or does not name the agency",
        AGREEMENT_EXPIRED: lambda a: f"{_agreement(a)} is not in force at this time",
        PURPOSE_NOT_COVERED: _purpose,
        QUERY_NOT_COVERED: lambda a: f"{_agreement(a)} does not cover questions by {_words(_asked(a).query)}",
        OFFENCE_NOT_COVERED: lambda a: f"{_agreement(a)} does not cover the offence `{_asked(a).offence}`",
        RECORD_NOT_COVERED: _record,
        CASE_MISSING: lambda a: f"a question for `{_words(_asked(a).purpose)}` needs a case number",
        POLICY_DENIES: lambda _: "national policy does not permit this",
    }
)

PRECEDENCE = tuple(_SENTENCES)
"""All codes; where several policies deny, the first of these is told."""

CODES = frozenset(PRECEDENCE)
"""The codes that a policy may name with `@code`."""


def sentence(code: str, attributes: Attributes) -> str:
    """Why a question was refused, as an English sentence for an officer. An unknown code is told as it is."""
    words = _SENTENCES[code](attributes) if code in _SENTENCES else f"refused: {code}"
    return f"{words[0].upper()}{words[1:]}."
