"""`liaison desk`: what waits for a human at this node, and who holds copies of our records."""

from __future__ import annotations

import click

from gateway.cli.lazy import LazyGroup

_DESK = {
    "list": ("desk.work", "The work that you see, the first due first; no content."),
    "show": ("desk.work", "One item of work or one thread, with all that was said."),
    "take": ("desk.work", "Take work, so that your colleagues see that you do it."),
    "assign": ("desk.work", "Give work to a colleague."),
    "threads": ("desk.work", "The threads that you may read, the newest first."),
    "holders": ("desk.ledger", "Who holds copies of a record, and how many ends are confirmed."),
}


@click.group("desk", cls=LazyGroup, table=_DESK)
def desk_group() -> None:
    """What waits for a human at this node: follow-ups, alerts, corrections, and who holds copies of our records.

    \b
    Examples:
      liaison desk list --home vn --as vn.d.7
      liaison desk show decide.th.5f0c… --home vn --as vn.d.7
      liaison desk take decide.th.5f0c… --home vn --as vn.d.7
      liaison desk holders --home kh

    You see the work of your own agency, office and role (docs/desk/roles.md), and nothing once your training is over.
    """
