"""`liaison review`: what a supervisor reviews of colleagues' questions, and what rules over the own log have found."""

from __future__ import annotations

import click

from gateway.cli.lazy import LazyGroup

_REVIEW = {
    "list": ("review.matters", "What waits for your review, or for you to look into."),
    "show": ("review.matters", "Who asked, when and why; of a review also what was asked for."),
    "confirm": ("review.matters", "End a review: in order, not in order, or you cannot tell."),
    "settle": ("review.matters", "End the work on a finding or an incident of ours."),
    "figures": ("review.matters", "How many reviews there were: in time, late, open."),
    "rules": ("review.rules", "The rules over the own log that hold, or the mistakes in a country's own."),
}


@click.group("review", cls=LazyGroup, table=_REVIEW)
def review_group() -> None:
    """Reviews of colleagues' questions, and findings of the rules over the own log.

    \b
    Examples:
      liaison review list --home th --as th.s.2
      liaison review show review.th.5f0c… --home th --as th.s.2
      liaison review confirm review.th.5f0c… --home th --as th.s.2 --result in-order --text "case file seen"
      liaison review rules --home th                       # what is looked for; exit code 1 for a mistake

    A finding is work for the security officer, and never blame: nothing is blocked by it.
    """
