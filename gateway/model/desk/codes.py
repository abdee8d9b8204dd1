"""List the codes of reasons that people of this member choose from. A counterpart's own codes are shown as they are."""

from __future__ import annotations

from enum import StrEnum


class LiftReason(StrEnum):
    """Why an alert of ours is lifted."""

    FOUND = "found"
    NO_LONGER_SOUGHT = "no-longer-sought"
    WRONG_DATA = "wrong-data"
    WRONG_SUBJECT = "wrong-subject"
    DECISION_REVOKED = "decision-revoked"
    OPERATION_OVER = "operation-over"
    OTHER = "other"


class ReportReason(StrEnum):
    """The reasons for which a report of ours is withdrawn."""

    OUTDATED = "outdated"
    MISTAKEN = "mistaken"
    PERSON_TOLD = "person-told"
    SOURCE_AT_RISK = "source-at-risk"
    COURT_ORDER = "court-order"
    OTHER = "other"


class ChangeReason(StrEnum):
    """Why what was given is changed."""

    ACQUITTED = "acquitted"
    COURT_ORDER = "court-order"
    EXPIRED = "expired"
    FOUND = "found"
    LEAK = "leak"
    MISTAKEN = "mistaken"
    OUTDATED = "outdated"
    SETTLED = "settled"
    UNLAWFUL = "unlawful"
    VICTIM = "victim"
    WRONG_PERSON = "wrong-person"
    OTHER = "other"


class Objection(StrEnum):
    """Why a copy is not erased although its owner wants it."""

    COURT_FILE = "court-file"
    LEGAL_HOLD = "legal-hold"
    EVIDENCE = "evidence"
    LIFE_AT_RISK = "life-at-risk"
    OTHER = "other"


class AnswerReason(StrEnum):
    """Why an ask is answered so."""

    ANOTHER_AGENCY = "another-agency"
    COURT_ORDER_NEEDED = "court-order-needed"
    NO_LEGAL_BASIS = "no-legal-basis"
    NOT_ENOUGH_FACTS = "not-enough-facts"
    NOT_OURS = "not-ours"
    OPERATION = "operation"
    SECURITY = "security"
    SOURCE_AT_RISK = "source-at-risk"
    VICTIM_AT_RISK = "victim-at-risk"
    OTHER = "other"
