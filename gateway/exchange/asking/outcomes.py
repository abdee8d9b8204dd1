"""Say which outcome an error is: of a question that got no answer, and of one that did not leave."""

from __future__ import annotations

from gateway.errors import BadSignature, LiaisonError, Suspended, Unavailable, Untrusted
from gateway.model.exchange import Outcome, Refusal
from gateway.model.names import MemberId
from gateway.model.search import Line


def outcome_unheard(problem: Exception) -> Outcome:
    """Return the outcome of a question for which nothing came that could be checked."""
    if isinstance(problem, Suspended):  # it was switched off at the last moment
        return Outcome.SUSPENDED
    unheard = isinstance(problem, Unavailable) and not isinstance(problem, Untrusted)
    return Outcome.SILENT if unheard else Outcome.NOT_ACCEPTED


def outcome_at_home(error: LiaisonError) -> Outcome:
    """Return the outcome of a question that our own node does not let out, or of an answer that it does not show."""
    if isinstance(error, Suspended):
        return Outcome.SUSPENDED
    return Outcome.NOT_ACCEPTED if isinstance(error, Untrusted | BadSignature) else Outcome.REFUSED


def line_unsent(member: MemberId, error: LiaisonError) -> Line:
    """Return the line of a question that does not leave."""
    return Line(member, outcome_at_home(error), refusal=Refusal(error.reason, error.code, error.message))
