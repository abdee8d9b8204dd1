"""Work: somebody of this office must do X until T. Each clock, approval and acknowledgement is one row of work."""

from __future__ import annotations

from enum import StrEnum


class WorkKind(StrEnum):
    """The kinds of work."""

    CONFIRM = "confirm"
    APPROVE = "approve"
    DECIDE = "decide"
    CLARIFY = "clarify"
    ACKNOWLEDGE = "acknowledge"
    COMPLY = "comply"
    REVALIDATE = "revalidate"
    OUTCOME = "outcome"
    CORRECT = "correct"
    DISTINGUISH = "distinguish"
    REVIEW = "review"
    INCIDENT = "incident"
    READ = "read"
    """A late answer, an undelivered notice, a reply: somebody must look at it."""


class Role(StrEnum):
    """The roles of the desk; `gateway.desk.roles` says what each may do."""

    OFFICER = "officer"
    SUPERVISOR = "supervisor"
    DUTY = "duty"
    NATIONAL_DESK = "national-desk"
    HEAD_OF_DESK = "head-of-desk"
    DATA_OFFICER = "data-officer"
    APPROVER = "approver"
    CENTRAL_AUTHORITY = "central-authority"
    SECURITY_OFFICER = "security-officer"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


class Level(StrEnum):
    """The level to which work was escalated by its clock."""

    FIRST = "first"
    HALF = "half"
    """Half of the time is over: the national desk sees it, too."""
    END = "end"
    """All of the time is over."""


class HoldingState(StrEnum):
    """The state of a copy of a record that a holder has."""

    HELD = "held"
    HIDDEN = "hidden"
    CHANGING = "changing"
    """The owner has changed it, and the holder has not confirmed yet."""
    OBJECTED = "objected"
    ENDED = "ended"
    """Erased, or never held; confirmed."""


class Direction(StrEnum):
    """The giver of a copy: `OUT` we did, `IN` the counterpart did."""

    OUT = "out"
    IN = "in"


class DeliveryState(StrEnum):
    """The state of a notice of ours on its way.

    `EXPIRED`: its time is over, and whether the counterpart took it is not known. One that was refused as expired was
    not.
    """

    WAITING = "waiting"
    TAKEN = "taken"
    REFUSED = "refused"
    EXPIRED = "expired"
