"""Tell how a member stands with us: the one rule for the command, the REST API and whatever else shows members.

The first that holds: it takes no part any more, by the charter; our country has switched it off; its documents are out
of their time; they removed a key of its node; our side refuses its node; its side ended our connection; it cannot be
reached; its last answer was that it has switched us off; it serves.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.config.suspensions import Suspensions
from gateway.errors import LiaisonError, Untrusted
from gateway.model.exchange import Outcome
from gateway.model.members import Contact, MemberState
from gateway.trust.documents.members import MemberStatus
from gateway.trust.standing import check_standing
from gateway.trust.view import TrustView


@dataclass(frozen=True, slots=True)
class Standing:
    """A state, since when (0: not known), and its cause: a code of refusal, and a text where a person wrote one."""

    state: MemberState
    since_us: int = 0
    code: str = ""
    text: str = ""


def standing_of(
    view: TrustView, member: str, me: str, now_us: int, switches: Suspensions, contact: Contact | None
) -> Standing:
    """Return how `member` stands with us. `contact` is what a running node knows of it, None where none runs."""
    if not view.active(member):
        return Standing(_inactive(view, member))
    if (reason := switches.suspends(peer=member)) is not None:
        return Standing(MemberState.SUSPENDED_BY_US, text=reason)
    try:
        view.freshness(member, now_us)
    except LiaisonError as error:
        return Standing(MemberState.OUT_OF_TIME, code=error.code, text=error.message)
    try:
        check_standing(view, member, now_us)
    except Untrusted as error:
        return Standing(MemberState.NOT_TRUSTED, code=error.code, text=error.message)
    if contact is None:
        return Standing(MemberState.ACTIVE)
    return Standing(MemberState.SERVING) if member == me else _met(contact)


def _inactive(view: TrustView, member: str) -> MemberState:
    if member in view.withheld.members:
        return MemberState.CONTRADICTED
    return MemberState.LEFT if view.members[member].status is MemberStatus.LEFT else MemberState.SUSPENDED


def _met(contact: Contact) -> Standing:
    """Return how a member stands of which only its node's own doings are in question."""
    if contact.refused:
        return Standing(MemberState.NOT_TRUSTED, code=contact.refused)
    if contact.dismissed and not contact.connected:
        return Standing(MemberState.DISMISSED, contact.last_seen_us, contact.dismissed)
    if contact.silent_since_us or not contact.connected:
        return Standing(MemberState.SILENT, contact.silent_since_us or contact.last_seen_us)
    said = contact.said
    if said is not None and said.outcome is Outcome.SUSPENDED:
        return Standing(MemberState.SUSPENDED_BY_THEM, said.time_us, said.code, said.text)
    return Standing(MemberState.SERVING)
