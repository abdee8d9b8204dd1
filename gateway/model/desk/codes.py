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


class NotExecuted(StrEnum):
    """Why an alert is not carried out on our soil: the reasons in law."""

    NO_LEGAL_BASIS = "no-legal-basis"
    NO_OFFENCE_HERE = "no-offence-here"
    COURT_ORDER_NEEDED = "court-order-needed"
    OWN_NATIONAL = "own-national"
    IMMUNITY = "immunity"
    MINOR = "minor"
    STATUTE_BARRED = "statute-barred"
    ALREADY_TRIED = "already-tried"
    PROTECTION = "protection"
    """The person has asked for asylum, or is protected otherwise."""
    NATIONAL_SECURITY = "national-security"


class ReviewResult(StrEnum):
    """The verdict of a supervisor on what was done."""

    IN_ORDER = "in-order"
    NOT_IN_ORDER = "not-in-order"
    """The security officer looks into it from then on."""
    CANNOT_TELL = "cannot-tell"


class FindingResult(StrEnum):
    """The verdict of a security officer on a finding or an incident."""

    EXPLAINED = "explained"
    MISUSE = "misuse"
    CANNOT_TELL = "cannot-tell"
    DEALT_WITH = "dealt-with"
