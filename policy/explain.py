"""Refusals in words: a sentence for each machine code, for officers to read."""

from __future__ import annotations

from gateway.errors import Forbidden
from gateway.language.catalogue import Sentences, Term, tell
from gateway.language.languages import Language
from gateway.language.terms import PURPOSES, QUERIES
from policy.attributes import AskAttributes, DeskAttributes, QuestionAttributes, RecordAttributes

Attributes = AskAttributes | QuestionAttributes | RecordAttributes | DeskAttributes

ROLE_NOT_ALLOWED = "role-not-allowed"
AGREEMENT_UNKNOWN = "agreement-unknown"
NOT_A_PARTY = "not-a-party"
AGREEMENT_EXPIRED = "agreement-expired"
PURPOSE_NOT_COVERED = "purpose-not-covered"
QUERY_NOT_COVERED = "query-not-covered"
OFFENCE_NOT_COVERED = "offence-not-covered"
RECORD_NOT_COVERED = "record-not-covered"
CASE_MISSING = "case-missing"
NEEDS_COURT = "needs-court"
POLICY_DENIES = "policy-denies"
NEEDS_ASSURANCE = "needs-assurance"
NEEDS_HUMAN = "needs-human"

_SENTENCES: Sentences = {
    ROLE_NOT_ALLOWED: "An officer with the role `{role}` may not ask this.",
    AGREEMENT_UNKNOWN: "The agreement `{agreement}`, which a question must cite, is not known here.",
    NOT_A_PARTY: "The agreement `{agreement}` is not between these two countries, or does not name the agency.",
    AGREEMENT_EXPIRED: "The agreement `{agreement}` is not in force at this time.",
    PURPOSE_NOT_COVERED: "The agreement `{agreement}` does not cover the purpose `{purpose}`.",
    QUERY_NOT_COVERED: "The agreement `{agreement}` does not cover questions by {query}.",
    OFFENCE_NOT_COVERED: "The agreement `{agreement}` does not cover the offence `{offence}`.",
    RECORD_NOT_COVERED: "The agreement `{agreement}` does not cover records of {kind}.",
    CASE_MISSING: "A question for `{purpose}` needs a case number.",
    NEEDS_COURT: "The record is released by order of a court only.",
    POLICY_DENIES: "National policy does not permit this.",
    NEEDS_ASSURANCE: "The offence may carry the death penalty, and nothing was assured: a human decides.",
    NEEDS_HUMAN: "A human decides on this record.",
}

_UNCITED: Sentences = {
    AGREEMENT_UNKNOWN: "The agreement, which a question must cite, is not known here.",
    NOT_A_PARTY: "The agreement is not between these two countries, or does not name the agency.",
    AGREEMENT_EXPIRED: "The agreement is not in force at this time.",
    PURPOSE_NOT_COVERED: "No agreement between the two countries covers the purpose `{purpose}`.",
    QUERY_NOT_COVERED: "The agreement does not cover questions by {query}.",
    OFFENCE_NOT_COVERED: "The agreement does not cover the offence `{offence}`.",
    RECORD_NOT_COVERED: "The agreement does not cover records of {kind}.",
}
"""For questions that cite no agreement."""

_AT_HOME: Sentences = {
    PURPOSE_NOT_COVERED: "The purpose `{purpose}` is not among those that this officer may ask for.",
}
"""Before a question is made."""

PRECEDENCE = tuple(_SENTENCES)
"""All codes; if several policies deny, the first of these is given."""

HUMAN_CODES = frozenset({NEEDS_ASSURANCE, NEEDS_HUMAN})
"""The codes that a permit with `@human` may name with `@code`: why a human decides."""

CODES = frozenset(PRECEDENCE) - HUMAN_CODES
"""The codes that a forbid may name with `@code`."""


def sentence(code: str, attributes: Attributes, language: Language = Language.EN) -> str:
    """Return the reason of a refusal as a sentence for an officer. An unknown code is shown as it is."""
    refused = forbidden(code, attributes)
    return tell(language, refused.template, **refused.facts)


def forbidden(code: str, attributes: Attributes, where: str = "") -> Forbidden:
    """Return the refusal of a question, to be raised; its sentence is made in the officer's language."""
    if template := _template(code, attributes):
        return Forbidden(template, code=code, where=where, remedy="", **_facts(attributes))
    return Forbidden("Refused: {word}.", code=code, where=where, word=code)


def _template(code: str, attributes: Attributes) -> str:
    if isinstance(attributes, AskAttributes) and code in _AT_HOME:
        return _AT_HOME[code]
    if not _agreement(attributes) and code in _UNCITED:
        return _UNCITED[code]
    return _SENTENCES.get(code, "")


def _facts(attributes: Attributes) -> dict[str, object]:
    asked = attributes.question if isinstance(attributes, RecordAttributes) else attributes
    return {
        "role": asked.role,
        "agreement": _agreement(attributes),
        "purpose": _word(PURPOSES, asked.purpose),
        "query": Term("this kind") if isinstance(asked, DeskAttributes) else _word(QUERIES, asked.query),
        "offence": asked.offence,
        "kind": attributes.record_type if isinstance(attributes, RecordAttributes) else Term("this kind"),
    }


def _agreement(attributes: Attributes) -> str:
    if isinstance(attributes, RecordAttributes):
        return attributes.question.agreement
    return "" if isinstance(attributes, AskAttributes) else attributes.agreement


def _word(words: Sentences, value: str) -> str:
    """Return a code as a word of the catalogues; an unlisted one as it is."""
    return Term(words[value]) if value in words else value
